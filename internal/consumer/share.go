package consumer

import (
	"errors"

	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/retry"
)

// longestQuick is up to how many bytes a message takes next to no time to decode:
// half a millisecond at the most. One of a megabyte and many fields takes a tenth
// of a second, and a hand full of them longer than an ack wait.
const longestQuick = 8 << 10

// share has a message go with others in one call, as most do where requests share
// calls: without a goroutine of its own, because there is nothing to wait for but
// the call. It reports false for a message that needs one: of which something may
// be noted, or that takes time to decode, or has to be held, or goes alone.
func (c *Consumer) share(d *delivery) (shares bool) {
	defer func() {
		if recover() != nil {
			shares = false // it panics again where that harms nobody else
		}
	}()
	if !c.mayShare(d) || !c.decode(d) || c.Target.Claims(d.request) {
		return false
	}
	d.recalled = true
	done := func(r orchestrator.Result, err error) { c.shared(d, r, err) }
	return d.share(c.Target.Share(c.work, c.newTry(d), done))
}

// mayShare is what can be told without decoding the message.
func (c *Consumer) mayShare(d *delivery) bool {
	quick := c.Quick && len(d.msg.Data) <= longestQuick
	return c.Batch.Max > 1 && quick && !c.stopping() && c.hold.free() && c.fresh(d)
}

// fresh reports whether nothing can be noted of a message, nor an earlier
// delivery be in hand.
func (c *Consumer) fresh(d *delivery) bool {
	other, _ := c.hand.before(d)
	return other == nil && !c.acked.has(d.place()) && !c.mayBeNoted(d) && d.replayed() == ""
}

// shared goes on with what came of a shared try. What takes time is not done
// here: others wait for this goroutine.
func (c *Consumer) shared(d *delivery, r orchestrator.Result, err error) {
	if errors.Is(err, orchestrator.ErrAlone) {
		c.alone(d)
		return
	}
	if panicked, ok := errors.AsType[*orchestrator.PanicError](err); ok {
		c.leave(d, nothing, orchestrator.Result{}) // our own fault is no answer
		r = c.panicked(d, panicked.Value, panicked.Stack)
	} else {
		var learnt lesson
		r, learnt = c.tried(d, r, err)
		c.leave(d, learnt, r)
	}
	if what := c.decide(d, r); what.Kind == retry.Ack {
		c.finish(d, r, what)
		return
	}
	c.hop(d, r)
}

// hop has another goroutine go on.
func (c *Consumer) hop(d *delivery, r orchestrator.Result) {
	c.crew.do(func() { c.carryOn(d, r) })
}

// alone has a message worked on by a goroutine of its own.
func (c *Consumer) alone(d *delivery) {
	c.crew.do(func() { c.handle(d) })
}
