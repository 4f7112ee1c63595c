package setup

import (
	"net/http"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/automationanywhere"
	"github.com/queueferry/queueferry/internal/orchestrator/uipath"
	"github.com/queueferry/queueferry/internal/orchestrator/veeam"
)

// Observers are told what happens on the way to an orchestrator. Each may be nil.
type Observers struct {
	Token    func(authpool.Event)
	Call     func(operation string, status int, took time.Duration)
	LookedUp func(orchestrator.LookUp)
}

// Target is the way to one orchestrator: tokens, calls that carry them, and a
// connector that makes such calls. Close the idle connections of Transport, and
// the pool, when it is not needed any more.
type Target struct {
	Transport *http.Transport
	// Grants are those of the connection's credentials, in their order.
	Grants    []authpool.Grant
	Pool      *authpool.Pool
	Client    orchestrator.Client
	Connector orchestrator.Connector
}

// NewTarget makes the way to the orchestrator of a connection. Nothing is sent.
// An error is a [*config.Error].
func NewTarget(cfg *config.Config, s config.Connection, o Observers) (Target, error) {
	transport, err := orchestrator.NewTransport(orchestrator.TransportSettings{
		CAFile: s.TLS.CAFile, CertFile: s.TLS.CertFile, KeyFile: s.TLS.KeyFile, MaxConcurrent: s.MaxConcurrent,
	})
	if err != nil {
		problem := cfg.Problem("connections."+s.Name+".tls", "%v", err)
		return Target{}, &config.Error{Problems: []config.Problem{problem}}
	}
	t := Target{Transport: transport, Grants: grants(s, transport)}
	t.Pool = authpool.New(authpool.Settings{
		Connection: s.Name, Credentials: credentials(s, t.Grants), DefaultLife: defaultLives[s.Product], Observe: o.Token,
	})
	t.Client = orchestrator.Client{
		Transport: &authpool.Transport{Base: transport, Pool: t.Pool, Header: tokenHeaders[s.Product]},
		BaseURL:   s.URL, Timeout: s.Timeout, Observe: o.Call,
	}
	t.Connector = connector(s, t.Client, o)
	return t, nil
}

// connector speaks the product's API.
func connector(s config.Connection, client orchestrator.Client, o Observers) orchestrator.Connector {
	switch s.Product {
	case config.UiPath:
		return uipath.New(uipath.Settings{
			Client: client, Tenant: s.Tenant, ContentLimit: s.ContentLimit,
			Settle: s.Settle, LookUpsPerMinute: s.LookUpsPerMinute, LookedUp: o.LookedUp,
		})
	case config.Veeam:
		return veeam.New(veeam.Settings{Client: client, APIVersion: s.APIVersion, Settle: s.Settle, LookedUp: o.LookedUp})
	case config.AutomationAnywhere:
		return automationanywhere.New(automationanywhere.Settings{
			Client: client, Generation: s.Generation, ContentLimit: s.ContentLimit,
			Settle: s.Settle, LookUpsPerMinute: s.LookUpsPerMinute, LookedUp: o.LookedUp,
		})
	}
	return nil
}

// tokenHeaders are where a product looks for its token. Not listed: in
// Authorization, as a bearer token.
var tokenHeaders = map[config.Product]string{config.AutomationAnywhere: "X-Authorization"}
