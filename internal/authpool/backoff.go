package authpool

import "time"

// backoff is a wait that doubles from first to max.
type backoff struct{ first, max time.Duration }

// The waits after a failure. Each has its own count.
var (
	// 1 s, 2 s, 4 s, 8 s, 15 s: the identity server is not well.
	identityBackoff = backoff{time.Second, 15 * time.Second}
	// 30 s, 1 m, 2 m, 4 m, 8 m, 15 m: each try may bring a lock-out nearer.
	credentialBackoff = backoff{30 * time.Second, 15 * time.Minute}
	// 5 s, 10 s, 20 s, 40 s, 80 s, 160 s, 5 m: the API refuses fresh tokens.
	tokenBackoff = backoff{5 * time.Second, 5 * time.Minute}
	// 1 m, 2 m, 4 m, 8 m, 15 m: another log-in ends our sessions. Each less or more
	// by half at most.
	takenBackoff = backoff{time.Minute, 15 * time.Minute}
)

// lookAgain is how often a missing secret is looked for, and the files of a
// refused credential are compared.
const lookAgain = time.Second

// wait is how long to wait after the n-th failure in a row, n from 1.
func (b backoff) wait(n int) time.Duration {
	d := b.first
	for i := 1; i < n && d < b.max; i++ {
		d *= 2
	}
	return min(d, b.max)
}
