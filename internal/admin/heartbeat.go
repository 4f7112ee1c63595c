package admin

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Heartbeat tells whether a loop still turns. It is safe for concurrent use.
type Heartbeat struct {
	name  string
	limit time.Duration
	start time.Time
	last  atomic.Int64 // since start, on the monotonic clock
}

// NewHeartbeat returns the heartbeat of a loop, which has just beaten. The loop
// must beat more often than the limit.
func NewHeartbeat(name string, limit time.Duration) *Heartbeat {
	return &Heartbeat{name: name, limit: limit, start: time.Now()}
}

// Beat says that the loop turns.
func (h *Heartbeat) Beat() { h.last.Store(int64(time.Since(h.start))) }

// Check returns an error that names the loop when its last beat is older than
// the limit.
func (h *Heartbeat) Check() error {
	age := time.Since(h.start) - time.Duration(h.last.Load())
	if age <= h.limit {
		return nil
	}
	return fmt.Errorf("%s has stood still for %s, longer than %s", h.name, age.Round(time.Millisecond), h.limit)
}

// AllBeat returns a function for [Settings.Live]: it joins the errors of every
// heartbeat, in their order.
func AllBeat(hearts ...*Heartbeat) func() error {
	return func() error {
		errs := make([]error, len(hearts))
		for i, h := range hearts {
			errs[i] = h.Check()
		}
		return errors.Join(errs...)
	}
}
