package setup

import (
	"net/http"
	"strconv"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/uipath"
	"github.com/queueferry/queueferry/internal/secret"
)

// Observers are told what happens on the way to an orchestrator. Each may be nil.
type Observers struct {
	Token    func(authpool.Event)
	Call     func(operation string, status int, took time.Duration)
	LookedUp func(uipath.LookUp)
}

// Target is the way to one orchestrator: tokens, and a connector that uses them.
// Close the idle connections of Transport, and the pool, when it is not needed
// any more.
type Target struct {
	Transport *http.Transport
	Pool      *authpool.Pool
	Connector orchestrator.Connector
}

// NewTarget makes the way to the orchestrator of a connection that [Supported]
// has let through. Nothing is sent. An error is a [*config.Error].
func NewTarget(cfg *config.Config, s config.Connection, o Observers) (Target, error) {
	transport, err := orchestrator.NewTransport(orchestrator.TransportSettings{
		CAFile: s.TLS.CAFile, CertFile: s.TLS.CertFile, KeyFile: s.TLS.KeyFile, MaxConcurrent: s.MaxConcurrent,
	})
	if err != nil {
		problem := cfg.Problem("connections."+s.Name+".tls", "%v", err)
		return Target{}, &config.Error{Problems: []config.Problem{problem}}
	}
	pool := authpool.New(authpool.Settings{
		Connection: s.Name, Credentials: credentials(s, transport), Observe: o.Token,
	})
	connector := uipath.New(uipath.Settings{
		Client: orchestrator.Client{
			Transport: &authpool.Transport{Base: transport, Pool: pool},
			BaseURL:   s.URL, Timeout: s.Timeout, Observe: o.Call,
		},
		Tenant: s.Tenant, ContentLimit: s.ContentLimit,
		Settle: s.Settle, LookUpsPerMinute: s.LookUpsPerMinute, LookedUp: o.LookedUp,
	})
	return Target{Transport: transport, Pool: pool, Connector: connector}, nil
}

func credentials(s config.Connection, transport http.RoundTripper) []authpool.Credential {
	all := make([]authpool.Credential, 0, len(s.Credentials))
	for i, c := range s.Credentials {
		all = append(all, authpool.Credential{
			Name: strconv.Itoa(i + 1), Grant: grant(c, transport), SecretFiles: secretFiles(c),
		})
	}
	return all
}

// grant knows what Supported has let through.
func grant(c config.Credential, transport http.RoundTripper) authpool.Grant {
	if c.Grant == config.Static {
		return &authpool.Static{Secret: c.Token}
	}
	return &authpool.ClientCredentials{
		TokenURL: c.TokenURL, ClientID: c.ClientID, ClientSecret: c.ClientSecret,
		Scopes: c.Scopes, RevocationURL: c.RevocationURL, Transport: transport,
	}
}

func secretFiles(c config.Credential) (paths []string) {
	for _, s := range []secret.Source{c.ClientSecret, c.Token} {
		if s.Path() != "" {
			paths = append(paths, s.Path())
		}
	}
	return paths
}
