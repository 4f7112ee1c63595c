package orchestrator

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/queueferry/queueferry/internal/job"
)

// waiter is a try on its way through the gate.
type waiter struct {
	number  uint64        // in order of arrival
	epoch   int           // of the gate, when the turn came
	granted chan struct{} // closed when the turn has come; nil: it came at once
	held    func()        // nil once it was called
	shut    func()        // called each time that the gate is found shut; nil: nothing
}

// enter waits until a call may be made: in order of arrival, while the gate is
// open, within the limit of calls at once and the rate. The pass must be given
// back. held is called once if the wait is because the gate is shut.
func (g *gate) enter(ctx context.Context, held func()) (*pass, error) {
	return g.queue(ctx, &waiter{held: held})
}

func (g *gate) queue(ctx context.Context, w *waiter) (*pass, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	g.join(w)
	for {
		if err := g.wait(ctx, w); err != nil {
			return nil, err
		}
		if p, ok := g.admit(w); ok {
			return p, nil
		}
		g.rejoin(w)
	}
}

// join gives the try its turn at once, or puts it at the end of the line.
func (g *gate) join(w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.arrivals++
	w.number = g.arrivals
	if len(g.waiting) == 0 && g.room() {
		g.let(w)
		return
	}
	w.granted = make(chan struct{})
	g.waiting = append(g.waiting, w)
}

// rejoin takes a turn back that cannot be used now. The try is as far in front
// as it was.
func (g *gate) rejoin(w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w.granted = make(chan struct{})
	at, _ := slices.BinarySearchFunc(g.waiting, w.number, func(other *waiter, n uint64) int {
		return cmp.Compare(other.number, n)
	})
	g.waiting = slices.Insert(g.waiting, at, w)
	g.underWay--
	g.grant()
}

// wait returns nil when the turn has come. Otherwise, also on a panic in held,
// the try is no longer in the line.
func (g *gate) wait(ctx context.Context, w *waiter) (err error) {
	if w.granted == nil {
		return nil
	}
	come := false
	defer func() {
		if !come {
			g.withdraw(w)
		}
	}()
	for !come {
		open, changed := g.watch()
		if !open {
			w.sayHeld()
		}
		select {
		case <-w.granted:
			come = true
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if ctx.Err() != nil {
		come = false // both at the same moment
		return context.Cause(ctx)
	}
	return nil
}

func (w *waiter) sayHeld() {
	held := w.held
	w.held = nil
	if held != nil {
		held()
	}
	if w.shut != nil {
		w.shut()
	}
}

// withdraw takes the try out of the line, or gives its turn to the next.
func (g *gate) withdraw(w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, w); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		return
	}
	g.leave()
}

// admit turns the turn into a pass, unless the gate shut since it was given, or
// the circuit says no.
func (g *gate) admit(w *waiter) (*pass, bool) {
	trips, closed := g.breaker.Trips(), g.breaker.Closed()
	if !g.current(w.epoch) {
		return nil, false
	}
	done, err := g.breaker.Allow()
	if err != nil {
		g.shut(job.BreakerOpen, "", g.reopensIn(time.Now()))
		return nil, false
	}
	return &pass{gate: g, done: done, trips: trips, closed: closed, epoch: w.epoch}, true
}

func (g *gate) current(epoch int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open && g.epoch == epoch
}

// leave gives a turn back. The lock is held.
func (g *gate) leave() {
	g.underWay--
	g.grant()
}

// grant gives turns to those who wait, as far as there is room. The lock is held.
func (g *gate) grant() {
	for len(g.waiting) > 0 && g.room() {
		w := g.waiting[0]
		g.waiting[0] = nil
		g.waiting = g.waiting[1:]
		g.let(w)
		close(w.granted)
	}
}

// let gives a turn. The lock is held.
func (g *gate) let(w *waiter) {
	g.underWay++
	w.epoch = g.epoch
}

// room reports whether one more turn can be given, and takes it of the rate if
// so. The lock is held.
func (g *gate) room() bool {
	return g.open && g.underWay < g.pace.limit && g.onTime()
}

// onTime takes the rate's turn, or has the line woken when that comes. The lock
// is held.
func (g *gate) onTime() bool {
	if g.rate == nil {
		return true
	}
	now := time.Now()
	turn := g.rate.ReserveN(now, 1)
	wait := turn.DelayFrom(now)
	if wait <= 0 {
		return true
	}
	turn.CancelAt(now)
	if !g.alarmed {
		g.alarmed = true
		time.AfterFunc(wait, g.wake)
	}
	return false
}

func (g *gate) wake() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.alarmed = false
	g.grant()
}

// newRate is nil where there is no limit. So that a late timer does not lower a
// high rate, the calls of 50 ms may be made at once.
func newRate(perSecond float64) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/20)))
}
