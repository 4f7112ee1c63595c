package orchestrator

import (
	"math/rand/v2"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
)

// The waits after an answer that asks for fewer calls and names no time: the
// first, and the longest.
const (
	firstThrottle   = 5 * time.Second
	longestThrottle = 2 * time.Minute
)

// pass is the right to make one call. It is given back once, with the result.
type pass struct {
	gate   *gate
	done   func(retry.Effect)
	trips  int64
	closed bool
	epoch  int
}

// cancel gives the pass back unused.
func (p *pass) cancel() {
	p.done(retry.Excluded)
	p.gate.leave()
}

// giveBack tells the gate what the call's result means for the others, and
// reports whether the circuit stayed closed all the time.
func (p *pass) giveBack(r Result) (stayedClosed bool) {
	defer p.gate.leave()
	p.done(effectOf(r.Health))
	p.gate.learn(r, p.epoch)
	return p.closed && p.gate.breaker.Trips() == p.trips
}

func effectOf(h Health) retry.Effect {
	switch h {
	case Well:
		return retry.Success
	case Ill:
		return retry.Failure
	default:
		return retry.Excluded
	}
}

// learn shuts the gate, or widens it.
func (g *gate) learn(r Result, epoch int) {
	switch r.Health {
	case Well:
		g.widen(epoch)
	case Throttled:
		g.throttled(r)
	case Refused:
		g.shut(r.Reason, r.Detail, 0)
	case Ill:
		if r.RetryAfter > 0 {
			g.throttled(r)
		} else if !g.breaker.Closed() {
			g.shut(job.BreakerOpen, r.Detail, 0)
		}
	}
}

// widen ignores the answers to calls from before the last opening.
func (g *gate) widen(epoch int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if epoch == g.epoch {
		g.breaker.SetCareful(false)
		g.pace.grow()
		g.pace.throttles = 0
	}
}

func (g *gate) throttled(r Result) {
	g.mu.Lock()
	wait := r.RetryAfter
	if g.open {
		wait = g.pace.throttle(r.RetryAfter, g.underWay)
	}
	g.mu.Unlock()
	g.shut(r.Reason, r.Detail, wait)
}

// throttle halves the calls at once, and tells how long to wait: as asked, or
// twice as long with each time that nothing was asked.
func (p *pace) throttle(asked time.Duration, underWay int) time.Duration {
	p.halve(underWay)
	if asked > 0 {
		return asked
	}
	p.throttles++
	return retry.Backoff(firstThrottle, longestThrottle, p.throttles, rand.Float64())
}
