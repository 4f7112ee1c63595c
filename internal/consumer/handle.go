package consumer

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/request"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// handle is the way of one message: decode it, recall what is known of it, try,
// decide, settle. It is tried again only while it is held.
func (c *Consumer) handle(d *delivery) {
	result, ok := c.prepare(d)
	if !ok {
		c.finish(d, result, c.decide(d, result))
		return
	}
	c.carryOn(d, c.try(d))
}

// carryOn goes on with what came of a try.
func (c *Consumer) carryOn(d *delivery, result orchestrator.Result) {
	for {
		c.conclude(d, result)
		what := c.decide(d, result)
		if what.Kind != retry.Hold {
			c.finish(d, result, what)
			return
		}
		if result.Singly {
			d.singly = true
		} else {
			c.holdBack(d, result)
		}
		result = c.try(d)
	}
}

// finish settles the message, and lets go of it.
func (c *Consumer) finish(d *delivery, r orchestrator.Result, what retry.Disposition) {
	c.setHeld(d, false)
	c.settle(d, r, what)
	c.hand.remove(d.number)
	c.Metrics.InFlight(-1)
	c.open.Done()
}

// prepare reports whether there is a request to try; else the result says what
// became of the message.
func (c *Consumer) prepare(d *delivery) (result orchestrator.Result, ok bool) {
	if c.decode(d); d.undone != nil {
		result = *d.undone
	}
	if !c.awaitEarlier(d) {
		return d.notBegun(d.hindrance()), false
	}
	if c.acked.has(d.place()) {
		return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Duplicate, Detail: "acked before; the ack got lost"}}, false
	}
	if c.recall(d) != nil {
		return d.notBegun(job.LedgerFailed), false
	}
	if dead := d.entry.Record.Dead; dead != nil {
		return orchestrator.Result{Outcome: job.Outcome{
			Verdict: job.Rejected, Reason: dead.Reason, Detail: dead.Detail, Status: dead.Status, ErrorCode: dead.ErrorCode,
		}}, false
	}
	if d.undone != nil && result.Verdict == job.Unavailable { // cut off at the end of work
		return d.notBegun(job.Stopping), false
	}
	return result, d.undone == nil
}

// awaitEarlier has earlier deliveries of the message come to their end, that the
// server has given up already: what has not begun is not begun any more. It
// reports false if this one shall not be begun either.
func (c *Consumer) awaitEarlier(d *delivery) bool {
	for other, gone := c.hand.before(d); other != nil; other, gone = c.hand.before(d) {
		other.giveUp(errLeaseLost)
		select {
		case <-gone:
		case <-d.Done():
			return false
		}
	}
	return true
}

// decode makes the checks that need no call, once. It reports whether there is a
// request to try.
func (c *Consumer) decode(d *delivery) (ok bool) {
	if !d.decoded {
		d.decoded = true
		d.undone = c.undecoded(d)
	}
	return d.undone == nil
}

func (c *Consumer) undecoded(d *delivery) (why *orchestrator.Result) {
	defer func() {
		if value := recover(); value != nil {
			r := c.panicked(d, value, debug.Stack())
			why = &r
		}
	}()
	req, out, good := c.Decoder.Decode(c.work, request.Message{
		Subject: d.msg.Subject, Header: d.msg.Header, Data: d.msg.Data,
		Stream: d.meta.Stream, Sequence: d.meta.Sequence.Stream, Time: d.meta.Timestamp,
	})
	d.request = req
	if good {
		out, good = c.Target.Check(req)
	}
	if good {
		return nil
	}
	return &orchestrator.Result{Outcome: out}
}

// try makes one try, when its turn has come.
func (c *Consumer) try(d *delivery) (result orchestrator.Result) {
	defer c.caught(d, &result)
	probe, err := c.hold.enter(&d.stay, func() { c.noteHeld(d) })
	if err != nil {
		return d.notBegun(d.hindrance())
	}
	d.probe, d.kept = probe, false
	learnt := nothing
	defer func() { c.leave(d, learnt, result) }()
	t := c.newTry(d)
	t.Held = func() { c.noteHeld(d) }
	result, err = c.Target.Do(c.work, &d.stay, t)
	result, learnt = c.tried(d, result, err)
	return result
}

func (c *Consumer) newTry(d *delivery) orchestrator.Try {
	t := orchestrator.Try{
		Request: d.request, Resend: c.Resend, AcceptDuplicate: c.AcceptDuplicate,
		Still: func() bool { return c.stillMine(d) },
		Begin: func(_ context.Context, t *orchestrator.Try) bool {
			d.kept = c.hold.keeps(d.probe)
			return !d.kept && c.begin(d, t)
		},
	}
	if !d.singly {
		t.Batch = c.Batch
	}
	c.complete(d, &t)
	return t
}

