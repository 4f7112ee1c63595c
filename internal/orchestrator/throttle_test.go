package orchestrator

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

// The orchestrator's own time stands, to the second, for 429 and 503.
func TestRetryAfter(t *testing.T) {
	for name, result := range map[string]Result{
		"429": throttled(17 * time.Second),
		"503": {Health: Ill, RetryAfter: 17 * time.Second, Outcome: job.Outcome{Reason: job.ServiceUnavailable}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(nil)
				r.run(t)
				r.fake.submit = func(context.Context, Try) Result { return result }
				began := time.Now()
				r.try()
				g := r.Gate()
				if g.Open || g.Reason != result.Reason || !g.Until.Equal(began.Add(17*time.Second)) {
					t.Errorf("gate %+v", g)
				}
				r.awaitOpen(t)
				if took := time.Since(began); took != 17*time.Second {
					t.Errorf("opened after %s", took)
				}
				if _, probes := r.fake.seen(); probes != 1 {
					t.Errorf("%d probes", probes)
				}
				if g := r.Gate(); !g.Until.IsZero() || g.Limit != 1 {
					t.Errorf("gate %+v", g)
				}
			})
		})
	}
}

// 503 with a time is no reason for fewer calls, 429 is: half as many as there
// were, and from there one more with each round.
func TestFewerCallsAtOnce(t *testing.T) {
	tests := map[string]struct {
		result Result
		want   []int
	}{
		"429": {throttled(10 * time.Second), []int{1, 2, 4, 8, 16, 17, 18, 19}},
		"503": {Result{Health: Ill, RetryAfter: 10 * time.Second, Outcome: job.Outcome{Reason: job.ServiceUnavailable}}, []int{1, 2, 4, 8, 16, 32, 32, 32}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(func(s *Settings) { s.Breaker.Failures = 100 })
				r.run(t)
				var limited atomic.Bool
				limited.Store(true)
				r.fake.submit = func(context.Context, Try) Result {
					busy := limited.Load()
					time.Sleep(latency)
					if busy {
						return tt.result
					}
					return well()
				}
				wg := r.insist(300)
				time.Sleep(2 * latency)
				if g := r.Gate(); g.Open {
					t.Fatalf("gate %+v", g)
				}
				limited.Store(false)
				shut := time.Now()
				wg.Wait()
				if diff := cmp.Diff(tt.want, r.fake.rounds(shut)[:len(tt.want)]); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// Without a time it is 5 s, doubled to 2 m while they go on.
func TestThrottledWithoutATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.run(t)
		r.fake.submit = func(context.Context, Try) Result { return throttled(0) }
		waits := func(n int) (all []time.Duration) {
			for range n {
				shut := time.Now()
				r.try() // waits for the opening, and is throttled
				all = append(all, time.Since(shut))
			}
			return all
		}
		for i, got := range waits(9) {
			want := []time.Duration{0, 5, 10, 20, 40, 80, 120, 120, 120}[i] * time.Second
			if !near(got, want) || got > 2*time.Minute {
				t.Errorf("wait %d: %s, want %s", i, got, want)
			}
		}
		limited := r.fake.submit
		r.fake.submit = nil
		r.try() // one good answer: they do not go on
		r.fake.submit = limited
		if all := waits(2); !near(all[1], 5*time.Second) {
			t.Errorf("after a good answer: %s", all[1])
		}
	})
}

// The same for a probe that is throttled; it halves nothing.
func TestThrottledProbe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		var limited atomic.Bool
		limited.Store(true)
		r.fake.probe = func(context.Context) Result {
			if limited.Load() {
				return throttled(0)
			}
			return well()
		}
		r.run(t)
		r.trip(t)
		time.Sleep(5 * time.Minute)
		_, probes := r.fake.times()
		for i, want := range []time.Duration{5, 10, 20, 40, 80} {
			if got := probes[i+1].Sub(probes[i]); !near(got, want*time.Second) {
				t.Errorf("wait %d: %s, want %s", i, got, want*time.Second)
			}
		}
		limited.Store(false)
		r.awaitOpen(t)
		if r.pace().ceiling != 32 {
			t.Errorf("ceiling %d", r.pace().ceiling)
		}
	})
}

// An outage that begins while the gate is shut is one from the first probe on.
func TestOutageWhileThrottled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.fake.probe = func(context.Context) Result { return ill() }
		r.run(t)
		r.gate.shut(job.Throttled, "", 5*time.Second)
		time.Sleep(2 * time.Minute)
		_, probes := r.fake.times()
		for i := 1; i < len(probes); i++ {
			if gap := probes[i].Sub(probes[i-1]); !near(gap, 30*time.Second) {
				t.Errorf("%s between two probes", gap)
			}
		}
		if g := r.Gate(); g.Reason != job.BreakerOpen || g.Detail != "status 500" {
			t.Errorf("gate %+v", g)
		}
	})
}

// Many that come at once count once: one wait of the first length, one halving.
func TestManyThrottledAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.run(t)
		var limited atomic.Bool
		limited.Store(true)
		r.fake.submit = func(context.Context, Try) Result {
			busy := limited.Load()
			time.Sleep(latency)
			if busy {
				return throttled(0)
			}
			return well()
		}
		wg := r.insist(32)
		time.Sleep(latency + time.Millisecond)
		limited.Store(false)
		g := r.Gate()
		if wait := g.Until.Sub(g.Since); g.Open || !near(wait, 5*time.Second) || g.Limit != 16 || r.pace().throttles != 1 {
			t.Errorf("gate %+v, throttles %d, wait %s", g, r.pace().throttles, wait)
		}
		wg.Wait()
		if diff := cmp.Diff([]string{"throttled", "open"}, r.told()); diff != "" {
			t.Error(diff)
		}
	})
}

// A good straggler while the gate is shut does not forget how often it was asked.
func TestGoodStragglerWhileThrottled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.run(t)
		r.fake.submit = func(context.Context, Try) Result { time.Sleep(time.Second); return well() }
		go r.try()
		synctest.Wait()
		limit := r.Gate().Limit
		r.fake.submit = func(context.Context, Try) Result { return throttled(0) }
		r.try()
		time.Sleep(2 * time.Second)
		if r.pace().throttles != 1 || r.Gate().Limit >= limit || r.Gate().Open {
			t.Errorf("throttles %d, gate %+v", r.pace().throttles, r.Gate())
		}
	})
}

func TestPace(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		do   func(*pace)
		want []int // limit after each of some good answers
	}{
		"full":               {func(*pace) {}, []int{8, 8}},
		"after an opening":   {func(p *pace) { p.restart() }, []int{2, 3, 4, 5, 6, 7, 8, 8}},
		"halved":             {func(p *pace) { p.halve(8) }, []int{4, 4, 4, 5, 5, 5, 5, 5, 6}},
		"halved, few calls":  {func(p *pace) { p.halve(2) }, []int{2, 2, 3, 3, 3, 4}},
		"halved, one call":   {func(p *pace) { p.halve(1) }, []int{2, 2, 3}},
		"halved, then again": {func(p *pace) { p.halve(8); p.restart(); p.halve(4) }, []int{2, 2, 3, 3, 3, 4}},
		"halved, reopened":   {func(p *pace) { p.halve(8); p.restart() }, []int{2, 3, 4, 4, 4, 4, 5}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPace(8)
			tt.do(&p)
			var got []int
			for range tt.want {
				p.grow()
				got = append(got, p.limit)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, most := range []int{-1, 0, 1} {
		if p := newPace(most); p.limit != 1 {
			t.Errorf("newPace(%d) allows %d", most, p.limit)
		}
	}
}
