package retry

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func fail(t *testing.T, b *CircuitBreaker) {
	t.Helper()
	done, err := b.Allow()
	if err != nil {
		t.Fatalf("not allowed: %v", err)
	}
	done(Failure)
}

func TestCircuitBreakerOpensAndLetsOneThrough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var states []string
		b := NewCircuitBreaker(Breaker{Failures: 3, Open: 30 * time.Second}, func(to string) { states = append(states, to) })
		for range 3 {
			fail(t, b)
		}
		if b.Closed() || b.Trips() != 1 {
			t.Fatalf("closed %v, trips %d after three failures", b.Closed(), b.Trips())
		}
		wait := b.ReopensIn(time.Now())
		if wait < 24*time.Second || wait > 36*time.Second {
			t.Fatalf("open for %v, want 30s give or take a fifth", wait)
		}
		time.Sleep(wait - time.Millisecond)
		if _, err := b.Allow(); err == nil {
			t.Fatal("let a call through too early")
		}
		time.Sleep(2 * time.Millisecond)
		done, err := b.Allow()
		if err != nil {
			t.Fatalf("lets none through after its time: %v", err)
		}
		if _, err := b.Allow(); err == nil {
			t.Fatal("let a second call through while half-open")
		}
		done(Success)
		if !b.Closed() {
			t.Fatal("still not closed after a success")
		}
		if want := []string{"open", "half-open", "closed"}; !slices.Equal(states, want) {
			t.Errorf("told of %v, want %v", states, want)
		}
	})
}

func TestCircuitBreakerCareful(t *testing.T) {
	t.Parallel()
	b := NewCircuitBreaker(Breaker{Failures: 3, Open: time.Minute}, nil)
	b.SetCareful(true)
	fail(t, b)
	if b.Closed() {
		t.Error("careful, and one failure did not open it")
	}
}

func TestCircuitBreakerCountsOneResultOnce(t *testing.T) {
	t.Parallel()
	b := NewCircuitBreaker(Breaker{Failures: 3, Open: time.Minute}, nil)
	done, _ := b.Allow()
	for range 5 {
		done(Failure)
	}
	if !b.Closed() {
		t.Error("one call opened it by reporting five times")
	}
}

// Whatever calls do, and in whatever order they end, the circuit never sticks:
// after its time it lets a call through, and closes with a success.
func TestCircuitBreakerNeverSticks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(*testing.T) {
			b := NewCircuitBreaker(Breaker{Failures: 3, Open: time.Second}, nil)
			var under []func(Effect)
			for range rapid.IntRange(1, 60).Draw(rt, "steps") {
				switch rapid.IntRange(0, 3).Draw(rt, "step") {
				case 0, 1:
					if done, err := b.Allow(); err == nil {
						under = append(under, done)
					}
				case 2:
					if len(under) > 0 {
						i := rapid.IntRange(0, len(under)-1).Draw(rt, "call")
						under[i](Effect(rapid.IntRange(0, 2).Draw(rt, "effect")))
						under = append(under[:i], under[i+1:]...)
					}
				case 3:
					time.Sleep(time.Duration(rapid.IntRange(0, 1500).Draw(rt, "ms")) * time.Millisecond)
				}
			}
			for _, done := range under {
				done(Excluded) // as a cancelled call, or one that panicked
			}
			time.Sleep(2 * time.Second)
			done, err := b.Allow()
			if err != nil {
				rt.Fatalf("lets no call through: %s", b.State())
			}
			done(Success)
			if !b.Closed() {
				rt.Fatalf("%s after a success", b.State())
			}
		})
	})
}