// tried is what a try came to, and what it tells of the route.
func (c *Consumer) tried(d *delivery, r orchestrator.Result, err error) (orchestrator.Result, lesson) {
	switch {
	case d.kept:
		return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unavailable, Reason: job.RejectGuard}}, nothing
	case err != nil && d.finding != nil:
		return *d.finding, nothing
	case err != nil:
		return d.notBegun(d.hindrance()), nothing
	}
	d.underWay = false
	if !r.Began.IsZero() {
		d.began, d.took = r.Began, r.Took
	}
	return r, learn(d.request, r.Outcome)
}

// leave tells the route's own hold of the try.
func (c *Consumer) leave(d *delivery, learnt lesson, r orchestrator.Result) {
	answer := r.Outcome
	if d.finding != nil {
		answer = job.Outcome{} // the ledger's, not the orchestrator's
	}
	d.spared = c.hold.leave(d.probe, learnt, answer)
}

// learn is what an outcome tells of the route's own configuration.
func learn(r *job.Request, o job.Outcome) lesson {
	switch {
	case o.Verdict == job.Unavailable && o.Reason == job.Forbidden:
		return refused
	case r.FolderFromRoute && o.Verdict != job.Unavailable && o.Verdict != job.Unknown:
		return free
	default:
		return nothing
	}
}

// hindrance is why a message whose turn did not come, or came to nothing, was
// not begun.
func (d *delivery) hindrance() job.Reason {
	switch {
	case d.unbegun != "":
		return d.unbegun
	case errors.Is(d.givenUp(), errLeaseLost):
		return job.LeaseLost
	default:
		return job.Stopping
	}
}

// notBegun is the result of a message that shall not be begun any more.
func (d *delivery) notBegun(reason job.Reason) orchestrator.Result {
	d.unbegun = reason
	return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unavailable, Reason: reason}}
}

// caught turns a panic into an outcome, and its stack into a log line.
func (c *Consumer) caught(d *delivery, result *orchestrator.Result) {
	if value := recover(); value != nil {
		*result = c.panicked(d, value, debug.Stack())
	}
}

func (c *Consumer) panicked(d *delivery, value any, stack []byte) orchestrator.Result {
	c.Events.Panicked(telemetry.Panicked{
		Route: c.Route, RequestID: d.name(), Subject: d.msg.Subject,
		Sequence: d.meta.Sequence.Stream, Value: value, Stack: stack,
	})
	if d.underWay {
		d.took = time.Since(d.began)
	}
	return orchestrator.Result{Outcome: job.Outcome{
		Verdict: job.Deferred, Reason: job.Panicked, Called: d.underWay,
		Detail: "the worker met a fault of its own; its log has the stack under delivery.panicked",
	}}
}

// decide is pure but for the clock.
func (c *Consumer) decide(d *delivery, r orchestrator.Result) retry.Disposition {
	if d.unbegun != "" {
		return c.unbegun(d)
	}
	what := c.Policy.Decide(retry.Attempt{
		Spent: d.entry.Record.Attempts, BreakerClosed: r.BreakerClosed, Random: spread(d), BusyFor: busyFor(d.entry.Record, time.Now()),
	}, r.Outcome)
	if d.spared > 0 && what.Counts {
		return retry.Disposition{Kind: retry.Nak, Delay: d.spared}
	}
	return what
}

// unbegun says what becomes of a message that was not begun, for a reason that
// has nothing to do with it: no attempt is spent.
func (c *Consumer) unbegun(d *delivery) retry.Disposition {
	switch d.unbegun {
	case job.Stopping:
		return retry.Disposition{Kind: retry.Nak}
	case job.LedgerFailed:
		return retry.Disposition{Kind: retry.Nak, Delay: c.growing(d)}
	case job.Claimed:
		// Its end may come much sooner than the end of its time.
		return retry.Disposition{Kind: retry.Nak, Delay: min(c.growing(d), max(d.wait, time.Millisecond))}
	default:
		return left
	}
}

// growing is a wait that grows with the server's own count of deliveries: where
// nothing is noted of a message, no other is to be had.
func (c *Consumer) growing(d *delivery) time.Duration {
	n := int(min(d.meta.NumDelivered, 1000))
	return retry.Backoff(c.Policy.First, c.Policy.Max, n, spread(d))
}

// spread is a number in [0, 1) that differs between deliveries and stays the
// same for one.
func spread(d *delivery) float64 {
	return float64(uint64(d.received.UnixNano())%1000) / 1000
}
