package retry

import (
	"math"
	"time"
)

// jitter is how far a wait strays from its nominal length, as a fraction.
const jitter = 0.2

// Backoff is the wait after the n-th try, counted from 1: first, doubled with
// each further try, at most max, and spread by a fifth to either side so that
// many waits that begin together do not end together. random is in [0, 1).
// The result is never longer than max, and never negative.
func Backoff(first, longest time.Duration, n int, random float64) time.Duration {
	return min(Spread(nominal(first, longest, n), random), max(longest, 0))
}

func nominal(first, longest time.Duration, n int) time.Duration {
	if first <= 0 || longest <= 0 {
		return 0
	}
	n = max(n, 1)
	if n > 62 || first > longest>>(n-1) {
		return longest
	}
	return first << (n - 1)
}

// Spread moves d by up to a fifth to either side; random is in [0, 1).
func Spread(d time.Duration, random float64) time.Duration {
	factor := 1 - jitter + 2*jitter*random
	spread := float64(d) * factor
	if spread >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(spread)
}
