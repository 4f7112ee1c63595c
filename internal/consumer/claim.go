package consumer

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// claim is the claim of a delivery on its request.
type claim struct {
	key   ledger.Key
	entry ledger.ClaimEntry
	// fresh tells that nobody had claimed the request before, and so nobody sent it.
	fresh bool
	stop  func() // ends the renewal and waits for its end
}

// claim claims the request for this delivery, right before its call. It reports
// false where no call shall be made: what the ledger knows of the request is
// then the delivery's finding, or the reason why it was not begun.
func (c *Consumer) claim(d *delivery) bool {
	now := time.Now()
	key := ledger.RequestKey(c.Connection, d.request.ID)
	want := ledger.Claim{
		State: ledger.Claimed, Owner: c.Owner, Nonce: rand.Text(), Until: now.Add(c.lease()),
		Message: c.key(d).String(), Hash: fingerprint(d.request), FirstTry: now, FirstOwner: c.Owner,
	}
	// What a dead letter leaves in doubt stays so although its claim is gone.
	past := d.past.record()
	c.inherit(&want, ledger.Claim{FirstTry: past.FirstTry, FirstOwner: past.Owner}, past.UnknownSince)
	revision, err := c.Ledger.StoreClaim(c.books, key, 0, want, 0)
	fresh := err == nil && want.UnknownSince.IsZero()
	if errors.Is(err, ledger.ErrConflict) {
		var found ledger.ClaimEntry
		found, err = c.Ledger.LoadClaim(c.books, key)
		switch {
		case err != nil:
		case found.Revision == 0:
			err = ledger.ErrConflict // it was let go in this very moment
		case !c.contest(d, found.Claim, &want):
			return false
		default:
			revision, err = c.Ledger.StoreClaim(c.books, key, found.Revision, want, 0)
			fresh = want.UnknownSince.IsZero()
		}
	}
	if err != nil {
		c.notClaimed(d, err)
		return false
	}
	d.claim = &claim{key: key, entry: ledger.ClaimEntry{Claim: want, Revision: revision}, fresh: fresh}
	d.claim.stop = c.renew(d.claim, d)
	return true
}

// notClaimed says why a claim could not be made: somebody was quicker, or the
// ledger fails.
func (c *Consumer) notClaimed(d *delivery, err error) {
	if errors.Is(err, ledger.ErrConflict) {
		d.unbegun, d.wait = job.Claimed, c.Policy.First
		return
	}
	d.unbegun = job.LedgerFailed
}

// contest reports whether a claim that stands in the ledger may be taken over,
// and completes the new one by what the old one says.
func (c *Consumer) contest(d *delivery, old ledger.Claim, want *ledger.Claim) bool {
	now := time.Now()
	same := old.Message == want.Message
	switch {
	case !same && old.Hash != want.Hash:
		d.finding = &orchestrator.Result{Outcome: job.Reject(job.IDConflict, "id: another request was made under it; an id stands for one request for ever")}
		return false
	case old.State == ledger.Done:
		d.finding = &orchestrator.Result{Outcome: job.Outcome{
			Verdict: job.Duplicate, Receipt: old.Receipt(), Detail: "carried out before, as the ledger says",
		}}
		return false
	case same && old.Owner == want.Owner && d.unsent:
		c.inherit(want, old, old.UnknownSince) // this worker's own, which it gave up before the call
		return true
	case now.Before(old.Until):
		d.unbegun, d.wait = job.Claimed, old.Until.Sub(now)
		return false
	case same && d.notSent():
		c.inherit(want, old, old.UnknownSince)
		return true
	case same && old.Hash != want.Hash && !c.Resend:
		d.finding = &orchestrator.Result{Outcome: job.Outcome{
			Verdict: job.Unknown, Reason: job.UnknownOutcome,
			Detail: "an earlier try may have carried it out, with other values of the route than those of now; look for the reference",
		}}
		return false
	}
	since := old.UnknownSince
	if old.Until.After(since) {
		// Its owner did not say when the last call ended. It began before the
		// claim did end.
		since = old.Until.Add(c.CallLimit)
	}
	c.inherit(want, old, since)
	return true
}

// inherit takes over the doubts about earlier tries, if there are any.
func (c *Consumer) inherit(want *ledger.Claim, old ledger.Claim, since time.Time) {
	if since.IsZero() {
		return
	}
	heir := !want.UnknownSince.IsZero() // of more than one
	if since.After(want.UnknownSince) {
		want.UnknownSince = since
	}
	if old.Before != "" {
		want.Before = old.Before
	}
	if !old.FirstTry.IsZero() && (!heir || old.FirstTry.Before(want.FirstTry)) {
		want.FirstTry, want.FirstOwner = old.FirstTry, old.FirstOwner
	}
}

