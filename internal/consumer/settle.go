package consumer

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// confirmLimit bounds the wait for the server's answer to a term.
const confirmLimit = 2 * time.Second

// settle is the one place where a message is acked, put off or set aside. What
// may be someone else's by now is only ever acked.
func (c *Consumer) settle(d *delivery, r orchestrator.Result, what retry.Disposition) {
	what = c.reconsider(d, r, what)
	switch what.Kind {
	case retry.Ack:
		c.ack(d)
	case retry.Nak:
		what = c.putOff(d, r, what)
	case retry.DeadLetter:
		what = c.setAside(d, r, what)
	default:
		what.Kind = retry.Leave
	}
	c.count(d, what)
	c.tell(d, r, what)
}

// reconsider looks once more before anything but an ack.
func (c *Consumer) reconsider(d *delivery, r orchestrator.Result, what retry.Disposition) retry.Disposition {
	switch {
	case what.Kind == retry.Ack:
		return what
	case !d.mine(c.lease()):
		return retry.Disposition{Kind: retry.Leave}
	case what.Kind == retry.DeadLetter && r.Verdict == job.Unknown && what.Reason == job.AttemptsExhausted && !c.Target.Alive(c.work):
		// The last attempt failed in an outage: that does not count.
		return retry.Disposition{Kind: retry.Nak, Delay: c.Policy.First}
	}
	return what
}

func (c *Consumer) respond(d *delivery, answer string) {
	_ = c.NATS.Publish(d.msg.Reply, []byte(answer))
}

// ack does not wait for the server: a lost ack costs one redelivery, which is
// then found out to be a duplicate.
func (c *Consumer) ack(d *delivery) {
	c.respond(d, "+ACK")
	c.forget(d)
}

// forget deletes the record, if there is one. One that stays behind harms nobody.
func (c *Consumer) forget(d *delivery) {
	if d.entry.Revision > 0 {
		_ = c.Ledger.Delete(c.work, d.key, d.entry.Revision)
	}
}

// putOff has the server deliver the message again after the delay, with what is
// known of it noted before.
func (c *Consumer) putOff(d *delivery, r orchestrator.Result, what retry.Disposition) retry.Disposition {
	if r.Reason != job.LedgerFailed {
		note := remember(d, r, what)
		if note != d.entry.Record && c.store(d, note) != nil {
			what.Counts = false
		}
	}
	if r.Verdict == job.Unknown && c.stopping(d) {
		// It may have been carried out: nobody shall hurry to repeat it.
		return retry.Disposition{Kind: retry.Leave, Counts: what.Counts}
	}
	c.nak(d, what.Delay)
	return what
}

func (c *Consumer) nak(d *delivery, delay time.Duration) {
	if delay <= 0 {
		c.respond(d, "-NAK")
		return
	}
	c.respond(d, `-NAK {"delay": `+strconv.FormatInt(int64(delay), 10)+`}`)
}

func (c *Consumer) stopping(d *delivery) bool {
	return errors.Is(context.Cause(d.waiting), ErrStopping)
}

// setAside makes a dead letter: noted in the ledger, stored in its stream, and
// only then terminated here.
func (c *Consumer) setAside(d *delivery, r orchestrator.Result, what retry.Disposition) retry.Disposition {
	if err := c.markDead(d, r, what); err != nil {
		return c.notSetAside(d, what.Reason, err, c.Policy.First)
	}
	if err := c.DeadLetters.Publish(c.work, c.letter(d)); err != nil {
		return c.notSetAside(d, what.Reason, err, c.Policy.Max)
	}
	if c.term(d, what.Reason) {
		c.forget(d)
	}
	return what
}

// markDead notes that the message must never be sent again.
func (c *Consumer) markDead(d *delivery, r orchestrator.Result, what retry.Disposition) error {
	if d.entry.Record.Dead != nil {
		return nil
	}
	record := remember(d, r, what)
	record.Dead = &ledger.Dead{
		Reason: what.Reason, Detail: r.Detail, Status: r.Status, ErrorCode: r.ErrorCode,
		Attempts: record.Attempts, FailedAt: time.Now(),
	}
	return c.store(d, record)
}

func (c *Consumer) letter(d *delivery) deadletter.Letter {
	record, dead := d.entry.Record, d.entry.Record.Dead
	return deadletter.Letter{
		Route: c.Route, Reason: dead.Reason, Detail: dead.Detail, Status: dead.Status, ErrorCode: dead.ErrorCode,
		Attempts: dead.Attempts, Stream: d.meta.Stream, Sequence: d.meta.Sequence.Stream, Time: d.meta.Timestamp,
		Subject: d.msg.Subject, RequestID: d.requestID(), FirstTry: record.FirstTry, FailedAt: dead.FailedAt,
		Header: d.msg.Header, Data: d.msg.Data,
	}
}

// notSetAside keeps the message in the stream: it is tried again later.
func (c *Consumer) notSetAside(d *delivery, reason job.Reason, err error, delay time.Duration) retry.Disposition {
	c.Events.DeadLetterFailed(telemetry.DeadLetterFailed{
		Route: c.Route, RequestID: d.requestID(), Subject: d.msg.Subject, Sequence: d.meta.Sequence.Stream,
		Reason: reason, Err: err, NextTry: time.Now().Add(delay),
	})
	c.nak(d, delay)
	return retry.Disposition{Kind: retry.Nak, Delay: delay, Reason: reason}
}

// term waits for the server's answer: without it the note stays in the ledger,
// and the next delivery finds it.
func (c *Consumer) term(d *delivery, reason job.Reason) bool {
	ctx, cancel := context.WithTimeout(c.work, confirmLimit)
	defer cancel()
	_, err := c.NATS.RequestWithContext(ctx, d.msg.Reply, []byte("+TERM "+string(reason)))
	return err == nil
}

func (c *Consumer) count(d *delivery, what retry.Disposition) {
	switch {
	case what.Kind == retry.Leave:
		c.tally.Left.Add(1)
	case d.stopped:
		c.tally.HandedBack.Add(1)
	default:
		c.tally.Finished.Add(1)
	}
}

// tell writes the delivery's one line.
func (c *Consumer) tell(d *delivery, r orchestrator.Result, what retry.Disposition) {
	s := telemetry.Settled{
		Route: c.Route, Connection: c.Connection, RequestID: d.requestID(), Subject: d.msg.Subject,
		Sequence: d.meta.Sequence.Stream, Delivery: d.meta.NumDelivered, Attempt: d.entry.Record.Attempts,
		Verdict: r.Verdict, Disposition: what.Kind, Reason: r.Reason, Status: r.Status, ErrorCode: r.ErrorCode,
		Receipt: r.Receipt.String(), Call: d.took, Age: time.Since(d.meta.Timestamp),
	}
	if d.request != nil {
		s.Action = d.request.Action
	}
	if what.Kind == retry.DeadLetter {
		s.Reason = what.Reason
	}
	if !d.began.IsZero() {
		s.Queue = d.began.Sub(d.received)
	}
	if what.Kind == retry.Ack {
		s.Attempt++
	}
	c.Metrics.Settled(s)
	c.Events.Settled(s)
}
