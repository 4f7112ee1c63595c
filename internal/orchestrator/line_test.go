package orchestrator

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

// enter queues a try of that number, and is back when it stands in the line.
func (r *rig) enter(hold context.Context, id int, held func(), wg *sync.WaitGroup) {
	wg.Go(func() {
		_, _ = r.Do(context.Background(), hold, Try{Request: &job.Request{ID: strconv.Itoa(id)}, Held: held})
	})
	synctest.Wait()
}

// First come, first served: while waiting for a call to end, and over an outage.
func TestOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(func(s *Settings) { s.MaxConcurrent = 1 })
		r.run(t)
		var got []string
		r.fake.submit = func(_ context.Context, try Try) Result {
			got = append(got, try.Request.ID) // one at a time
			time.Sleep(time.Second)
			return well()
		}
		var wg sync.WaitGroup
		var want []string
		for i := range 100 {
			r.enter(context.Background(), i, nil, &wg)
			want = append(want, strconv.Itoa(i))
			if i == 20 || i == 60 {
				time.Sleep(1500 * time.Millisecond)
				r.gate.shut(job.BreakerOpen, "", 20*time.Second)
			}
		}
		wg.Wait()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// A turn that was given just before the gate shut is not used: the try goes back
// to where it stood.
func TestTurnJustBeforeShutting(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(func(s *Settings) { s.MaxConcurrent = 2 })
		g := r.gate
		var tries []*waiter
		for range 5 {
			w := &waiter{}
			g.join(w)
			tries = append(tries, w)
		}
		g.shut(job.Throttled, "", time.Second)
		for _, w := range []*waiter{tries[1], tries[0]} {
			if _, ok := g.admit(w); ok {
				t.Error("a call through a shut gate")
			}
			g.rejoin(w)
		}
		if !slices.Equal(g.waiting, tries) || g.underWay != 0 {
			t.Errorf("%d under way, line %v", g.underWay, g.waiting)
		}
		time.Sleep(time.Second)
		g.mu.Lock()
		g.reopen()
		g.mu.Unlock()
		// And one that was given before the gate shut and opened again.
		if p, ok := g.admit(tries[0]); !ok {
			t.Error("the first did not get the turn")
		} else {
			g.shut(job.Throttled, "", 0)
			g.mu.Lock()
			g.reopen()
			g.mu.Unlock()
			p.cancel()
		}
		if _, ok := g.admit(&waiter{epoch: 1}); ok {
			t.Error("a turn of the last opening counts in this one")
		}
	})
}

// A try that ended just when its turn came passes the turn on.
func TestTurnOfATryThatEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newRig(func(s *Settings) { s.MaxConcurrent = 1 }).gate
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for range 50 { // a select takes either of two that are ready
			p, err := g.enter(context.Background(), nil)
			if err != nil {
				t.Fatal(err)
			}
			ended, next := &waiter{}, &waiter{}
			g.join(ended)
			g.join(next)
			p.cancel()
			if err := g.wait(ctx, ended); !errors.Is(err, context.Canceled) {
				t.Fatalf("error %v", err)
			}
			select {
			case <-next.granted:
			default:
				t.Fatal("the turn was lost")
			}
			if p, ok := g.admit(next); ok {
				p.cancel()
			}
		}
		if s := g.State(); s.Calls != 0 {
			t.Errorf("gate %+v", s)
		}
	})
}

// A circuit that is open while the gate is not shuts it, and nobody is lost.
func TestCircuitOpenBehindAnOpenGate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.run(t)
		for range 5 {
			done, err := r.gate.breaker.Allow()
			if err != nil {
				t.Fatal(err)
			}
			done(effectOf(Ill))
		}
		began := time.Now()
		if got := r.try(); got.Verdict != job.Delivered || !near(time.Since(began), 30*time.Second) {
			t.Errorf("%v after %s", got.Verdict, time.Since(began))
		}
		if diff := cmp.Diff([]string{"breaker_open", "open"}, r.told()); diff != "" {
			t.Error(diff)
		}
	})
}

