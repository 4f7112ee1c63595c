package consumer

import (
	"strconv"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// left is what becomes of a message about which the server is told nothing.
var left = retry.Disposition{Kind: retry.Leave}

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
	if d.unbegun != "" && d.recalled {
		c.forgone.add(d)
	}
	c.count(d, what)
	c.tell(d, &r, what)
}

// reconsider looks once more before anything but an ack.
func (c *Consumer) reconsider(d *delivery, r orchestrator.Result, what retry.Disposition) retry.Disposition {
	if what.Kind == retry.Ack {
		return what
	}
	if what.Kind == retry.DeadLetter && r.Verdict == job.Unknown && what.Reason == job.AttemptsExhausted && !c.Target.Alive(c.work) {
		// The last attempt failed in an outage: that does not count.
		what = retry.Disposition{Kind: retry.Nak, Delay: c.Policy.First}
	}
	if !d.mine(c.lease()) {
		return left
	}
	return what
}

// answer sends an ack, nak or term, but no in-progress ack after it.
func (c *Consumer) answer(d *delivery, text string) {
	d.lastWord()
	_ = c.NATS.Publish(d.msg.Reply, []byte(text))
}

// ack does not wait for the server: a lost ack costs one redelivery, which is
// then found out to be a duplicate. Of a message that was a dead letter only its
// past tells when that was made which is to be found; so it must not be
// forgotten while the message may come again.
func (c *Consumer) ack(d *delivery) {
	defer c.acked.add(d.place())
	if d.past != nil && !c.confirmed(d, "+ACK") {
		return
	}
	if d.past == nil {
		c.answer(d, "+ACK")
	}
	c.forget(d)
}

// forget deletes what is noted of the message, if anything is. What stays behind
// harms nobody.
func (c *Consumer) forget(d *delivery) {
	if d.entry.Revision > 0 {
		_ = c.Ledger.Delete(c.books, c.key(d), d.entry.Revision)
	}
	if d.past != nil {
		_ = c.Ledger.Delete(c.books, d.past.key, d.past.entry.Revision)
	}
}

// putOff has the server deliver the message again after the delay, with what is
// known of it noted before.
func (c *Consumer) putOff(d *delivery, r orchestrator.Result, what retry.Disposition) retry.Disposition {
	note := remember(d, r, what)
	if !c.answerable(d) {
		return left
	}
	// A held message was noted already: equal is equal, there is no Dead in it.
	if d.unbegun != job.LedgerFailed && note != d.entry.Record {
		_ = c.store(d, note) // what cannot be noted does not count
	}
	if !note.NotSent && c.stopping() {
		return left // it may have been carried out: nobody shall hurry to repeat it
	}
	return c.nak(d, what)
}

// nak is not left in the library's buffer: when it goes out from there, the
// message may be someone else's.
func (c *Consumer) nak(d *delivery, what retry.Disposition) retry.Disposition {
	if c.stopping() {
		<-c.drained // or a pull of ours would bring it back
	}
	if !c.answerable(d) {
		return left
	}
	if what.Delay <= 0 {
		c.answer(d, "-NAK")
		return what
	}
	c.answer(d, `-NAK {"delay": `+strconv.FormatInt(int64(what.Delay), 10)+`}`)
	return what
}

// answerable reports whether a nak or a term would reach the server while the
// message is ours. It waits for a connection that is away: one that is soon back
// would cost all that it met in hand an ack wait. It does not where the consumer
// stops.
func (c *Consumer) answerable(d *delivery) bool {
	for !c.NATS.IsConnected() {
		if !d.mine(c.lease()) || !sleep(&d.stay, lookAgain) {
			return false
		}
	}
	return d.mine(c.lease())
}

// lookAgain is how often the connection is looked at that a nak waits for.
const lookAgain = 50 * time.Millisecond

func (c *Consumer) count(d *delivery, what retry.Disposition) {
	switch {
	case !c.stopping():
	case what.Kind == retry.Leave:
		c.tally.Left.Add(1)
	case d.unbegun != "":
		c.tally.HandedBack.Add(1)
	default:
		c.tally.Finished.Add(1)
	}
}

// tell writes the delivery's one line.
func (c *Consumer) tell(d *delivery, r *orchestrator.Result, what retry.Disposition) {
	s := telemetry.Settled{
		Route: c.Route, Connection: c.Connection, RequestID: d.name(), Subject: d.msg.Subject,
		Sequence: d.meta.Sequence.Stream, Delivery: d.meta.NumDelivered, Attempt: d.entry.Record.Attempts,
		Verdict: r.Verdict, Disposition: what.Kind, Reason: r.Reason, Status: r.Status, ErrorCode: r.ErrorCode,
		Receipt: r.Receipt.String(), Batch: r.Batch, Call: d.took, Age: time.Since(d.meta.Timestamp),
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
	c.history.add(s)
	c.Metrics.Settled(s)
	c.Events.Settled(s)
}
