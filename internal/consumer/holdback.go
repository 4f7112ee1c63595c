package consumer

import (
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/retry"
)

// The pauses of a message that is tried again while the gate did not shut: a
// few quick tries, until the circuit breaker takes over.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 5 * time.Second
)

// holdBack keeps the message in hand until it makes sense to try it again.
func (c *Consumer) holdBack(d *delivery, r orchestrator.Result) {
	c.noteHeld(d)
	if r.Reason == job.Forbidden || r.Reason == job.RejectGuard {
		return // the route's own hold makes it wait
	}
	open, changed := c.Target.Watch()
	if !open {
		return // the gate makes it wait
	}
	d.holds++
	pause := time.NewTimer(retry.Backoff(firstPause, longestPause, d.holds, spread(d)))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-changed:
	case <-d.Done():
	}
}

// setHeld keeps count of the messages that wait for a gate or the hold.
func (c *Consumer) setHeld(d *delivery, held bool) {
	if d.held == held {
		return
	}
	d.held = held
	n := 1
	if !held {
		n = -1
	}
	c.held.Add(int64(n))
	c.Metrics.Held(n)
}
