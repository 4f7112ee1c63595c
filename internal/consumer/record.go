package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/retry"
)

// recall loads what earlier deliveries noted, and what is known of the dead
// letter where the message is one that is replayed.
func (c *Consumer) recall(d *delivery) error {
	if err := c.recallOwn(d); err != nil {
		return err
	}
	return c.recallPast(d)
}

// recallPast loads what may have become of a replayed message before it was a
// dead letter. The note counts until the message is settled, whatever else is
// noted by then; what the message itself says of it does not count.
func (c *Consumer) recallPast(d *delivery) error {
	hash := d.replayed()
	if hash == "" {
		return nil
	}
	key := ledger.PastKey(hash)
	entry, err := c.Ledger.Load(c.books, key)
	if err != nil {
		return err
	}
	if entry.Revision == 0 {
		return nil
	}
	if entry.Record.UnknownSince.IsZero() {
		entry.Record.UnknownSince = d.received // it was settled by then
	}
	d.past = &past{key, entry}
	if d.again && d.entry.Record.UnknownSince.IsZero() {
		// An earlier delivery of this very message may have begun a call long after
		// it was a dead letter.
		d.inherited.UnknownSince = d.received.Add(d.callLimit)
	}
	d.again, d.unsent = true, false
	d.inherit(entry.Record)
	return nil
}

// replayed is the hash of the dead letter that the message was; empty: none.
func (d *delivery) replayed() string {
	return deadletter.ReplayedHash(d.msg.Header.Get(jetstream.MsgIDHeader))
}

// inherit adds what is known from elsewhere of tries before this delivery.
func (d *delivery) inherit(r ledger.Record) {
	if first := d.inherited.FirstTry; first.IsZero() || !r.FirstTry.IsZero() && r.FirstTry.Before(first) {
		d.inherited.FirstTry, d.inherited.Owner = r.FirstTry, r.Owner
	}
	if r.UnknownSince.After(d.inherited.UnknownSince) {
		d.inherited.UnknownSince = r.UnknownSince
	}
}

// recallOwn loads the record of the message. The first delivery of a message
// that is younger than its durable consumer, and than the connection to a server
// that may have forgotten deliveries, has no past.
func (c *Consumer) recallOwn(d *delivery) error {
	if !c.mayBeNoted(d) {
		d.recalled = true
		return nil
	}
	redelivered := c.redelivered(d)
	again, known := c.forgone.take(d)
	entry, err := c.Ledger.Load(c.books, c.key(d))
	if err != nil {
		d.again, d.recalled = again, known
		return err
	}
	d.entry, d.recalled, d.unsent = entry, true, known && !again
	if entry.Revision == 0 {
		// Delivered before, and nobody noted that it was not sent.
		d.again, d.noted = d.meta.NumDelivered > 1 || d.sentBefore || c.forgotten(d), redelivered
	} else {
		d.again = !entry.Record.NotSent || !entry.Record.UnknownSince.IsZero()
		d.noted = true
	}
	if known {
		d.again = again
	}
	return nil
}

// mayBeNoted reports whether an earlier delivery of the message may have noted
// anything.
func (c *Consumer) mayBeNoted(d *delivery) bool {
	return c.redelivered(d) || d.meta.Timestamp.UnixNano() < max(c.created.Load(), c.reconnected.Load())
}

func (c *Consumer) redelivered(d *delivery) bool {
	return d.meta.NumDelivered > 1 || d.second || c.forgotten(d)
}

// forgotten reports whether the message may have been delivered before, though
// the server counts from one: it was killed, and lost its latest counts.
func (c *Consumer) forgotten(d *delivery) bool {
	return d.meta.Sequence.Stream <= c.suspects.Load() && d.meta.Timestamp.Before(c.made)
}

// store writes the record, and keeps what was written.
func (c *Consumer) store(d *delivery, r ledger.Record) error {
	d.noted = true
	revision, err := c.Ledger.Store(c.books, c.key(d), d.entry.Revision, r)
	if err != nil {
		if errors.Is(err, ledger.ErrUncertain) {
			c.reload(d)
		}
		return err
	}
	d.entry = ledger.Entry{Record: r, Revision: revision}
	return nil
}

// reload finds out what an uncertain write left behind. Where it cannot, or the
// write takes effect later still, the next write meets a conflict, which is safe.
func (c *Consumer) reload(d *delivery) {
	if entry, err := c.Ledger.Load(c.books, c.key(d)); err == nil {
		d.entry = entry
	}
}

// noteHeld notes that the message was not sent, so that a worker that is killed
// while it holds a message leaves no doubt behind. A note that fails costs a
// look-up later, no more.
func (c *Consumer) noteHeld(d *delivery) {
	c.setHeld(d, true)
	if d.entry.Record.NotSent || !d.mine(c.lease()) {
		return
	}
	r := doubts(d)
	r.NotSent = true
	if !d.again && r.Attempts == 0 {
		r.FirstTry, r.Owner = time.Time{}, "" // begun, and certainly not carried out
	}
	_ = c.store(d, r)
}

// doubts is the record with what is only known from how the message came: that
// an earlier delivery may have sent it, and nobody noted when.
func doubts(d *delivery) ledger.Record {
	r := d.entry.Record
	if first := d.inherited.FirstTry; !first.IsZero() {
		r.FirstTry, r.Owner = first, d.inherited.Owner
	}
	if since := d.inherited.UnknownSince; since.After(r.UnknownSince) {
		r.UnknownSince = since
	}
	if d.again && r.UnknownSince.IsZero() {
		// Whoever had it began the call before it came here.
		r.UnknownSince = d.received.Add(d.callLimit)
	}
	if d.again && r.FirstTry.IsZero() {
		r.FirstTry, r.Owner = d.meta.Timestamp, "" // by the server's clock
	}
	return r
}

