package orchestrator

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/job"
)

var denied = &authpool.Error{Credential: "1", Reason: job.CredentialsRefused, Code: "invalid_client", Status: 400}

// Refused credentials shut the gate until the pool has a token again; only then
// the orchestrator is asked.
func TestRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.run(t)
		r.tokens.deny(denied)
		r.fake.submit = func(context.Context, Try) Result { return refused() }
		r.try()
		synctest.Wait()
		if g := r.Gate(); g.Open || g.Reason != job.CredentialsRefused || g.Detail != detailOf(denied) || !g.Until.IsZero() {
			t.Errorf("gate %+v", g)
		}
		r.fake.submit = nil
		wg := r.insist(10)
		time.Sleep(time.Hour)
		calls, probes := r.fake.seen()
		if calls != 1 || probes != 0 || r.tokens.waits != 1 {
			t.Errorf("%d calls, %d probes, %d waits for a token", calls, probes, r.tokens.waits)
		}
		granted := time.Now()
		r.tokens.grant()
		wg.Wait()
		if took := time.Since(granted); took > time.Second {
			t.Errorf("back after %s", took)
		}
		if _, probes := r.fake.seen(); probes != 1 {
			t.Errorf("%d probes", probes)
		}
		told := slices.Compact(r.told())
		if diff := cmp.Diff([]string{"token_refused", "credentials_refused", "open"}, told); diff != "" {
			t.Error(diff)
		}
	})
}

// The probe may be refused as well: the pool paces the tries, and we never ask
// more than once a second.
func TestRefusedProbe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.fake.probe = func(context.Context) Result {
			if _, probes := r.fake.seen(); probes < 10 {
				return refused()
			}
			return well()
		}
		r.run(t)
		r.gate.shut(job.TokenRefused, "", 0)
		began := time.Now()
		r.awaitOpen(t)
		if took := time.Since(began); took != 9*time.Second {
			t.Errorf("10 probes in %s", took)
		}
	})
}

// A wrong credential shows before the first request meets it.
func TestFirstLogIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.tokens.deny(denied)
		r.run(t)
		if g := r.Gate(); g.Open || g.Reason != job.CredentialsRefused {
			t.Errorf("gate %+v", g)
		}
		r.tokens.grant()
		synctest.Wait()
		if diff := cmp.Diff([]string{"credentials_refused", "open"}, r.told()); diff != "" {
			t.Error(diff)
		}
	})
}

// While it is shut for one reason, the log-in may fail for another.
func TestLogInFailsDuringAnOutage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.run(t)
		r.trip(t)
		since := r.Gate().Since
		r.tokens.deny(denied)
		time.Sleep(time.Minute)
		if g := r.Gate(); g.Reason != job.CredentialsRefused || !g.Since.Equal(since) {
			t.Errorf("gate %+v", g)
		}
		r.tokens.grant()
		synctest.Wait()
		if diff := cmp.Diff([]string{"breaker_open", "credentials_refused", "open"}, r.told()); diff != "" {
			t.Error(diff)
		}
	})
}

type closedTokens struct{ asked int }

func (c *closedTokens) Ready(context.Context) error { c.asked++; return authpool.ErrClosed }
func (c *closedTokens) Lease(context.Context) (authpool.Lease, error) {
	return authpool.Lease{}, authpool.ErrClosed
}

// A pool that was stopped is not asked in a hurry.
func TestClosedPool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		tokens := &closedTokens{}
		r := newRig(func(s *Settings) { s.Tokens = tokens })
		r.run(t)
		r.gate.shut(job.Throttled, "", time.Second)
		time.Sleep(time.Minute)
		synctest.Wait()
		if tokens.asked > 61 {
			t.Errorf("asked %d times in a minute", tokens.asked)
		}
	})
}

// Each change is told once, and a gate that stays shut every five minutes.
func TestGateChanged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.run(t)
		time.Sleep(2 * time.Minute)
		shut := time.Now()
		r.gate.shut(job.Throttled, "why", 14*time.Minute)
		r.gate.shut(job.Throttled, "why", 14*time.Minute)
		r.gate.shut(job.BreakerOpen, "another", 0)
		wg := r.insist(3)
		time.Sleep(6 * time.Minute)
		more := r.insist(2)
		wg.Wait()
		more.Wait()
		time.Sleep(time.Hour)
		r.told()
		until := shut.Add(14 * time.Minute)
		closed := GateState{Reason: job.Throttled, Detail: "why", Since: shut, Until: until, Limit: 32}
		first, second := closed, closed
		first.Held, second.Held = 3, 5 // as many as wait at that moment
		want := []GateState{closed, first, second, {Open: true, Since: until, Limit: 1}}
		if diff := cmp.Diff(want, r.events); diff != "" {
			t.Error(diff)
		}
	})
}

// A listener that is slow misses old changes, never the last.
func TestSlowListener(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var mu sync.Mutex
		var last GateState
		n := 0
		r := newRig(func(s *Settings) {
			s.GateChanged = func(g GateState) {
				time.Sleep(time.Second)
				mu.Lock()
				defer mu.Unlock()
				last = g
				n++
			}
		})
		r.run(t)
		for range 200 {
			r.gate.shut(job.Throttled, "", time.Millisecond)
			r.awaitOpen(t)
		}
		r.gate.shut(job.TokenRefused, "the last", time.Hour)
		time.Sleep(200 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if last.Detail != "the last" || n < 64 || n > 130 {
			t.Errorf("%d events, last %+v", n, last)
		}
	})
}

// Run ends when its context does, whatever it waits for.
func TestRunEnds(t *testing.T) {
	tests := map[string]func(*rig){
		"open":              func(*rig) {},
		"shut":              func(r *rig) { r.gate.shut(job.Throttled, "", time.Hour) },
		"without a token":   func(r *rig) { r.tokens.deny(denied); r.gate.shut(job.Throttled, "", 0) },
		"in a probe":        func(r *rig) { r.gate.shut(job.Throttled, "", 0) },
		"without listeners": func(r *rig) { r.GateChanged = nil; r.gate.shut(job.Throttled, "", 0) },
	}
	for name, set := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(nil)
				r.fake.probe = func(ctx context.Context) Result { <-ctx.Done(); return Result{} }
				set(r)
				ctx, cancel := context.WithCancel(context.Background())
				done := make(chan struct{})
				go func() { r.Run(ctx); close(done) }()
				time.Sleep(time.Second)
				cancel()
				synctest.Wait()
				select {
				case <-done:
				default:
					t.Error("it runs on")
				}
			})
		})
	}
}

// An open circuit tells when it lets a call through.
func TestCircuit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		if state, reopens := r.Circuit(); state != "closed" || !reopens.IsZero() {
			t.Errorf("at first %s, until %v", state, reopens)
		}
		r.trip(t)
		state, reopens := r.Circuit()
		if wait := time.Until(reopens); state != "open" || wait < 24*time.Second || wait > 36*time.Second {
			t.Errorf("%s, for %v", state, wait)
		}
		time.Sleep(time.Until(reopens) + time.Millisecond)
		if state, reopens := r.Circuit(); state != "half-open" || !reopens.IsZero() {
			t.Errorf("later %s, until %v", state, reopens)
		}
	})
}
