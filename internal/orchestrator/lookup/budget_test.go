package lookup

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// No more look-ups than allowed in any minute, whenever they are asked for; and
// that many, if they are asked for all the time.
func TestBudgetOfAMinute(t *testing.T) {
	t.Parallel()
	for _, perMinute := range []int{0, 1, 2, 3, 10, 30, 100, 1000} {
		t.Run(fmt.Sprint(perMinute), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := NewBudget(perMinute)
				var taken []time.Time
				for began := time.Now(); time.Since(began) < 10*time.Minute; {
					now := time.Now()
					wait := b.Take(now)
					if wait == 0 {
						taken = append(taken, now)
						continue
					}
					if wait < 0 || wait > 2*time.Minute {
						t.Fatalf("wait %v", wait)
					}
					time.Sleep(wait)
				}
				most := max(perMinute, 1)
				for i := range taken {
					if i >= most && taken[i].Sub(taken[i-most]) < time.Minute-time.Millisecond {
						t.Fatalf("%d look-ups in %v", most+1, taken[i].Sub(taken[i-most]))
					}
				}
				if least := 10 * most / 2; len(taken) < least {
					t.Errorf("%d look-ups in ten minutes, want at least %d", len(taken), least)
				}
			})
		})
	}
}

// Who is told to wait has not taken anything.
func TestBudgetIsNotSpentByAsking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(3)
		b.Take(time.Now())
		wait := b.Take(time.Now())
		for range 100 {
			if again := b.Take(time.Now()); again != wait {
				t.Fatalf("%v, then %v", wait, again)
			}
		}
		time.Sleep(wait)
		if again := b.Take(time.Now()); again != 0 {
			t.Errorf("%v more", again)
		}
	})
}

func TestBudgetPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if firstLookUpPause != 5*time.Second || longestLookUpPause != 2*time.Minute {
			t.Error("not the pauses of calls")
		}
		b := NewBudget(30)
		pause := func(asked time.Duration) time.Duration {
			t.Helper()
			b.throttled(time.Now(), asked)
			wait := b.Take(time.Now())
			time.Sleep(wait)
			if again := b.Take(time.Now()); again != 0 {
				t.Errorf("%v more after %v", again, wait)
			}
			return wait
		}
		if got := pause(90 * time.Second); got != 90*time.Second {
			t.Errorf("asked for 90 s: %v", got)
		}
		b.Answered()
		// Each within a fifth of its nominal length, and none longer than the longest.
		for n, nominal := range []time.Duration{firstLookUpPause, 2 * firstLookUpPause, 4 * firstLookUpPause, 8 * firstLookUpPause, 16 * firstLookUpPause, longestLookUpPause, longestLookUpPause} {
			if got := pause(0); got < nominal*4/5 || got > min(nominal*6/5, longestLookUpPause) {
				t.Errorf("pause %d: %v", n+1, got)
			}
		}
		b.Answered()
		if got := pause(0); got > firstLookUpPause*6/5 {
			t.Errorf("after an answer: %v", got)
		}
		// A shorter pause does not cut a longer one short.
		b.throttled(time.Now(), time.Minute)
		b.throttled(time.Now(), time.Second)
		if got := b.Take(time.Now()); got != time.Minute {
			t.Errorf("%v", got)
		}
	})
}

// Many that are told to wait for no certain time do not come back together.
func TestBudgetPausesAreSpread(t *testing.T) {
	t.Parallel()
	now, waits := time.Now(), map[time.Duration]bool{}
	for range 20 {
		wait := NewBudget(30).throttled(now, 0)
		if waits[wait] = true; wait < firstLookUpPause*4/5 || wait > firstLookUpPause*6/5 {
			t.Errorf("wait %v", wait)
		}
	}
	if len(waits) < 10 {
		t.Errorf("waits %v", waits)
	}
}

// Those who wait meet in groups, one group after the other.
func TestBookings(t *testing.T) {
	t.Parallel()
	var b bookings
	now := time.Now()
	type group struct{ folder, queue string }
	const seats = 19
	one, other := group{"a", "1"}, group{"a", "2"}
	waits := map[group]map[time.Duration]int{one: {}, other: {}}
	for range 2*seats + 1 {
		for of, n := range waits {
			n[b.next(of, seats, now, time.Second, 3*time.Second)]++
		}
	}
	times := map[time.Duration]bool{}
	for of, n := range waits {
		if len(n) != 3 {
			t.Errorf("%v: %v", of, n)
		}
		for wait, taken := range n {
			if wait < time.Second || (wait-time.Second)%(3*time.Second) != 0 || taken > seats || times[wait] {
				t.Errorf("%d at %v", taken, wait)
			}
			times[wait] = true
		}
	}
	// A time that has passed, or is too early, is given to nobody.
	if got := b.next(one, 1, now, time.Minute, time.Second); got < time.Minute {
		t.Errorf("%v", got)
	}
	if got := b.next(one, 1, now.Add(time.Hour), time.Second, time.Second); got != time.Second || len(b.of) != 1 {
		t.Errorf("%v, %v", got, b.of)
	}
}
