package authpool

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Credential is one way to log in.
type Credential struct {
	// Name tells it from the others in logs and states. It is no secret.
	Name  string
	Grant Grant
	// SecretFiles are the files that the grant reads its secrets from. A change
	// of one of them ends the wait after a refusal. Empty: none.
	SecretFiles []string
	// Session tells that the product may end one session of the account when
	// another one begins: a token that is refused soon after it worked was most
	// likely taken by another log-in.
	Session bool
}

// Settings are what a pool is made of.
type Settings struct {
	// Connection is the name of the connection, for events.
	Connection string
	// Credentials are all used that work. At least one.
	Credentials []Credential
	// DefaultLife is the life of a token of which nothing says how long it
	// lives. 0: 1 h.
	DefaultLife time.Duration
	// Observe is told of every log-in and of every change of state, from several
	// goroutines at once and without a lock. It should be quick. Nil: nobody is.
	Observe func(Event)
}

// Pool holds the tokens of one connection. It is safe for concurrent use, and
// prints its name only.
type Pool struct {
	connection  string
	accounts    []*account
	defaultLife time.Duration
	observer    func(Event)
	generation  atomic.Uint64 // the last one given
	bell        bell          // rings at every change

	ctx     context.Context // the pool's own; ended by halt
	cancel  context.CancelFunc
	late    context.Context    // that of log-ins whose token would have to be logged out: ends a little later
	giveUp  context.CancelFunc // ends late
	mu      sync.Mutex         // guards halted
	halted  bool
	flights sync.WaitGroup // log-ins under way; grows only while not halted
}

// New makes a pool. Nothing is started before the first Lease, Ready or Run.
func New(s Settings) *Pool {
	p := &Pool{connection: s.Connection, defaultLife: s.DefaultLife, observer: s.Observe}
	if p.defaultLife <= 0 {
		p.defaultLife = defaultLife
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.late, p.giveUp = context.WithCancel(context.Background())
	for _, c := range s.Credentials {
		p.accounts = append(p.accounts, &account{
			pool: p, name: c.Name, grant: c.Grant, files: c.SecretFiles, session: c.Session,
		})
	}
	return p
}

// Run logs in, renews ahead, and tries again after a failure, until ctx ends. Then
// it stops the pool: no log-in begins any more, and those under way are waited
// for. They are given up at once, or after a second where the grant has a Logout,
// so that no token comes to life that nobody knows of. Tokens that are there can
// be leased on until Close, so end ctx when no more work begins. It is called
// once, and returns nil.
func (p *Pool) Run(ctx context.Context) error {
	var keepers sync.WaitGroup
	for _, a := range p.accounts {
		keepers.Go(func() { p.keep(ctx, a) })
	}
	keepers.Wait()
	p.halt()
	defer p.linger(context.WithoutCancel(ctx))()
	p.flights.Wait()
	return nil
}

// keep looks after one account until ctx or the pool ends.
func (p *Pool) keep(ctx context.Context, a *account) {
	for ctx.Err() == nil && p.ctx.Err() == nil {
		rung := p.bell.wait()
		p.pause(ctx, rung, a.tend(time.Now()))
	}
}

// pause waits for the bell, but at most for d, and until ctx or the pool ends.
func (p *Pool) pause(ctx context.Context, rung <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-rung:
	case <-timer.C:
	case <-ctx.Done():
	case <-p.ctx.Done():
	}
}

// launch runs f in a goroutine of the pool's, unless the pool is halted.
func (p *Pool) launch(f func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.halted {
		return false
	}
	p.flights.Go(f)
	return true
}

func (p *Pool) halt() {
	p.mu.Lock()
	p.halted = true
	p.mu.Unlock()
	p.cancel()
	p.bell.ring()
}

func (p *Pool) observe(ev Event) {
	if p.observer != nil && (ev.Name != "" || ev.Result != "") {
		p.observer(ev)
	}
}

// Format prints the name of the connection, whatever the verb.
func (p *Pool) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.text()) }

// MarshalText is the name of the connection, for JSON and for loggers.
func (p *Pool) MarshalText() ([]byte, error) { return []byte(p.text()), nil }

func (p *Pool) text() string {
	if p == nil {
		return "token pool"
	}
	return "token pool of " + p.connection
}
