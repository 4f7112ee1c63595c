package orchestrator

import (
	"context"
	"errors"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
)

// ErrNotBegun means that a try's turn came and its Begin said no: no call was made.
var ErrNotBegun = errors.New("orchestrator: not begun")

// reminder is how often a gate that stays shut is spoken of.
const reminder = 5 * time.Minute

// Tokens is what a connection needs of its token pool.
type Tokens interface {
	// Ready waits until a token can be had.
	Ready(context.Context) error
	// Lease gets one, or an *authpool.Error.
	Lease(context.Context) (authpool.Lease, error)
}

// Settings make a connection.
type Settings struct {
	Name          string
	Connector     Connector
	Tokens        Tokens
	Timeout       time.Duration // of one call
	MaxConcurrent int           // calls at once
	Rate          float64       // calls per second; 0: no limit
	Breaker       retry.Breaker
	// ProbeAs says which permissions a probe may count on.
	ProbeAs job.Action
	// GateChanged, if set, is told of every change of the gate, and every five
	// minutes of one that stays shut. It is called by one goroutine at a time.
	GateChanged func(GateState)
}

// Connection is one account on one orchestrator tenant: a connector behind a
// gate. It is safe for concurrent use.
type Connection struct {
	Settings
	gate *gate
}

// NewConnection makes a connection whose gate is open. [Connection.Run] must
// run for it to open again once it is shut.
func NewConnection(s Settings) *Connection {
	return &Connection{Settings: s, gate: newGate(s.MaxConcurrent, s.Rate, s.Breaker)}
}

// Gate is the state of the connection's gate.
func (c *Connection) Gate() GateState { return c.gate.State() }

// Check makes the checks of a request that need no call.
func (c *Connection) Check(r *job.Request) (job.Outcome, bool) { return c.Connector.Check(r) }

// Do waits until the gate lets the try through, and makes it. hold ends the
// waiting; the call itself lives as long as ctx. An error means that no call
// was made: [ErrNotBegun], or the cause of hold's end.
func (c *Connection) Do(ctx, hold context.Context, t Try) (Result, error) {
	p, err := c.gate.enter(hold, t.Held)
	if err != nil {
		return Result{}, err
	}
	if t.Begin != nil && !t.Begin(ctx) {
		p.cancel()
		return Result{}, ErrNotBegun
	}
	return c.submit(ctx, p, t), nil
}

func (c *Connection) submit(ctx context.Context, p *pass, t Try) (r Result) {
	began := time.Now()
	defer func() {
		// Also on a panic: a pass that is not given back blocks the gate for ever.
		closed := p.giveBack(r)
		r.Began, r.Took, r.BreakerClosed = began, time.Since(began), closed
	}()
	r = c.Connector.Submit(ctx, t)
	if r.Verdict == job.Deferred && r.Reason == job.Forbidden && t.Request.FolderFromRoute {
		// The operator's folder, not the publisher's: the route waits for it.
		r.Verdict = job.Unavailable
	}
	return r
}

// Watch tells whether the gate is open, and gives a channel that is closed when
// that changes.
func (c *Connection) Watch() (open bool, changed <-chan struct{}) { return c.gate.watch() }

// Alive asks the orchestrator, at once and past the limit of calls, whether it
// is well. It reports false without a call while the gate is shut.
func (c *Connection) Alive(ctx context.Context) bool {
	if open, _ := c.gate.watch(); !open {
		return false
	}
	done, err := c.gate.breaker.Allow()
	if err != nil {
		return false
	}
	r := c.probe(ctx)
	done(effectOf(r.Health))
	if r.Health != Well {
		c.gate.learn(r, 0)
	}
	return r.Health == Well
}

// Run logs in ahead of the first request, and opens the gate again whenever it
// was shut, until ctx ends.
func (c *Connection) Run(ctx context.Context) {
	announced := make(chan struct{})
	go func() {
		defer close(announced)
		c.announce(ctx)
	}()
	c.logIn(ctx)
	for ctx.Err() == nil {
		open, changed := c.gate.watch()
		if !open {
			c.tryOpening(ctx)
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	<-announced
}

// logIn shows a wrong credential before the first request meets it.
func (c *Connection) logIn(ctx context.Context) {
	lease, err := c.Tokens.Lease(ctx)
	if err == nil {
		lease.Release()
		return
	}
	if denied, ok := errors.AsType[*authpool.Error](err); ok {
		c.gate.shut(denied.Reason, denied.Error(), 0)
	}
}

// tryOpening waits until the orchestrator may be asked again, and asks it.
func (c *Connection) tryOpening(ctx context.Context) {
	if sleep(ctx, c.gate.opensIn(time.Now())) != nil {
		return
	}
	if c.Tokens.Ready(ctx) != nil {
		return
	}
	done, err := c.gate.breaker.Allow()
	if err != nil { // opened again meanwhile
		_ = sleep(ctx, 10*time.Millisecond)
		return
	}
	r := c.probe(ctx)
	done(effectOf(r.Health))
	c.probed(r)
}

func (c *Connection) probe(ctx context.Context) (r Result) {
	defer func() {
		if recover() != nil {
			r = unavailable(job.Panicked, Ill, "the probe panicked")
		}
	}()
	return c.Connector.Probe(ctx, c.ProbeAs)
}

// shortest is the least time between two probes, whatever the reason.
const shortest = time.Second

func (c *Connection) probed(r Result) {
	switch r.Health {
	case Well:
		c.gate.reopen()
	case Throttled:
		c.gate.mu.Lock()
		wait := c.gate.pace.throttle(r.RetryAfter, 0)
		c.gate.mu.Unlock()
		c.gate.stayShut(r.Reason, r.Detail, wait)
	case Ill:
		wait := max(r.RetryAfter, c.gate.breaker.ReopensIn(time.Now()))
		if wait == 0 {
			wait = firstThrottle
		}
		c.gate.stayShut(job.BreakerOpen, r.Detail, wait)
	case Refused:
		c.gate.stayShut(r.Reason, r.Detail, shortest)
	}
}

// announce tells of the gate's changes, and reminds of a gate that stays shut.
func (c *Connection) announce(ctx context.Context) {
	tick := time.NewTicker(reminder)
	defer tick.Stop()
	for {
		select {
		case s := <-c.gate.changes:
			tick.Reset(reminder)
			c.tell(s)
		case <-tick.C:
			if s := c.gate.State(); !s.Open {
				c.tell(s)
			}
		case <-ctx.Done():
			return
		}
	}
}

func (c *Connection) tell(s GateState) {
	if c.GateChanged != nil {
		c.GateChanged(s)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
