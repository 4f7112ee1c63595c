package uipath

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/site"
)

// Orchestrator is a simulated tenant and its identity server. All methods may
// be called at any time and from any goroutine.
type Orchestrator struct {
	settings Settings
	prefix   string // of every path of the API
	api      *site.Site
	identity *site.Site
	ca       *site.Authority // nil without TLS

	tenant  *store
	tokens  *tokens
	lookUps *window
	faults  *faults
	books   *books

	// running ends when Close begins; every wait of a call listens to it.
	running context.Context
	stop    context.CancelFunc
	under   sync.WaitGroup // calls and late effects
	gate    sync.Mutex     // guards closed against under.Add
	closed  bool
}

// Start begins to listen and returns at once. The caller must Close it. The
// error is a listener that could not be opened, or a bad ClientCAPEM.
func Start(settings Settings) (*Orchestrator, error) {
	s := settings.withDefaults()
	o := &Orchestrator{
		settings: s,
		prefix:   s.prefix(),
		tenant:   newStore(),
		tokens:   newTokens(s),
		lookUps:  &window{limit: max(s.LookUpsPerMinute, 0), span: time.Minute},
		books:    newBooks(s.RecordCalls),
		faults:   newFaults(s.Seed),
	}
	o.running, o.stop = context.WithCancel(context.Background())
	if s.TLS {
		ca, err := site.NewAuthority(s.ClientCAPEM)
		if err != nil {
			o.stop()
			return nil, fmt.Errorf("uipath simulator: %w", err)
		}
		o.ca = ca
	}
	if err := o.listen(); err != nil {
		o.stop()
		return nil, fmt.Errorf("uipath simulator: %w", err)
	}
	return o, nil
}

func (o *Orchestrator) listen() error {
	api, err := site.Open(site.Settings{
		Address: o.settings.Listen, CA: o.ca, Handler: http.HandlerFunc(o.serveAPI), Lost: o.books.violate,
		Refused: func() bool { return o.faults.refusing(false) },
	})
	if err != nil {
		return err
	}
	identity, err := site.Open(site.Settings{
		Address: o.settings.IdentityListen, CA: o.ca, Handler: http.HandlerFunc(o.serveIdentity), Lost: o.books.violate,
		Refused: func() bool { return o.faults.refusing(true) },
	})
	if err != nil {
		api.Close()
		return err
	}
	o.api, o.identity = api, identity
	return nil
}

// Close ends every call, drops effects that have not appeared yet, closes both
// servers and waits for all of it. The books can still be read. It may be
// called twice.
func (o *Orchestrator) Close() {
	o.gate.Lock()
	o.closed = true
	o.gate.Unlock()
	o.stop()
	o.api.Close()
	o.identity.Close()
	o.under.Wait()
}

// URL is the base URL of the API, without a slash at its end.
func (o *Orchestrator) URL() string { return o.api.URL() + o.prefix }

// TokenURL is the token endpoint in the form that names the organisation.
func (o *Orchestrator) TokenURL() string {
	return o.identity.URL() + "/" + o.settings.Organization + identityPath + tokenPath
}

// GlobalTokenURL is the token endpoint in its older form, without the organisation.
func (o *Orchestrator) GlobalTokenURL() string { return o.identity.URL() + identityPath + tokenPath }

// StandaloneTokenURL is the token endpoint of a standalone Identity Server.
func (o *Orchestrator) StandaloneTokenURL() string {
	return o.identity.URL() + standaloneIdentityPath + tokenPath
}

// RevocationURL is the revocation endpoint in the form that names the
// organisation; the other forms differ from it as those of the token endpoint do.
func (o *Orchestrator) RevocationURL() string {
	return o.identity.URL() + "/" + o.settings.Organization + identityPath + revocationPath
}

// CAPEM is the certificate of the CA that vouches for both servers, in PEM.
// Without Settings.TLS it is nil.
func (o *Orchestrator) CAPEM() []byte {
	return o.ca.PEM()
}

// begin admits work that Close has to wait for.
func (o *Orchestrator) begin() bool {
	o.gate.Lock()
	defer o.gate.Unlock()
	if o.closed {
		return false
	}
	o.under.Add(1)
	return true
}

// wait sleeps for d, or until a fault is removed (nil: none) or the server closes.
func (o *Orchestrator) wait(d time.Duration, removed <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-removed:
	case <-o.running.Done():
	}
}

// now is the time on the server's clock.
func (o *Orchestrator) now() time.Time { return time.Now().Add(o.settings.ClockSkew) }
