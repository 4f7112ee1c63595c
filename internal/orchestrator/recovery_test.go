package orchestrator

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

const latency = 100 * time.Millisecond

// rounds counts the calls that began in each latency's time, from the first that
// began after a time.
func (f *fakeConnector) rounds(after time.Time) (counts []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var first time.Time
	for _, at := range f.calls {
		if at.Before(after) {
			continue
		}
		if first.IsZero() {
			first = at
		}
		round := int(at.Sub(first) / latency)
		for len(counts) <= round {
			counts = append(counts, 0)
		}
		counts[round]++
	}
	return counts
}

// After an outage: one harmless call, then one request, then 2, 4, 8 … at once,
// and everything as before within the time that is promised.
func TestRecovery(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		down := &outage{up: time.Now().Add(100 * time.Second)}
		r.fake.submit = func(context.Context, Try) Result { time.Sleep(latency); return down.answer(well()) }
		r.fake.probe = func(context.Context) Result { time.Sleep(latency); return down.answer(well()) }
		r.run(t)
		wg := r.insist(200)
		time.Sleep(10 * time.Second)
		// The first 4 of the 32 failures each let one more through.
		if calls, _ := r.fake.seen(); calls > 36 || r.Gate().Open || r.Gate().Held != 200 {
			t.Errorf("%d calls in an outage, gate %+v", calls, r.Gate())
		}
		wg.Wait()

		calls, probes := r.fake.times()
		for i := 1; i < len(probes); i++ {
			if gap := probes[i].Sub(probes[i-1]); !near(gap, 30*time.Second) {
				t.Errorf("%s between two probes", gap)
			}
		}
		last := probes[len(probes)-1]
		if last.Before(down.up) || len(probes) > 1 && !probes[len(probes)-2].Before(down.up) {
			t.Errorf("probes at %v, up at %v", probes, down.up)
		}
		rounds := r.fake.rounds(last)
		if diff := cmp.Diff([]int{1, 2, 4, 8, 16, 32, 32, 32, 32}, rounds[:min(9, len(rounds))]); diff != "" {
			t.Errorf("calls at once after the probe: %s", diff)
		}
		full := calls[slices.IndexFunc(calls, last.Before)].Add(5 * latency)
		if took := full.Sub(down.up); took > 30*time.Second+15*time.Second {
			t.Errorf("%s from recovery to full rate", took)
		}
		if diff := cmp.Diff([]string{"breaker_open", "open"}, r.told()); diff != "" {
			t.Error(diff)
		}
	})
}

// A server that takes connections and says nothing: a probe is given up early
// enough for the next one.
func TestRecoveryFromSilence(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		up := time.Now().Add(200 * time.Second)
		var seen atomic.Int64 // since up
		silent := func(ctx context.Context, limit time.Duration) Result {
			if time.Now().After(up) {
				seen.CompareAndSwap(0, int64(time.Since(up)))
				return well()
			}
			select {
			case <-ctx.Done():
			case <-time.After(limit):
			}
			return ill()
		}
		r.fake.submit = func(ctx context.Context, _ Try) Result { return silent(ctx, 20*time.Second) }
		r.fake.probe = func(ctx context.Context) Result { return silent(ctx, 20*time.Second) }
		r.run(t)
		r.insist(100).Wait()
		if took, most := time.Duration(seen.Load()), 36*time.Second+probeLimit; took > most {
			t.Errorf("recovery was seen after %s, want at most %s", took, most)
		}
	})
}

// One failure of the first request after an outage is enough.
func TestFirstRequestFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.run(t)
		r.trip(t)
		var down atomic.Bool
		down.Store(true)
		r.fake.submit = func(context.Context, Try) Result {
			time.Sleep(latency)
			if down.Load() {
				return ill()
			}
			return well()
		}
		wg := r.insist(10)
		before, _ := r.fake.seen()
		time.Sleep(37 * time.Second) // one opening
		calls, probes := r.fake.seen()
		if calls-before != 1 || probes != 1 || r.Gate().Open {
			t.Errorf("%d calls and %d probes, gate %+v", calls-before, probes, r.Gate())
		}
		down.Store(false)
		wg.Wait()
		if diff := cmp.Diff([]string{"breaker_open", "open", "breaker_open", "open"}, r.told()); diff != "" {
			t.Error(diff)
		}
	})
}

// Once it has gone well, a single failure is nothing special any more.
func TestLaterRequestFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.run(t)
		r.trip(t)
		r.try() // waits for the opening
		r.fake.submit = func(context.Context, Try) Result { return ill() }
		for i := range 4 {
			r.try()
			if !r.Gate().Open {
				t.Fatalf("shut after %d failures", i+1)
			}
		}
		r.try()
		if r.Gate().Open {
			t.Error("open after 5 failures")
		}
	})
}

// Answers that were under way when the gate shut tell nothing of the time after.
func TestStragglers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.run(t)
		r.fake.submit = func(context.Context, Try) Result { time.Sleep(50 * time.Second); return well() }
		wg := r.insist(8)
		synctest.Wait()
		r.trip(t)
		time.Sleep(45 * time.Second)
		if g := r.Gate(); !g.Open || g.Limit != 1 || g.Calls != 8 {
			t.Fatalf("gate %+v", g)
		}
		wg.Wait()
		if g := r.Gate(); g.Limit != 1 || g.Calls != 0 {
			t.Errorf("gate %+v after the stragglers", g)
		}
	})
}

// A straggler that names a time is heard, even while a probe goes well.
func TestStragglerAsksForTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.run(t)
		began := time.Now()
		r.fake.submit = func(context.Context, Try) Result {
			time.Sleep(10500 * time.Millisecond)
			return throttled(60 * time.Second)
		}
		go r.try()
		synctest.Wait()
		r.fake.probe = func(context.Context) Result { time.Sleep(time.Second); return well() }
		r.gate.shut(job.Throttled, "", 10*time.Second)
		r.awaitOpen(t)
		if took := time.Since(began); took < 70*time.Second || took > 73*time.Second {
			t.Errorf("opened after %s", took)
		}
	})
}

func (r *rig) awaitOpen(t *testing.T) {
	t.Helper()
	for range 1000 {
		open, changed := r.Watch()
		if open {
			return
		}
		<-changed
	}
	t.Fatal("it never opened")
}