// Whoever leaves the line leaves nothing behind, and a turn that comes at the
// same moment goes to the next.
func TestCancelledTries(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(func(s *Settings) { s.MaxConcurrent = 2 })
		r.run(t)
		r.fake.submit = func(context.Context, Try) Result { time.Sleep(time.Second); return well() }
		errGone := errors.New("gone")
		var wg sync.WaitGroup
		ctxs := make([]context.CancelCauseFunc, 50)
		for i := range ctxs {
			var ctx context.Context
			ctx, ctxs[i] = context.WithCancelCause(context.Background())
			wg.Go(func() {
				_, err := r.Do(context.Background(), ctx, Try{Request: &job.Request{}})
				if err != nil && !errors.Is(err, errGone) {
					t.Errorf("error %v", err)
				}
			})
			synctest.Wait()
		}
		r.gate.shut(job.Throttled, "", 10*time.Second)
		if g := r.Gate(); g.Held != 48 || g.Calls != 2 {
			t.Errorf("gate %+v", g)
		}
		for i := 2; i < 50; i += 2 {
			ctxs[i](errGone)
		}
		synctest.Wait()
		if g := r.Gate(); g.Held != 24 {
			t.Errorf("gate %+v", g)
		}
		time.Sleep(10 * time.Second) // the gate opens, and a turn comes each second
		for i := 3; i < 50; i += 2 {
			time.Sleep(time.Duration(rand.IntN(3)) * time.Second) // often the very moment of a turn
			ctxs[i](errGone)
		}
		wg.Wait()
		if g := r.Gate(); !g.Open || g.Held != 0 || g.Calls != 0 || r.line() != 0 {
			t.Errorf("gate %+v", g)
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errGone)
		if _, err := r.Do(context.Background(), ctx, Try{}); !errors.Is(err, errGone) {
			t.Errorf("a try that had ended: %v", err)
		}
		if got := r.try(); got.Verdict != job.Delivered {
			t.Errorf("%v", got.Verdict)
		}
	})
}

func TestHeldIsCalledOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(func(s *Settings) { s.MaxConcurrent = 1 })
		r.run(t)
		r.fake.submit = func(context.Context, Try) Result { time.Sleep(time.Second); return well() }
		held := make([]int, 5)
		var wg sync.WaitGroup
		enter := func(i int) { r.enter(context.Background(), i, func() { held[i]++ }, &wg) }
		enter(0) // the call under way
		enter(1)
		time.Sleep(time.Second) // 0 is done
		enter(2)                // waits for a call to end
		synctest.Wait()
		if diff := cmp.Diff([]int{0, 0, 0, 0, 0}, held); diff != "" {
			t.Errorf("held while the gate is open: %s", diff)
		}
		r.gate.shut(job.Throttled, "", 10*time.Second)
		synctest.Wait()
		enter(3) // comes while it is shut
		if diff := cmp.Diff([]int{0, 0, 1, 1, 0}, held); diff != "" {
			t.Errorf("held when the gate shut: %s", diff)
		}
		time.Sleep(10500 * time.Millisecond) // opened, 2 is under way
		r.gate.shut(job.Throttled, "", 10*time.Second)
		enter(4)
		wg.Wait()
		if diff := cmp.Diff([]int{0, 0, 1, 1, 1}, held); diff != "" {
			t.Errorf("held in the end: %s", diff)
		}
	})
}

func TestRate(t *testing.T) {
	for name, rate := range map[string]float64{"slow": 0.5, "ten": 10, "fast": 1000} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(func(s *Settings) { s.Rate = rate })
				r.run(t)
				began := time.Now()
				n := int(rate*min(20, 4000/rate)) + 1
				r.insist(n).Wait()
				took := time.Since(began).Seconds()
				// What may be made at once comes on top.
				if low, high := float64(n-1)/rate-0.06, float64(n-1)/rate+0.1; took < low || took > high {
					t.Errorf("%d calls took %.2f s, want %.2f to %.2f", n, took, low, high)
				}
			})
		})
	}
}

// Held tries do not save up turns: after an outage the rate holds.
func TestRateAfterAnOutage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(func(s *Settings) { s.Rate = 2 })
		r.run(t)
		wg := r.insist(100)
		time.Sleep(5100 * time.Millisecond)
		before, _ := r.fake.seen()
		r.gate.shut(job.Throttled, "", time.Minute)
		time.Sleep(30 * time.Second)
		if calls, _ := r.fake.seen(); before != 11 || calls != before || r.Gate().Calls != 0 || r.Gate().Held != 89 {
			t.Errorf("%d calls before, %d after, gate %+v", before, calls, r.Gate())
		}
		r.awaitOpen(t)
		opened := time.Now()
		time.Sleep(10100 * time.Millisecond)
		if calls, _ := r.fake.seen(); calls-before != 21 {
			t.Errorf("%d calls in 10 s", calls-before)
		}
		wg.Wait()
		if took := time.Since(opened); took > 45*time.Second {
			t.Errorf("the rest took %s", took)
		}
	})
}

// A try whose time ends before its turn would come leaves as every other does.
func TestRateAndDeadline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(func(s *Settings) { s.Rate = 0.1 })
		r.run(t)
		r.try()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := r.Do(context.Background(), ctx, Try{Request: &job.Request{}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if g := r.Gate(); g.Calls != 0 || r.line() != 0 {
			t.Errorf("gate %+v", g)
		}
		time.Sleep(10 * time.Second)
	})
}
