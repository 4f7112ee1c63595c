package lookup

import (
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/queueferry/queueferry/internal/retry"
)

// The waits after a 429 to a look-up that names no time, as after one to a call.
const (
	firstLookUpPause   = 5 * time.Second
	longestLookUpPause = 2 * time.Minute
)

// Budget bounds how many look-ups are made: no more in any minute than allowed,
// and none while the API asks for fewer. It never makes anyone wait: a call slot
// is too dear for that. It is safe for concurrent use.
type Budget struct {
	limiter *rate.Limiter

	mu        sync.Mutex
	until     time.Time // none before
	throttles int       // one after the other
	booked    bookings  // of those who have to wait
}

// NewBudget allows a third of the minute's look-ups at once, and spreads the
// rest over the minute.
func NewBudget(perMinute int) *Budget {
	perMinute = max(perMinute, 1)
	burst := max(perMinute/3, 1)
	steady := max(float64(perMinute-burst), 0.5)
	return &Budget{limiter: rate.NewLimiter(rate.Limit(steady/60), burst)}
}

// Take takes leave for one look-up; or tells how long to wait before asking
// again.
func (b *Budget) Take(now time.Time) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if wait := b.until.Sub(now); wait > 0 {
		return wait
	}
	r := b.limiter.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return wait
	}
	return 0
}

// Left is how many look-ups may be made at a time, at once.
func (b *Budget) Left(now time.Time) float64 { return b.limiter.TokensAt(now) }

// scarce reports whether more than half of the look-ups that may be made at once
// are spent.
func (b *Budget) scarce(now time.Time) bool { return b.Left(now) < float64(b.limiter.Burst())/2 }

// book tells one who has to wait how long, at least soonest: all who wait are
// spread, so that as many come back at a time as fit the seats of a request.
func (b *Budget) book(of any, seats int, soonest time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	interval := time.Duration(float64(time.Second) / float64(b.limiter.Limit()))
	return b.booked.next(of, seats, time.Now(), soonest, interval)
}

// throttled stops look-ups for as long as the API asked, or for a time that
// doubles, more or less, with each 429 that names none. It returns how long they
// are stopped.
func (b *Budget) throttled(now time.Time, asked time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.throttles++
	if asked <= 0 {
		asked = retry.Backoff(firstLookUpPause, longestLookUpPause, b.throttles, rand.Float64())
	}
	if until := now.Add(asked); until.After(b.until) {
		b.until = until
	}
	return b.until.Sub(now)
}

// Answered forgets the throttles of before.
func (b *Budget) Answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.throttles = 0
}
