package orchestrator

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
)

// GateState is what a gate looks like from outside.
type GateState struct {
	Open bool
	// Reason and Detail say why it is shut; empty while it is open.
	Reason job.Reason
	Detail string
	Since  time.Time // when it opened or shut; a change of the reason does not count
	Until  time.Time // not before this time will it open; zero where that is not known
	Held   int       // tries that wait because it is shut
	Calls  int       // calls under way
	Limit  int       // calls at once that it allows while it is open
}

// gate decides when a connection's calls may be made. Shut, it lets none
// through. Opened again it lets one through at a time, and one more for each
// answer that proves the orchestrator well. It is safe for concurrent use.
type gate struct {
	breaker *retry.CircuitBreaker
	rate    *rate.Limiter // nil: no limit
	longest time.Duration // that the circuit stays open

	mu       sync.Mutex
	open     bool
	reason   job.Reason
	detail   string
	since    time.Time
	until    time.Time // not before: what the orchestrator asked for
	epoch    int       // counts the openings
	underWay int       // turns that were given and not given back
	pace     pace
	waiting  []*waiter // in order of arrival
	arrivals uint64
	alarmed  bool          // a timer will call wake
	changed  chan struct{} // closed and replaced with each change
	changes  chan GateState

	// together is how many more tries wait than stand in the line, because one
	// stands there for several.
	together atomic.Int64
}

func newGate(calls int, perSecond float64, b retry.Breaker, circuit func(to string)) *gate {
	return &gate{
		breaker: retry.NewCircuitBreaker(b, circuit),
		rate:    newRate(perSecond),
		longest: retry.Spread(b.Open, 1),
		pace:    newPace(calls),
		open:    true, since: time.Now(),
		changed: make(chan struct{}), changes: make(chan GateState, 64),
	}
}

// watch tells the state, and gives a channel that is closed when it changes.
func (g *gate) watch() (open bool, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open, g.changed
}

// shut shuts the gate for at least wait. Shut already it keeps its reason, and
// the longer wait.
func (g *gate) shut(reason job.Reason, detail string, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.close(reason, detail, wait)
}

// close is shut with the lock held.
func (g *gate) close(reason job.Reason, detail string, wait time.Duration) {
	now := time.Now()
	if until := now.Add(wait); wait > 0 && until.After(g.until) {
		g.until = until
	}
	if g.open {
		g.open, g.since = false, now
		g.turn(reason, detail)
	}
}

// stayShut notes why the gate stays shut, and for how long at the least.
func (g *gate) stayShut(reason job.Reason, detail string, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.prolong(reason, detail, wait)
}

// prolong is stayShut with the lock held. Only another reason is news.
func (g *gate) prolong(reason job.Reason, detail string, wait time.Duration) {
	if until := time.Now().Add(wait); wait > 0 && until.After(g.until) {
		g.until = until
	}
	g.detail = detail
	if g.reason != reason {
		g.turn(reason, detail)
	}
}

// reopen opens the gate for one call at a time, and more with each answer. It
// does not if the orchestrator asked for more time meanwhile. The lock is held.
func (g *gate) reopen() {
	now := time.Now()
	if g.open || g.until.After(now) {
		return
	}
	g.open, g.since, g.until = true, now, time.Time{}
	g.epoch++
	g.pace.restart()
	g.turn("", "")
	g.grant()
}

// turn tells everyone of a change. The lock is held.
func (g *gate) turn(reason job.Reason, detail string) {
	g.reason, g.detail = reason, detail
	close(g.changed)
	g.changed = make(chan struct{})
	select {
	case g.changes <- g.state():
	default: // nobody keeps up: the latest changes are the ones to know
		select {
		case <-g.changes:
		default:
		}
		g.changes <- g.state() // only the lock's holder sends
	}
}

func (g *gate) state() GateState {
	s := GateState{
		Open: g.open, Reason: g.reason, Detail: g.detail, Since: g.since,
		Calls: g.underWay, Limit: g.pace.limit,
	}
	if !g.open {
		s.Held = max(0, len(g.waiting)+int(g.together.Load()))
	}
	if g.until.After(time.Now()) {
		s.Until = g.until
	}
	return s
}

// State is safe to call at any time.
func (g *gate) State() GateState {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state()
}

// opensIn is how long from now the gate stays shut at the least.
func (g *gate) opensIn(now time.Time) time.Duration {
	g.mu.Lock()
	asked := g.until.Sub(now)
	g.mu.Unlock()
	return max(asked, g.reopensIn(now))
}

// reopensIn is how long from now the circuit stays open. It is bounded, so that
// a clock that is set back does not keep the gate shut.
func (g *gate) reopensIn(now time.Time) time.Duration {
	return min(g.breaker.ReopensIn(now), g.longest)
}