// begin is asked right before the call: whether the message is still ours,
// whether the request is, where it must be claimed, and whether nothing in the
// ledger says that it was not sent.
func (c *Consumer) begin(d *delivery, t *orchestrator.Try) bool {
	if c.stopping() || d.Err() != nil || !c.stillMine(d) {
		return false
	}
	if c.Target.Claims(d.request) {
		if !c.claim(d) {
			return false
		}
		c.adopt(d)
		c.complete(d, t)
		t.Before = d.claim.entry.Claim.Before
		t.Note = func(ctx context.Context, text string) bool { return c.note(ctx, d, text) }
	}
	return c.noteBegun(d)
}

// mostSkew is by how much the clocks of two workers, or of a worker and the NATS
// server, may differ without a request being taken for another's.
const mostSkew = time.Minute

// complete says in a try what is known of those before it.
func (c *Consumer) complete(d *delivery, t *orchestrator.Try) {
	known := doubts(d)
	t.Again, t.FirstTry, t.UnknownSince, t.Skew = d.again, known.FirstTry, known.UnknownSince, 0
	if !known.FirstTry.IsZero() && known.Owner != c.Owner {
		t.Skew = mostSkew
	}
}

// notSent reports whether the record says of all earlier tries that they were
// not sent.
func (d *delivery) notSent() bool {
	r := d.entry.Record
	return d.entry.Revision > 0 && r.NotSent && r.UnknownSince.IsZero()
}

// adopt takes over what the claim says of earlier tries. No call is made without
// a claim, so that where nobody had one, nobody sent it; unless the ledger is
// younger than the message, and has lost what it held. A claim that was made of
// a replayed message's past is not fresh.
func (c *Consumer) adopt(d *delivery) {
	if d.claim.fresh {
		d.again = !d.entry.Record.UnknownSince.IsZero() || d.again && c.ledgerMadeAnew(d)
		return
	}
	d.again = true
	known := d.claim.entry.Claim
	d.inherited = inheritance{FirstTry: known.FirstTry, Owner: known.FirstOwner, UnknownSince: known.UnknownSince}
	d.inherit(d.past.record())
}

// ledgerMadeAnew believes the worst where the ledger does not tell.
func (c *Consumer) ledgerMadeAnew(d *delivery) bool {
	made, err := c.Ledger.Made(c.books)
	return err != nil || made.After(d.meta.Timestamp)
}

// noteBegun notes that the message is being sent, where anything was noted of it.
func (c *Consumer) noteBegun(d *delivery) bool {
	now := time.Now()
	if d.noted {
		// Also where the record that is known says so already: a write that an
		// earlier delivery gave up on may still say otherwise, but not after this.
		r := doubts(d)
		d.inherited.UnknownSince = r.UnknownSince
		// Not what is known of an earlier call: this one may end much later.
		r.NotSent, r.UnknownSince = false, time.Time{}
		if r.FirstTry.IsZero() {
			r.FirstTry, r.Owner = now, c.Owner
		}
		if c.store(d, r) != nil {
			d.unbegun = job.LedgerFailed
			return false
		}
		if !c.stillMine(d) {
			return false
		}
	}
	c.setHeld(d, false)
	d.underWay, d.began, d.took = true, now, 0
	return true
}

func (c *Consumer) stillMine(d *delivery) bool {
	if d.mine(c.lease()) {
		return true
	}
	d.unbegun = job.LeaseLost
	d.giveUp(errLeaseLost)
	return false
}

// remember is the record after a try that is to be made again.
func remember(d *delivery, o orchestrator.Result, disposition retry.Disposition) ledger.Record {
	r := doubts(d)
	if disposition.Counts {
		r.Attempts++
	}
	called := o.Called || o.Verdict == job.Unknown
	if called && r.FirstTry.IsZero() {
		r.FirstTry, r.Owner = d.began, d.owner
	}
	noteBusy(&r, o.Outcome, disposition.Delay)
	r.NotSent = true
	if called && (o.Verdict == job.Unknown || o.Reason == job.Panicked) {
		r.NotSent, r.UnknownSince = false, time.Now()
	}
	return r
}

// noteBusy notes a product that says "not now", and for how long it is left alone.
func noteBusy(r *ledger.Record, o job.Outcome, wait time.Duration) {
	switch now := time.Now(); o.Verdict {
	case job.Unavailable: // it was not asked
	case job.Busy:
		r.BusySince, r.BusyUntil = now.Add(-busyFor(*r, now)), now.Add(wait)
	default:
		r.BusySince, r.BusyUntil = time.Time{}, time.Time{}
	}
}

// busyFor is for how long the product has said "not now"; 0: it did not. What
// passed after a wait was over is no part of it, for nobody asked: there was an
// outage, or no worker.
func busyFor(r ledger.Record, now time.Time) time.Duration {
	if r.BusySince.IsZero() {
		return 0
	}
	if !r.BusyUntil.IsZero() && r.BusyUntil.Before(now) {
		now = r.BusyUntil
	}
	return max(now.Sub(r.BusySince), 1)
}
