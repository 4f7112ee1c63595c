package orchestrator

import (
	"context"
	"errors"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
)

// reminder is how often a gate that stays shut is spoken of.
const reminder = 5 * time.Minute

// Run logs in ahead of the first request, and opens the gate again whenever it
// was shut, until ctx ends. It is called once.
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
	if denied := c.denied(ctx); denied != nil {
		c.gate.shut(denied.Reason, detailOf(denied), 0)
	}
}

// denied says why there is no token; nil if there is one, or if nobody knows.
func (c *Connection) denied(ctx context.Context) *authpool.Error {
	lease, err := c.Tokens.Lease(ctx)
	if err == nil {
		lease.Release()
		return nil
	}
	denied, _ := errors.AsType[*authpool.Error](err)
	return denied
}

// tryOpening waits until the orchestrator may be asked again, and asks it.
func (c *Connection) tryOpening(ctx context.Context) {
	if !sleep(ctx, c.gate.opensIn(time.Now())) || !c.token(ctx) {
		return
	}
	c.gate.breaker.SetCareful(true) // for the probe, and for the first request after it
	done, err := c.gate.breaker.Allow()
	if err != nil { // the circuit opened again, or its clock differs from ours
		sleep(ctx, shortest/10)
		return
	}
	c.gate.probed(done, c.probe(ctx))
}

// token waits until there is one, and has the gate say so while there is none.
// It reports false if ctx ended or there will never be one.
func (c *Connection) token(ctx context.Context) bool {
	if denied := c.denied(ctx); denied != nil {
		c.gate.stayShut(denied.Reason, detailOf(denied), 0)
	}
	if c.Tokens.Ready(ctx) == nil {
		return true
	}
	sleep(ctx, shortest)
	return false
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
			if s := c.gate.State(); !s.Open && len(c.gate.changes) == 0 {
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

// sleep reports false if ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