// renew keeps the claim until the returned function is called.
func (c *Consumer) renew(cl *claim, d *delivery) (stop func()) {
	ctx, cancel := context.WithCancel(c.books)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sleep(ctx, c.lease()/3) {
			if !d.mine(c.lease()) || !c.prolong(ctx, cl) {
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// prolong reports false if the claim is somebody else's by now.
func (c *Consumer) prolong(ctx context.Context, cl *claim) bool {
	return !errors.Is(c.amend(ctx, cl, cl.entry.Claim), errClaimLost)
}

// errClaimLost means that a claim is somebody else's by now.
var errClaimLost = errors.New("consumer: the claim is another's")

// amend writes the claim anew as next, with a new end. A write without an answer
// may have taken effect: then the next one needs its revision.
func (c *Consumer) amend(ctx context.Context, cl *claim, next ledger.Claim) (err error) {
	for range 2 {
		next.Until = time.Now().Add(c.lease())
		var revision uint64
		revision, err = c.Ledger.StoreClaim(ctx, cl.key, cl.entry.Revision, next, 0)
		if err == nil {
			cl.entry = ledger.ClaimEntry{Claim: next, Revision: revision}
			return nil
		}
		found, unread := c.Ledger.LoadClaim(ctx, cl.key)
		if unread != nil {
			return unread
		}
		if !cl.stands(found) {
			return errClaimLost
		}
		cl.entry.Revision = found.Revision
	}
	return err
}

// note keeps in the claim what the connector must find there if the answer to
// the call that it is about to make is lost. It reports false where no call shall
// be made, and has the delivery put off.
func (c *Consumer) note(ctx context.Context, d *delivery, text string) bool {
	cl := d.claim
	if cl == nil || !c.stillMine(d) {
		return false
	}
	cl.stop() // it writes the claim, too
	next := cl.entry.Claim
	next.Before = text
	err := c.amend(ctx, cl, next)
	cl.stop = c.renew(cl, d)
	if err != nil {
		d.unbegun = job.LedgerFailed
	}
	return err == nil
}

// sleep reports false if ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// conclude says in the ledger what a try came to, before the message is
// settled: the request was carried out; or certainly not, and is free again; or
// nobody knows, and whoever has it next may go on at once.
func (c *Consumer) conclude(d *delivery, r orchestrator.Result) {
	if d.claim == nil {
		return
	}
	d.claim.stop()
	held := *d.claim
	d.claim = nil
	note := remember(d, r, left)
	switch {
	case r.Settled():
		c.insist(held, func(now ledger.ClaimEntry) error { return c.markDone(held, now, r.Receipt) })
	case note.NotSent && note.UnknownSince.IsZero():
		c.insist(held, func(now ledger.ClaimEntry) error { return c.release(held, now) })
	default:
		c.insist(held, func(now ledger.ClaimEntry) error { return c.leaveOpen(held, now, note.UnknownSince) })
	}
}

// markDone is also written over the claim of somebody else, who then meets a
// conflict before the call.
func (c *Consumer) markDone(held claim, now ledger.ClaimEntry, receipt job.Receipt) error {
	if now.Claim.State == ledger.Done {
		return nil
	}
	done := held.entry.Claim
	done.State, done.ReceiptID, done.ReceiptKey = ledger.Done, receipt.ID, receipt.Key
	_, err := c.Ledger.StoreClaim(c.books, held.key, now.Revision, done, c.Remember)
	return err
}

// release frees a request that was certainly not carried out.
func (c *Consumer) release(held claim, now ledger.ClaimEntry) error {
	if !held.stands(now) {
		return nil
	}
	return c.Ledger.Delete(c.books, held.key, now.Revision)
}

// leaveOpen lets others have a request of which nobody knows whether it was
// carried out.
func (c *Consumer) leaveOpen(held claim, now ledger.ClaimEntry, unknownSince time.Time) error {
	if !held.stands(now) {
		return nil
	}
	next := held.entry.Claim
	next.Until, next.UnknownSince = time.Now(), unknownSince
	if unknownSince.Before(next.Until) {
		next.Until = unknownSince // nothing was begun after it
	}
	_, err := c.Ledger.StoreClaim(c.books, held.key, now.Revision, next, 0)
	return err
}

// stands reports whether what the ledger has is still this claim.
func (held *claim) stands(now ledger.ClaimEntry) bool {
	return now.Claim.State == ledger.Claimed && now.Claim.Nonce == held.entry.Claim.Nonce
}

// insist writes, and where that fails looks what stands there and writes again.
// What cannot be written costs a look-up later: the claim that stays behind says
// that the request may have been carried out.
func (c *Consumer) insist(held claim, write func(now ledger.ClaimEntry) error) {
	now := held.entry
	for range 3 {
		err := write(now)
		if err == nil || errors.Is(err, ledger.ErrDisconnected) {
			return
		}
		if now, err = c.Ledger.LoadClaim(c.books, held.key); err != nil {
			return
		}
	}
}
