package consumer

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// target is a Target with a gate and a limit of calls at once, whose calls are
// functions.
type target struct {
	call  func(context.Context, orchestrator.Try) orchestrator.Result // nil: delivered
	check func(*job.Request) (job.Outcome, bool)                      // nil: all is well
	slots chan struct{}                                               // nil: no limit
	claim bool                                                        // its requests must be claimed

	mu      sync.Mutex
	open    bool
	alive   bool
	changed chan struct{}
	watched int
	tries   []orchestrator.Try
}

// newTarget is open and alive.
func newTarget(call func(context.Context, orchestrator.Try) orchestrator.Result) *target {
	return &target{call: call, open: true, alive: true, changed: make(chan struct{})}
}

// always gives the same outcome.
func always(o job.Outcome) *target {
	return newTarget(func(context.Context, orchestrator.Try) orchestrator.Result {
		return orchestrator.Result{Outcome: o, BreakerClosed: true}
	})
}

func delivered() orchestrator.Result {
	return orchestrator.Result{BreakerClosed: true, Outcome: job.Outcome{
		Verdict: job.Delivered, Status: 201, Receipt: job.Receipt{ID: "77"}, Called: true,
	}}
}

// until makes calls that last until release is closed, or they are cut off.
func until(release <-chan struct{}, r orchestrator.Result) func(context.Context, orchestrator.Try) orchestrator.Result {
	return func(ctx context.Context, _ orchestrator.Try) orchestrator.Result {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return r
	}
}

func (g *target) Check(r *job.Request) (job.Outcome, bool) {
	if g.check != nil {
		return g.check(r)
	}
	return job.Outcome{}, true
}

func (g *target) Claims(*job.Request) bool { return g.claim }

func (g *target) Share(context.Context, orchestrator.Try, func(orchestrator.Result, error)) *orchestrator.Shared {
	return nil
}

func (g *target) Do(ctx, hold context.Context, t orchestrator.Try) (orchestrator.Result, error) {
	if err := g.enter(hold, t.Held); err != nil {
		return orchestrator.Result{}, err
	}
	if g.slots != nil {
		defer func() { <-g.slots }()
	}
	if !t.Begin(ctx, &t) {
		return orchestrator.Result{}, orchestrator.ErrNotBegun
	}
	g.mu.Lock()
	g.tries = append(g.tries, t)
	g.mu.Unlock()
	if g.call == nil {
		return delivered(), nil
	}
	began := time.Now()
	r := g.call(ctx, t)
	r.Began, r.Took = began, time.Since(began)
	return r, nil
}

// enter waits for the gate and then for a slot.
func (g *target) enter(hold context.Context, held func()) error {
	for {
		open, changed := g.Watch()
		if open {
			break
		}
		if held != nil {
			held()
			held = nil
		}
		select {
		case <-changed:
		case <-hold.Done():
			return context.Cause(hold)
		}
	}
	if g.slots == nil {
		return context.Cause(hold)
	}
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-hold.Done():
		return context.Cause(hold)
	}
}

func (g *target) Alive(context.Context) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.alive
}

func (g *target) Watch() (open bool, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watched++
	return g.open, g.changed
}

// set opens or shuts the gate.
func (g *target) set(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = open
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *target) setAlive(alive bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.alive = alive
}

// looks is how often the gate was looked at.
func (g *target) looks() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.watched
}

// calls are the tries that were begun.
func (g *target) calls() []orchestrator.Try {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.tries)
}

// called are the ids of the requests that were begun, in order of the names.
func (g *target) called() (all []string) {
	for _, t := range g.calls() {
		all = append(all, t.Request.ID)
	}
	slices.Sort(all)
	return all
}
