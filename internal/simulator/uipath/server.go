package uipath

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Orchestrator is a simulated tenant and its identity server. All methods may
// be called at any time and from any goroutine.
type Orchestrator struct {
	settings Settings
	prefix   string // of every path of the API
	api      *site
	identity *site
	ca       *authority // nil without TLS

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
		prefix:   "/" + s.Organization + "/" + s.Tenant + "/orchestrator_",
		tenant:   newStore(),
		tokens:   newTokens(s.Clients),
		lookUps:  &window{limit: max(s.LookUpsPerMinute, 0), span: time.Minute},
		books:    newBooks(s.RecordCalls),
		faults:   newFaults(s.Seed),
	}
	o.running, o.stop = context.WithCancel(context.Background())
	if s.TLS {
		ca, err := newAuthority(s.ClientCAPEM)
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
	api, err := openSite(siteSettings{
		address: o.settings.Listen, ca: o.ca, handler: http.HandlerFunc(o.serveAPI), lost: o.books.violate,
		refused: func() bool { return o.faults.refusing(false) },
	})
	if err != nil {
		return err
	}
	identity, err := openSite(siteSettings{
		address: o.settings.IdentityListen, ca: o.ca, handler: http.HandlerFunc(o.serveIdentity), lost: o.books.violate,
		refused: func() bool { return o.faults.refusing(true) },
	})
	if err != nil {
		api.close()
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
	o.api.close()
	o.identity.close()
	o.under.Wait()
}

// URL is the base URL of the API, without a slash at its end.
func (o *Orchestrator) URL() string { return o.api.url() + o.prefix }

// TokenURL is the token endpoint in the form that names the organisation.
func (o *Orchestrator) TokenURL() string {
	return o.identity.url() + "/" + o.settings.Organization + tokenPath
}

// GlobalTokenURL is the token endpoint in its older form, without the organisation.
func (o *Orchestrator) GlobalTokenURL() string { return o.identity.url() + tokenPath }

// CAPEM is the certificate of the CA that vouches for both servers, in PEM.
// Without Settings.TLS it is nil.
func (o *Orchestrator) CAPEM() []byte {
	if o.ca == nil {
		return nil
	}
	return o.ca.pem
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
