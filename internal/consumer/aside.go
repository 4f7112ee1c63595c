package consumer

import (
	"context"
	"time"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// confirmLimit bounds the wait for the server's answer to an ack or a term.
const confirmLimit = 2 * time.Second

// setAside makes a dead letter: noted in the ledger, stored in its stream, and
// only then terminated here.
func (c *Consumer) setAside(d *delivery, r orchestrator.Result, what retry.Disposition) retry.Disposition {
	if err := c.markDead(d, r, what); err != nil {
		return c.notSetAside(d, what.Reason, err, c.Policy.First)
	}
	if err := c.DeadLetters.Publish(c.books, c.letter(d)); err != nil {
		return c.notSetAside(d, what.Reason, err, c.Policy.Max)
	}
	if !c.answerable(d) {
		return left
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
		UnknownSince: record.UnknownSince,
		Header:       d.msg.Header, Data: d.msg.Data,
	}
}

// notSetAside keeps the message in the stream: it is tried again later.
func (c *Consumer) notSetAside(d *delivery, reason job.Reason, err error, delay time.Duration) retry.Disposition {
	c.Events.DeadLetterFailed(telemetry.DeadLetterFailed{
		Route: c.Route, RequestID: d.name(), Subject: d.msg.Subject, Sequence: d.meta.Sequence.Stream,
		Reason: reason, Err: err, NextTry: time.Now().Add(delay),
	})
	return c.nak(d, retry.Disposition{Kind: retry.Nak, Delay: delay, Reason: reason})
}

// term waits for the server's answer: without it the note stays in the ledger,
// and the next delivery finds it.
func (c *Consumer) term(d *delivery, reason job.Reason) bool {
	return c.confirmed(d, "+TERM "+string(reason))
}

// confirmed sends an ack or a term, and reports whether the server has it.
func (c *Consumer) confirmed(d *delivery, text string) bool {
	d.lastWord()
	ctx, cancel := context.WithTimeout(c.books, confirmLimit)
	defer cancel()
	_, err := c.NATS.RequestWithContext(ctx, d.msg.Reply, []byte(text))
	return err == nil
}
