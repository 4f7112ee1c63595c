package retry

import (
	"math"
	"testing"
	"time"
)

func TestBackoffDoublesUpToTheLongest(t *testing.T) {
	t.Parallel()
	want := []time.Duration{
		1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 8 * time.Second, 5: 16 * time.Second,
		6: 32 * time.Second, 7: 64 * time.Second, 8: 128 * time.Second, 9: 256 * time.Second,
		10: 5 * time.Minute, 11: 5 * time.Minute,
	}
	for n := 1; n < len(want); n++ {
		if got := Backoff(time.Second, 5*time.Minute, n, 0.5); got != want[n] {
			t.Errorf("try %d: %v, want %v", n, got, want[n])
		}
	}
}

func TestBackoffStraysByAFifth(t *testing.T) {
	t.Parallel()
	if got := Backoff(10*time.Second, time.Hour, 1, 0); got != 8*time.Second {
		t.Errorf("at least: %v, want 8s", got)
	}
	if got := Backoff(10*time.Second, time.Hour, 1, 0.999); got < 11900*time.Millisecond || got > 12*time.Second {
		t.Errorf("at most: %v, want just below 12s", got)
	}
}

func FuzzBackoff(f *testing.F) {
	f.Add(int64(time.Second), int64(5*time.Minute), 1, 0.5)
	f.Add(int64(1), int64(math.MaxInt64), 63, 0.999)
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), 2, 0.999)
	f.Add(int64(-1), int64(-1), -1, 0.0)
	f.Fuzz(func(t *testing.T, first, longest int64, n int, random float64) {
		if random < 0 || random >= 1 || math.IsNaN(random) {
			return // not in the domain
		}
		got := Backoff(time.Duration(first), time.Duration(longest), n, random)
		if got < 0 || got > max(time.Duration(longest), 0) {
			t.Fatalf("%v is not within 0 and %v", got, time.Duration(longest))
		}
	})
}
