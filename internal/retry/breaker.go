package retry

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// Effect is what a call's result means for the circuit.
type Effect int

// The effects. The zero value counts for nothing: a call that was cancelled, or
// whose result says nothing of the orchestrator's health.
const (
	Excluded Effect = iota
	Success
	Failure
)

// ErrOpen means that the circuit lets no call through now.
var ErrOpen = errors.New("retry: circuit open")

var (
	errFailure  = errors.New("failure")
	errExcluded = errors.New("excluded")
)

// CircuitBreaker opens after a number of consecutive failures and lets one call
// through at a time once it was open long enough. It is safe for concurrent use.
type CircuitBreaker struct {
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	open    time.Duration

	changed func(to string)
	careful atomic.Bool  // one failure is enough
	trips   atomic.Int64 // times opened
	opened  atomic.Int64 // last time opened, unix nanoseconds
}

// NewCircuitBreaker makes a closed circuit. Its time open is spread by a fifth,
// once, so that pods do not come back together. changed, if it is not nil, is
// told of every new state: closed, half-open or open. It must not ask the circuit.
func NewCircuitBreaker(s Breaker, changed func(to string)) *CircuitBreaker {
	b := &CircuitBreaker{open: Spread(s.Open, rand.Float64()), changed: changed}
	b.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests: 1,
		Timeout:     b.open,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return int(c.ConsecutiveFailures) >= s.Failures || b.careful.Load()
		},
		// Called under the breaker's own lock: it must not ask the breaker.
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.opened.Store(time.Now().UnixNano())
				b.trips.Add(1)
			}
			if b.changed != nil {
				b.changed(to.String())
			}
		},
		IsSuccessful: func(err error) bool { return err == nil },
		IsExcluded:   func(err error) bool { return errors.Is(err, errExcluded) },
	})
	return b
}

// Allow asks to make a call. The returned function takes the call's effect; it
// must be called, and only its first call counts. The error is [ErrOpen].
func (b *CircuitBreaker) Allow() (func(Effect), error) {
	done, err := b.breaker.Allow()
	if err != nil {
		return nil, ErrOpen
	}
	var told atomic.Bool
	return func(e Effect) {
		if !told.Swap(true) {
			done(effectError(e))
		}
	}, nil
}

func effectError(e Effect) error {
	switch e {
	case Success:
		return nil
	case Failure:
		return errFailure
	default:
		return errExcluded
	}
}

// Closed reports whether calls pass freely.
func (b *CircuitBreaker) Closed() bool { return b.breaker.State() == gobreaker.StateClosed }

// State is closed, half-open or open.
func (b *CircuitBreaker) State() string { return b.breaker.State().String() }

// Trips counts how often the circuit opened: unchanged from one moment to
// another it stayed closed, if it was closed at the first.
func (b *CircuitBreaker) Trips() int64 { return b.trips.Load() }

// ReopensIn is how long the circuit stays open from now; 0 or less if it lets a
// call through.
func (b *CircuitBreaker) ReopensIn(now time.Time) time.Duration {
	if b.breaker.State() != gobreaker.StateOpen {
		return 0
	}
	return time.Unix(0, b.opened.Load()).Add(b.open).Sub(now)
}

// SetCareful makes one failure enough to open the circuit again, as long as it
// is set: for the first calls after an outage.
func (b *CircuitBreaker) SetCareful(careful bool) { b.careful.Store(careful) }
