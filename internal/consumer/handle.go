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

// handle is the way of one message: recall what is known of it, decode, try,
// decide, settle. It is tried again only while it is held.
func (c *Consumer) handle(d *delivery) {
	result, ok := c.prepare(d)
	for ok {
		result = c.try(d)
		if c.decide(d, result).Kind != retry.Hold || d.stopped {
			break
		}
		c.holdBack(d, result)
	}
	c.settle(d, result, c.decide(d, result))
}

// prepare reports whether there is a request to try; else the result says what
// became of the message.
func (c *Consumer) prepare(d *delivery) (result orchestrator.Result, ok bool) {
	defer c.caught(d, &result)
	if err := c.recall(d); err != nil {
		d.stopped = true
		return notBegun(job.LedgerFailed), false
	}
	meta := d.meta
	req, out, ok := c.Decoder.Decode(c.work, request.Message{
		Subject: d.msg.Subject, Header: d.msg.Header, Data: d.msg.Data,
		Stream: meta.Stream, Sequence: meta.Sequence.Stream, Time: meta.Timestamp,
	})
	d.request = req
	if dead := d.entry.Record.Dead; dead != nil {
		return orchestrator.Result{Outcome: job.Outcome{
			Verdict: job.Rejected, Reason: dead.Reason, Detail: dead.Detail, Status: dead.Status, ErrorCode: dead.ErrorCode,
		}}, false
	}
	if ok {
		out, ok = c.Target.Check(req)
	}
	return orchestrator.Result{Outcome: out}, ok
}

// try makes one try, when its turn has come.
func (c *Consumer) try(d *delivery) (result orchestrator.Result) {
	defer c.caught(d, &result)
	if err := c.hold.enter(d.waiting); err != nil {
		return c.refuse(d, err)
	}
	var called bool
	defer func() { c.hold.leave(result.Outcome, called) }()
	result, err := c.Target.Do(c.work, d.waiting, orchestrator.Try{
		Request: d.request, Again: d.again, FirstTry: d.entry.Record.FirstTry,
		Resend: c.Resend, AcceptDuplicate: c.AcceptDuplicate,
		Held:  func() { c.noteHeld(d) },
		Begin: func(context.Context) bool { return c.begin(d) },
	})
	if err != nil {
		return c.refuse(d, err)
	}
	called, d.uncertain = true, false
	d.began, d.took = result.Began, result.Took
	return result
}

// refuse is the result of a message that shall not be begun any more.
func (c *Consumer) refuse(d *delivery, err error) orchestrator.Result {
	d.stopped = true
	switch {
	case errors.Is(err, ErrStopping):
		return notBegun(job.Stopping)
	case errors.Is(context.Cause(d.waiting), errLeaseLost):
		return notBegun(job.LeaseLost)
	default:
		return notBegun(job.LedgerFailed)
	}
}

func notBegun(reason job.Reason) orchestrator.Result {
	return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unavailable, Reason: reason}}
}

// caught turns a panic into an outcome, and its stack into a log line.
func (c *Consumer) caught(d *delivery, result *orchestrator.Result) {
	value := recover()
	if value == nil {
		return
	}
	c.Events.Panicked(telemetry.Panicked{
		Route: c.Route, RequestID: d.requestID(), Subject: d.msg.Subject,
		Sequence: d.meta.Sequence.Stream, Value: value, Stack: debug.Stack(),
	})
	*result = orchestrator.Result{Outcome: job.Outcome{
		Verdict: job.Deferred, Reason: job.Panicked, Called: d.uncertain,
		Detail: "the worker met a fault of its own; its log has the stack under delivery.panicked",
	}}
}

// decide is pure but for the clock: it may be asked more than once.
func (c *Consumer) decide(d *delivery, r orchestrator.Result) retry.Disposition {
	if d.stopped {
		return c.unbegun(r.Reason)
	}
	a := retry.Attempt{Spent: d.entry.Record.Attempts, BreakerClosed: r.BreakerClosed, Random: spread(d)}
	if since := d.entry.Record.BusySince; !since.IsZero() {
		a.BusyFor = max(time.Since(since), 1)
	}
	return c.Policy.Decide(a, r.Outcome)
}

// unbegun says what becomes of a message that was not begun, for a reason that
// has nothing to do with it: no attempt is spent.
func (c *Consumer) unbegun(reason job.Reason) retry.Disposition {
	switch reason {
	case job.Stopping:
		return retry.Disposition{Kind: retry.Nak}
	case job.LedgerFailed:
		return retry.Disposition{Kind: retry.Nak, Delay: c.Policy.First}
	default:
		return retry.Disposition{Kind: retry.Leave}
	}
}

// spread is a number in [0, 1) that differs between deliveries and stays the
// same for one.
func spread(d *delivery) float64 {
	return float64(uint64(d.received.UnixNano())%1000) / 1000
}

// The pauses of a message that is tried again while the gate did not shut: a
// few quick tries, until the circuit breaker takes over.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 5 * time.Second
)

// holdBack keeps the message in hand until it makes sense to try it again.
func (c *Consumer) holdBack(d *delivery, r orchestrator.Result) {
	c.noteHeld(d)
	if r.Reason == job.Forbidden {
		return // the route's own hold makes it wait
	}
	open, changed := c.Target.Watch()
	if !open {
		return // the gate makes it wait
	}
	d.holds++
	pause := time.NewTimer(retry.Backoff(firstPause, longestPause, d.holds, spread(d)))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-changed:
	case <-d.waiting.Done():
	}
}

func (d *delivery) requestID() string {
	if d.request == nil {
		return d.fallbackID()
	}
	return d.request.ID
}
