package orchestrator

import (
	"context"
	"slices"
	"sync"
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
	Since  time.Time // of the last change
	Until  time.Time // not before this time will it open; zero where that is not known
	Held   int       // tries that wait because it is shut
	Calls  int       // calls under way
	Limit  int       // calls at once that it allows now
}

// gate decides when a connection's calls may be made. Shut, it lets none
// through. Opened again it lets one through at a time, and one more for each
// answer that proves the orchestrator well. It is safe for concurrent use.
type gate struct {
	breaker *retry.CircuitBreaker
	rate    *rate.Limiter
	pace    pace

	mu       sync.Mutex
	open     bool
	reason   job.Reason
	detail   string
	since    time.Time
	until    time.Time     // not before: what the orchestrator asked for
	epoch    int           // counts the openings
	underWay int           // calls
	waiting  []*waiter     // in order of arrival
	changed  chan struct{} // closed and replaced with each change
	changes  chan GateState
}

type waiter struct{ granted chan struct{} }

func newGate(calls int, perSecond float64, b retry.Breaker) *gate {
	limit := rate.Inf
	if perSecond > 0 {
		limit = rate.Limit(perSecond)
	}
	return &gate{
		breaker: retry.NewCircuitBreaker(b),
		rate:    rate.NewLimiter(limit, 1),
		pace:    newPace(calls),
		open:    true, since: time.Now(),
		changed: make(chan struct{}), changes: make(chan GateState, 64),
	}
}

// enter waits until a call may be made. The pass must be given back. held is
// called once if the wait is because the gate is shut.
func (g *gate) enter(ctx context.Context, held func()) (*pass, error) {
	for {
		epoch, err := g.take(ctx, held)
		if err != nil {
			return nil, err
		}
		if err := g.rate.Wait(ctx); err != nil {
			g.leave()
			return nil, context.Cause(ctx)
		}
		trips, closed := g.breaker.Trips(), g.breaker.Closed()
		done, err := g.breaker.Allow()
		if err == nil {
			return &pass{gate: g, done: done, trips: trips, closed: closed, epoch: epoch}, nil
		}
		g.shut(job.BreakerOpen, "", 0)
		g.leave()
	}
}

// take takes one of the calls at once, in order of arrival.
func (g *gate) take(ctx context.Context, held func()) (epoch int, err error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	g.mu.Lock()
	if g.open && g.underWay < g.pace.limit && len(g.waiting) == 0 {
		g.underWay++
		defer g.mu.Unlock()
		return g.epoch, nil
	}
	w := &waiter{granted: make(chan struct{})}
	g.waiting = append(g.waiting, w)
	g.mu.Unlock()
	if err := g.wait(ctx, w, held); err != nil {
		return 0, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.epoch, nil
}

func (g *gate) wait(ctx context.Context, w *waiter, held func()) error {
	for {
		open, changed := g.watch()
		if !open && held != nil {
			held()
			held = nil
		}
		select {
		case <-w.granted:
			return nil
		case <-changed:
		case <-ctx.Done():
			g.withdraw(w)
			return context.Cause(ctx)
		}
	}
}

// watch tells the state, and gives a channel that is closed when it changes.
func (g *gate) watch() (open bool, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open, g.changed
}

func (g *gate) withdraw(w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, w); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		return
	}
	g.underWay-- // granted at the same moment
	g.grant()
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.underWay--
	g.grant()
}

// grant lets in who waits, as far as the limit allows. The lock is held.
func (g *gate) grant() {
	for g.open && g.underWay < g.pace.limit && len(g.waiting) > 0 {
		close(g.waiting[0].granted)
		g.waiting = slices.Delete(g.waiting, 0, 1)
		g.underWay++
	}
}

// shut shuts the gate for at least wait. Shut already it keeps its reason, and
// the longer wait.
func (g *gate) shut(reason job.Reason, detail string, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := time.Now().Add(wait); until.After(g.until) {
		g.until = until
	}
	if g.open {
		g.open = false
		g.turn(reason, detail)
	}
}

// stayShut notes why the gate stays shut, after a probe.
func (g *gate) stayShut(reason job.Reason, detail string, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.until = time.Now().Add(wait)
	if g.reason != reason {
		g.turn(reason, detail)
	}
}

// reopen opens the gate for one call at a time, and more with each answer.
func (g *gate) reopen() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open {
		return
	}
	g.open, g.until = true, time.Time{}
	g.epoch++
	g.pace.restart()
	g.breaker.SetCareful(true)
	g.turn("", "")
	g.grant()
}

// turn tells everyone of a change. The lock is held.
func (g *gate) turn(reason job.Reason, detail string) {
	g.reason, g.detail, g.since = reason, detail, time.Now()
	close(g.changed)
	g.changed = make(chan struct{})
	select {
	case g.changes <- g.state():
	default: // nobody listens, or cannot keep up
	}
}

func (g *gate) state() GateState {
	s := GateState{
		Open: g.open, Reason: g.reason, Detail: g.detail, Since: g.since, Until: g.until,
		Calls: g.underWay, Limit: g.pace.limit,
	}
	if !g.open {
		s.Held = len(g.waiting)
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
	return max(asked, g.breaker.ReopensIn(now))
}
