package authpool

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/queueferry/queueferry/internal/job"
)

// noDeadline hides the methods of testing.T that a bubble forbids.
type noDeadline struct{ testing.TB }

// model drives a pool by chance and knows what it may do.
type model struct {
	p       *Pool
	grants  []*fakeGrant
	leases  []Lease
	dropped map[uint64]bool
}

func (m *model) lease(t *rapid.T) {
	begun := time.Now()
	l, err := m.p.Lease(t.Context())
	if d := time.Since(begun); d > loginTimeout {
		t.Fatalf("a lease took %s", d)
	}
	if err != nil {
		if e, ok := errors.AsType[*Error](err); !ok || !e.RetryAt.After(begun) {
			t.Fatalf("Lease = %v", err)
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
		m.dropped[l.Generation] = true
	case "refuse":
		m.p.Refuse(l)
		m.dropped[l.Generation] = true
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
	g.fail(rapid.SampledFrom([]error{nil, nil, errRefused, errDown}).Draw(t, "mood"))
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

func TestPoolModel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rapid.Check(noDeadline{t}, func(t *rapid.T) {
			m := &model{dropped: map[uint64]bool{}}
			took := rapid.SampledFrom([]time.Duration{0, 50 * time.Millisecond, 3 * time.Second, time.Hour})
			life := rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute, time.Hour, 1e6 * time.Hour})
			for _, name := range []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "credentials")] {
				m.grants = append(m.grants, &fakeGrant{name: name, took: took.Draw(t, "took"), life: life.Draw(t, "life")})
			}
			m.p, _ = newPool(m.grants...)
			ended := make(chan struct{})
			close(ended)
			if rapid.Bool().Draw(t, "running") {
				ended = make(chan struct{})
				go func() {
					defer close(ended)
					_ = m.p.Run(t.Context())
				}()
			}
			defer func() {
				if err := m.p.Close(t.Context()); err != nil {
					t.Errorf("Close = %v", err)
				}
				<-ended
			}()
			t.Repeat(map[string]func(*rapid.T){
				"lease": m.lease, "verdict": m.verdict, "release": m.release, "mood": m.mood, "sleep": m.sleep, "": m.check,
			})
			for _, g := range m.grants { // it never sticks
				g.mu.Lock()
				g.err, g.took, g.life = nil, 0, time.Hour
				g.mu.Unlock()
			}
			time.Sleep(credentialBackoff.max + loginTimeout)
			l, err := m.p.Lease(t.Context())
			if err != nil {
				t.Fatalf("Lease = %v, long after all is well", err)
			}
			m.p.Accept(l)
			if s := m.p.State(); s.Status != OK {
				t.Fatalf("state %+v", s)
			}
		})
	})
}
