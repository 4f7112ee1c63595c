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

// pass is the right to make one call. It is given back once: by cancel or by
// giveBack.
type pass struct {
	gate   *gate
	done   func(retry.Effect)
	trips  int64
	closed bool
	epoch  int
}

// cancel gives the pass back unused.
func (p *pass) cancel() { p.giveBack(Result{}) }

// giveBack tells the gate what the call's result means for the others, and
// reports whether the circuit stayed closed all the time.
func (p *pass) giveBack(r Result) (stayedClosed bool) {
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	// With the lock held: nobody sees an open circuit before the gate is shut.
	p.done(effectOf(r.Health))
	g.learn(r, p.epoch)
	g.leave()
	return p.closed && g.breaker.Trips() == p.trips
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

// learn shuts the gate, or widens it. Answers to calls from before the last
// opening, or while the gate is shut, do not widen it, and of many that ask for
// fewer calls only the first counts. The lock is held.
func (g *gate) learn(r Result, epoch int) {
	switch {
	case r.Health == Well && g.open && epoch == g.epoch:
		g.breaker.SetCareful(false)
		g.pace.grow()
		g.pace.throttles = 0
	case r.Health == Throttled && g.open:
		g.pace.halve(g.underWay)
		g.close(r.Reason, r.Detail, g.pace.throttle(r.RetryAfter))
	case r.Health == Throttled:
		g.close(r.Reason, r.Detail, r.RetryAfter)
	case r.Health == Refused:
		g.close(r.Reason, r.Detail, 0)
	case r.Health == Ill && !g.breaker.Closed():
		g.close(job.BreakerOpen, r.Detail, max(r.RetryAfter, g.reopensIn(time.Now())))
	case r.Health == Ill && r.RetryAfter > 0:
		g.close(r.Reason, r.Detail, r.RetryAfter)
	}
}

// shortest is the least time between two probes, whatever the reason.
const shortest = time.Second

// probed opens the gate after a probe, or notes why it stays shut. done is the
// circuit's leave for the probe.
func (g *gate) probed(done func(retry.Effect), r Result) {
	g.mu.Lock()
	defer g.mu.Unlock()
	done(effectOf(r.Health))
	if g.open {
		return
	}
	switch r.Health {
	case Well:
		g.reopen()
	case Throttled:
		g.prolong(r.Reason, r.Detail, g.pace.throttle(r.RetryAfter))
	case Ill:
		g.prolong(job.BreakerOpen, r.Detail, max(r.RetryAfter, g.reopensIn(time.Now()), shortest))
	case Refused:
		g.prolong(r.Reason, r.Detail, shortest)
	default:
		g.prolong(g.reason, g.detail, shortest)
	}
}

// glanced learns from a probe that was made while the gate was open. A good one
// does not widen it.
func (g *gate) glanced(done func(retry.Effect), r Result) {
	g.mu.Lock()
	defer g.mu.Unlock()
	done(effectOf(r.Health))
	if r.Health != Well {
		g.learn(r, g.epoch)
	}
}

// throttle tells how long to wait: as asked, or twice as long with each time
// that nothing was asked.
func (p *pace) throttle(asked time.Duration) time.Duration {
	if asked > 0 {
		return asked
	}
	p.throttles++
	return retry.Backoff(firstThrottle, longestThrottle, p.throttles, rand.Float64())
}
