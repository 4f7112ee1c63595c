package authpool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/job"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// grantFunc is a grant made of a function.
type grantFunc func(ctx context.Context) (Token, error)

func (f grantFunc) Token(ctx context.Context) (Token, error) { return f(ctx) }

// fakeGrant gives tokens named name-1, name-2 …, or the error that is set.
type fakeGrant struct {
	name string
	life time.Duration // 0: unknown
	took time.Duration

	mu    sync.Mutex
	err   error
	times []time.Time // when each log-in began
	errs  []error     // what each that ended brought
	busy  atomic.Int32
}

func (g *fakeGrant) Token(ctx context.Context) (Token, error) {
	token, err := g.logIn(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.errs = append(g.errs, err)
	return token, err
}

func (g *fakeGrant) logIn(ctx context.Context) (Token, error) {
	if g.busy.Add(1) != 1 {
		panic("two log-ins at a time")
	}
	defer g.busy.Add(-1)
	born := time.Now()
	g.mu.Lock()
	g.times = append(g.times, born)
	n, err, took, life := len(g.times), g.err, g.took, g.life
	g.mu.Unlock()
	select {
	case <-time.After(took):
	case <-ctx.Done():
		return Token{}, ctx.Err()
	}
	if err != nil {
		return Token{}, err
	}
	token := Token{Value: fmt.Sprintf("%s-%d", g.name, n)}
	if life != 0 {
		token.Expiry = born.Add(life)
	}
	return token, nil
}

func (g *fakeGrant) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err = err
}

func (g *fakeGrant) logins() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.times)
}

// gaps are the times between the log-ins.
func (g *fakeGrant) gaps() []time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []time.Duration
	for i := 1; i < len(g.times); i++ {
		all = append(all, g.times[i].Sub(g.times[i-1]))
	}
	return all
}

// hasty finds a log-in that came too soon after one that failed with the error.
func (g *fakeGrant) hasty() (time.Duration, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, err := range g.errs[:max(0, len(g.times)-1)] {
		gap := g.times[i+1].Sub(g.times[i])
		if errors.Is(err, errRefused) && gap < credentialBackoff.first || errors.Is(err, errDown) && gap < identityBackoff.first {
			return gap, err
		}
	}
	return 0, nil
}

var (
	errRefused = &Error{Reason: job.CredentialsRefused, Code: "invalid_client", Status: 400}
	errDown    = &Error{Reason: job.IdentityUnavailable, Status: 503}
)

// eventLog collects events.
type eventLog struct {
	mu  sync.Mutex
	all []Event
}

func (l *eventLog) observe(ev Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, ev)
}

// lines are the events that are worth a line in the log: name and reason.
func (l *eventLog) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for _, ev := range l.all {
		if ev.Name != "" {
			lines = append(lines, strings.TrimSpace(ev.Name+" "+string(ev.Reason)))
		}
	}
	return lines
}

// results counts the log-ins.
func (l *eventLog) results() map[Result]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := map[Result]int{}
	for _, ev := range l.all {
		if ev.Result != "" {
			counts[ev.Result]++
		}
	}
	return counts
}

func newPool(grants ...*fakeGrant) (*Pool, *eventLog) {
	events := &eventLog{}
	s := Settings{Connection: "acme", Observe: events.observe}
	for _, g := range grants {
		s.Credentials = append(s.Credentials, Credential{Name: g.name, Grant: g})
	}
	return New(s), events
}

// bubble runs f in virtual time; goroutines that f leaves behind fail it.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

// run starts the pool's Run, and stops and awaits it at the end of the test.
func run(t *testing.T, p *Pool) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func mustLease(t *testing.T, p *Pool) Lease {
	t.Helper()
	l, err := p.Lease(t.Context())
	if err != nil {
		t.Fatalf("Lease: %v", err)
	}
	return l
}

// wantError leases and expects the reason, without any time passing.
func wantError(t *testing.T, p *Pool, reason job.Reason, retryIn time.Duration) {
	t.Helper()
	before := time.Now()
	l, err := p.Lease(t.Context())
	if err == nil {
		t.Fatalf("Lease gave %q, want %s", l.Token(), reason)
	}
	e := asError(t, err)
	if e.Reason != reason || e.RetryAt.Sub(before) != retryIn {
		t.Fatalf("Lease: %v, reason %s, retry in %s; want %s in %s", err, e.Reason, e.RetryAt.Sub(before), reason, retryIn)
	}
	if d := time.Since(before); d != 0 {
		t.Fatalf("the remembered failure took %s", d)
	}
}

func wantLines(t *testing.T, l *eventLog, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := l.lines(); !slices.Equal(got, want) {
		t.Fatalf("events\n got %q\nwant %q", got, want)
	}
}

// tripper is a fake of the network.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := f(r)
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return resp, err
}

func reply(status int, body string, header ...string) *http.Response {
	resp := &http.Response{
		StatusCode: status,
		Status:     http.StatusText(status),
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(body)),
	}
	for i := 0; i+1 < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}
