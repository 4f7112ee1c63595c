package authpool

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/queueferry/queueferry/internal/job"
)

// noDeadline hides the methods of testing.T that a bubble forbids.
type noDeadline struct{ testing.TB }

// longest is the longest wait of all.
const longest = 15*time.Minute*3/2 + time.Minute

// model drives a pool by chance and knows what it may do.
type model struct {
	p       *Pool
	grants  []*renewing
	session bool // a log-in may end another session
	leases  []Lease
	dropped map[uint64]bool
	turned  map[string]bool // tokens that the API answered 401 to
}

func (m *model) lease(t *rapid.T) {
	begun := time.Now()
	l, err := m.p.Lease(t.Context())
	if d := time.Since(begun); d > loginTimeout {
		t.Fatalf("a lease took %s", d)
	}
	if err != nil {
		e, ok := errors.AsType[*Error](err)
		if !ok || !e.RetryAt.After(begun) {
			t.Fatalf("Lease = %v", err)
		}
		if e.Reason == job.SessionTaken && (!m.session || time.Until(e.RetryAt) > longest) {
			t.Fatalf("Lease = %v, for %s", err, time.Until(e.RetryAt))
		}
		return
	}
	if m.dropped[l.Generation] {
		t.Fatalf("leased token %d, which was dropped", l.Generation)
	}
	if left := time.Until(l.session.expiry); left < floor(l.session.expiry.Sub(l.session.born)) {
		t.Fatalf("leased a token with %s left", left)
	}
	m.leases = append(m.leases, l)
}

// verdict gives one of the pool's verdicts on any lease, old ones included.
func (m *model) verdict(t *rapid.T) {
	if len(m.leases) == 0 {
		return // nothing to do it with
	}
	l := rapid.SampledFrom(m.leases).Draw(t, "lease")
	switch rapid.SampledFrom([]string{"accept", "invalidate", "refuse"}).Draw(t, "verdict") {
	case "accept":
		m.p.Accept(l)
	case "invalidate":
		m.p.Invalidate(l)
		m.dropped[l.Generation], m.turned[l.Token()] = true, true
	case "refuse":
		m.p.Refuse(l)
		m.dropped[l.Generation], m.turned[l.Token()] = true, true
	}
}

func (m *model) release(t *rapid.T) {
	if len(m.leases) == 0 {
		return // nothing to do it with
	}
	m.leases[0].Release()
	m.leases = m.leases[1:]
}

func (m *model) mood(t *rapid.T) {
	g := m.grants[rapid.IntRange(0, len(m.grants)-1).Draw(t, "grant")]
	moods := rapid.SampledFrom([]error{nil, nil, errRefused, errDown})
	g.fail(moods.Draw(t, "mood"))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.renewErr = moods.Draw(t, "mood of renewals")
	g.same = rapid.Bool().Draw(t, "renewals that bring nothing")
}

func (m *model) sleep(t *rapid.T) {
	time.Sleep(time.Duration(rapid.Int64Range(0, int64(10*time.Minute)).Draw(t, "sleep")))
}

// check is what holds after every step.
func (m *model) check(t *rapid.T) {
	synctest.Wait()
	held := int64(0)
	for _, c := range m.p.State().Credentials {
		held += c.InFlight
		if c.Status != OK && c.Status != Untried && c.Reason == "" {
			t.Fatalf("%s without a reason", c.Status)
		}
		if (c.Reason == job.TokenRefused) && c.Status != Denied {
			t.Fatalf("%s with reason %s", c.Status, c.Reason)
		}
	}
	for _, g := range m.grants {
		if gap, err := g.hasty(); err != nil {
			t.Fatalf("%s: log-in %s after %v", g.name, gap, err)
		}
	}
	if held != int64(len(m.leases)) {
		t.Fatalf("%d leases, the pool counts %d", len(m.leases), held)
	}
}

// closed is what holds after Close: every token that is still good was logged out,
// once, and none that the API turned down.
func (m *model) closed(t *rapid.T) {
	for _, g := range m.grants {
		for i, value := range g.ended {
			if m.turned[value] || slices.Contains(g.ended[:i], value) {
				t.Errorf("logged out %s, of %q; turned down: %v", value, g.ended, m.turned)
			}
		}
		for _, token := range g.given {
			good := token.Expiry.IsZero() || time.Until(token.Expiry) > maxFloor
			if good && !m.turned[token.Value] && !slices.Contains(g.ended, token.Value) {
				t.Errorf("%s is left behind, good for %s; logged out %q", token.Value, time.Until(token.Expiry), g.ended)
			}
		}
	}
}

// newModel makes a pool that is not running.
func newModel(t *rapid.T) *model {
	m := &model{dropped: map[uint64]bool{}, turned: map[string]bool{}, session: rapid.Bool().Draw(t, "session")}
	took := rapid.SampledFrom([]time.Duration{0, 50 * time.Millisecond, 3 * time.Second, time.Hour})
	life := rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute, time.Hour, 1e6 * time.Hour})
	var s Settings
	for _, name := range []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "credentials")] {
		g := newRenewing(life.Draw(t, "life"))
		g.name, g.took = name, took.Draw(t, "took")
		m.grants = append(m.grants, g)
		s.Credentials = append(s.Credentials, Credential{Name: name, Grant: g, Session: m.session})
	}
	m.p = New(s)
	return m
}

// recovers sees that the pool never sticks.
func (m *model) recovers(t *rapid.T) {
	for _, g := range m.grants {
		g.mu.Lock()
		g.fakeGrant.err, g.renewErr, g.took, g.life = nil, nil, 0, time.Hour
		g.mu.Unlock()
	}
	time.Sleep(longest + loginTimeout)
	l, err := m.p.Lease(t.Context())
	if err != nil {
		t.Fatalf("Lease = %v, long after all is well", err)
	}
	m.p.Accept(l)
	if s := m.p.State(); s.Status != OK {
		t.Fatalf("state %+v", s)
	}
}

func TestPoolModel(t *testing.T) {
	for _, name := range []string{"one", "two", "three", "four"} { // a check ends after a day of virtual time
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				rapid.Check(noDeadline{t}, checkModel)
			})
		})
	}
}

func checkModel(t *rapid.T) {
	m := newModel(t)
	var running sync.WaitGroup
	if rapid.Bool().Draw(t, "running") {
		running.Go(func() { _ = m.p.Run(t.Context()) })
	}
	defer func() {
		if err := m.p.Close(t.Context()); err != nil {
			t.Errorf("Close = %v", err)
		}
		running.Wait()
		m.closed(t)
	}()
	t.Repeat(map[string]func(*rapid.T){
		"lease": m.lease, "verdict": m.verdict, "release": m.release, "mood": m.mood, "sleep": m.sleep, "": m.check,
	})
	if rapid.Bool().Draw(t, "closed later") {
		m.recovers(t)
	}
}
