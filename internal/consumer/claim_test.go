package consumer

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/request"
)

// decodeJob takes "<id>" or "<id> <process>".
func decodeJob(_ context.Context, m request.Message) (*job.Request, job.Outcome, bool) {
	id, process, _ := strings.Cut(string(m.Data), " ")
	return &job.Request{ID: id, Action: job.StartJob, Process: process, Folder: "Finance"}, job.Outcome{}, true
}

// claiming is a target whose requests must be claimed.
func claiming(call func(context.Context, orchestrator.Try) orchestrator.Result) *target {
	g := newTarget(call)
	g.claim = true
	return g
}

func startJobs(s *Settings) { s.Decoder = decoder(decodeJob) }

var lostAnswer = orchestrator.Result{BreakerClosed: true, Outcome: job.Outcome{Verdict: job.Unknown, Reason: job.ConnectionLost, Called: true}}

func (b *rig) claimOf(id string) ledger.ClaimEntry {
	b.t.Helper()
	e, err := b.ledger.LoadClaim(context.Background(), ledger.RequestKey("acme", id))
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

// claimed puts somebody else's claim into the ledger.
func (b *rig) claimed(id string, c ledger.Claim) {
	b.t.Helper()
	if _, err := b.ledger.StoreClaim(context.Background(), ledger.RequestKey("acme", id), 0, c, 0); err != nil {
		b.t.Fatal(err)
	}
}

// hashOf is the fingerprint of what decodeJob makes of a payload.
func hashOf(payload string) string {
	r, _, _ := decodeJob(context.Background(), request.Message{Data: []byte(payload)})
	return fingerprint(r)
}

// A request is claimed before its call and done after it; whoever asks for it
// again learns that, without a call.
func TestClaimedThenDone(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	var during ledger.ClaimEntry
	g := claiming(func(context.Context, orchestrator.Try) orchestrator.Result {
		during = b.claimOf("one")
		return delivered()
	})
	b.start(g, startJobs)
	b.publish("one")
	b.awaitSettled(1)
	if c := during.Claim; c.State != ledger.Claimed || c.Owner != "this worker" || c.Hash != hashOf("one") ||
		c.FirstTry.IsZero() || time.Until(c.Until) < 20*time.Second {
		t.Errorf("during the call: %+v", c)
	}
	if c := b.claimOf("one").Claim; c.State != ledger.Done || c.ReceiptID != "77" {
		t.Errorf("after it: %+v", c)
	}
	b.publish("one")
	line := b.awaitSettled(2)
	if line["verdict"] != "duplicate" || line["receipt"] != "77" || line["disposition"] != "ack" || len(g.calls()) != 1 {
		t.Errorf("%d calls, settled as %v", len(g.calls()), line)
	}
	if try := g.calls()[0]; try.Again || !try.UnknownSince.IsZero() {
		t.Errorf("tried as %+v", try)
	}
}

func TestAnotherRequestUnderTheSameID(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := claiming(nil)
	b.start(g, startJobs)
	b.publish("one Post")
	b.awaitSettled(1)
	b.publish("one Delete")
	line := b.awaitSettled(2)
	if line["reason"] != "id_conflict" || line["disposition"] != "dead_letter" || len(g.calls()) != 1 {
		t.Errorf("%d calls, settled as %v", len(g.calls()), line)
	}
	if c := b.claimOf("one").Claim; c.State != ledger.Done || c.Hash != hashOf("one Post") {
		t.Errorf("the claim is %+v", c)
	}
}

// What another worker has claimed is let alone while that may live. After its
// end nobody knows whether the call was made, and it may still last as long as
// a call may.
func TestClaimOfAnotherWorker(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	first, until := time.Now().Add(-time.Minute), time.Now().Add(5*time.Second)
	b.claimed("one", ledger.Claim{State: ledger.Claimed, Owner: "another", Nonce: "x", Until: until, Hash: hashOf("one"), FirstTry: first})
	g := claiming(nil)
	b.start(g, func(s *Settings) { startJobs(s); s.CallLimit = 3 * time.Second })
	b.publish("one")
	line := b.awaitSettled(1)
	if line["reason"] != "claimed" || line["disposition"] != "nak" || line["attempt"] != 0 || len(g.calls()) != 0 {
		t.Errorf("%d calls, settled as %v", len(g.calls()), line)
	}
	await(t, "the call", func() bool { return len(g.calls()) == 1 })
	try := g.calls()[0]
	if !try.Again || !try.FirstTry.Equal(first) || !try.UnknownSince.Equal(until.Add(3*time.Second)) || time.Now().Before(until) {
		t.Errorf("tried as %+v", try)
	}
}

// An outcome that says certainly not carried out frees the request.
func TestReleased(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]job.Outcome{
		"rejected": {Verdict: job.Rejected, Reason: job.NotFound, Called: true},
		"deferred": {Verdict: job.Deferred, Called: true},
		"busy":     {Verdict: job.Busy, Called: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			var calls atomic.Int64
			g := claiming(func(context.Context, orchestrator.Try) orchestrator.Result {
				if calls.Add(1) == 1 {
					return orchestrator.Result{Outcome: o, BreakerClosed: true}
				}
				return delivered()
			})
			b.start(g, startJobs)
			b.publish("one")
			b.awaitSettled(1)
			if e := b.claimOf("one"); e.Revision != 0 {
				t.Errorf("the claim is %+v", e)
			}
			b.publish("one Other") // another request, and nobody's business any more
			await(t, "the other call", func() bool { return len(g.calls()) >= 2 })
			if try := g.calls()[1]; try.Again {
				t.Errorf("tried as %+v", try)
			}
		})
	}
}

// While a message is held its request is free: a killed worker leaves no doubt.
func TestReleasedWhileHeld(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := claiming(nil)
	g.call = func(context.Context, orchestrator.Try) orchestrator.Result {
		if len(g.calls()) == 1 {
			g.set(false)
			return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unavailable, Reason: job.ConnectionFailed}}
		}
		return delivered()
	}
	b.start(g, startJobs)
	b.publish("one")
	await(t, "the first call", func() bool { return len(g.calls()) == 1 })
	await(t, "the release", func() bool { return b.claimOf("one").Revision == 0 })
	g.set(true)
	b.awaitSettled(1)
	if try := g.calls()[1]; try.Again {
		t.Errorf("tried as %+v", try)
	}
}

// What nobody knows stays claimed, and open to whoever has the message next.
func TestUnknownStaysClaimed(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func() orchestrator.Result{
		"lost answer": func() orchestrator.Result { return lostAnswer },
		"panic":       func() orchestrator.Result { panic("in the connector") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			g := claiming(nil)
			g.call = func(context.Context, orchestrator.Try) orchestrator.Result {
				if len(g.calls()) == 1 {
					return call()
				}
				return delivered()
			}
			began := time.Now()
			r := b.start(g, startJobs)
			b.publish("one")
			b.awaitSettled(1)
			c := b.claimOf("one").Claim
			if c.State != ledger.Claimed || c.Until.After(time.Now()) || c.UnknownSince.Before(began) {
				t.Errorf("the claim is %+v", c)
			}
			r.stopped()
			b.start(g, func(s *Settings) { startJobs(s); s.Owner = "another" })
			await(t, "the second call", func() bool { return len(g.calls()) == 2 })
			if try := g.calls()[1]; !try.Again || try.UnknownSince.Before(c.UnknownSince) || !try.FirstTry.Equal(c.FirstTry) {
				t.Errorf("tried as %+v", try)
			}
			await(t, "the end", func() bool { return b.claimOf("one").Claim.State == ledger.Done })
		})
	}
}

// A message that was delivered before, and whose request nobody claimed, was
// not sent.
func TestRedeliveredUnclaimedIsAFirstTry(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.redelivered("one")
	g := claiming(nil)
	b.start(g, startJobs)
	b.awaitSettled(1)
	if try := g.calls()[0]; try.Again {
		t.Errorf("tried as %+v", try)
	}
}

// Without a claim in the ledger there is no call; and one that was written all
// the same is known as this worker's own.
func TestClaimIsNotWritten(t *testing.T) {
	t.Parallel()
	for name, written := range map[string]bool{"not written": false, "written after all": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			book := newBook()
			book.written = written
			book.onClaim = func(n int, _ ledger.Claim) error {
				if n == 1 {
					return ledger.ErrUncertain
				}
				return nil
			}
			g := claiming(nil)
			b.start(g, func(s *Settings) { startJobs(s); s.Ledger = book })
			b.publish("one")
			line := b.awaitSettled(1)
			if line["reason"] != "ledger_failed" || line["disposition"] != "nak" || len(g.calls()) != 0 {
				t.Errorf("%d calls, settled as %v", len(g.calls()), line)
			}
			line = b.awaitSettled(2)
			if line["verdict"] != "delivered" || line["attempt"] != 1 || g.calls()[0].Again {
				t.Errorf("tried as %+v, settled as %v", g.calls()[0], line)
			}
			if book.claim().Claim.State != ledger.Done {
				t.Errorf("the claim is %+v", book.claim())
			}
		})
	}
}

// That a request is done is written again when it fails once.
func TestDoneIsInsistedOn(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	book := newBook()
	book.onClaim = func(n int, _ ledger.Claim) error {
		if n == 2 {
			return errors.New("no space")
		}
		return nil
	}
	b.start(claiming(nil), func(s *Settings) { startJobs(s); s.Ledger = book })
	b.publish("one")
	b.awaitSettled(1)
	if e := book.claim(); e.Claim.State != ledger.Done {
		t.Errorf("the claim is %+v", e)
	}
}

// A claim lives as long as the message is in hand, however long the call takes.
func TestClaimIsRenewed(t *testing.T) {
	t.Parallel()
	b := newRig(t, time.Second)
	release := make(chan struct{})
	g := claiming(until(release, delivered()))
	b.start(g, startJobs)
	b.publish("one")
	await(t, "the call", func() bool { return len(g.calls()) == 1 })
	first := b.claimOf("one").Claim.Until
	await(t, "a renewed claim", func() bool { return b.claimOf("one").Claim.Until.After(first.Add(1500 * time.Millisecond)) })
	other := claiming(nil)
	b.start(other, func(s *Settings) { startJobs(s); s.Owner = "another" })
	b.publish("one")
	if line := b.awaitSettled(1); line["reason"] != "claimed" {
		t.Errorf("settled as %v", line)
	}
	close(release)
	await(t, "both to go", func() bool { return b.left() == 0 })
	if n := len(g.calls()) + len(other.calls()); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// Who knows that a request was carried out says so, also over the claim of one
// who took it over meanwhile.
func TestDoneOverTheClaimOfAnother(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := claiming(func(context.Context, orchestrator.Try) orchestrator.Result {
		e := b.claimOf("one")
		e.Claim.Owner, e.Claim.Nonce = "another", "x"
		if _, err := b.ledger.StoreClaim(context.Background(), ledger.RequestKey("acme", "one"), e.Revision, e.Claim, 0); err != nil {
			t.Error(err)
		}
		return delivered()
	})
	b.start(g, startJobs)
	b.publish("one")
	b.awaitSettled(1)
	if c := b.claimOf("one").Claim; c.State != ledger.Done {
		t.Errorf("the claim is %+v", c)
	}
}

// Who does not know leaves the claim of another alone.
func TestClaimOfAnotherIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]job.Outcome{
		"unknown":  lostAnswer.Outcome,
		"rejected": {Verdict: job.Rejected, Called: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			var theirs ledger.Claim
			g := claiming(func(context.Context, orchestrator.Try) orchestrator.Result {
				e := b.claimOf("one")
				theirs = e.Claim
				theirs.Owner, theirs.Nonce = "another", "x"
				if _, err := b.ledger.StoreClaim(context.Background(), ledger.RequestKey("acme", "one"), e.Revision, theirs, 0); err != nil {
					t.Error(err)
				}
				return orchestrator.Result{Outcome: o, BreakerClosed: true}
			})
			b.start(g, startJobs)
			b.publish("one")
			b.awaitSettled(1)
			if c := b.claimOf("one").Claim; c != theirs {
				t.Errorf("the claim is %+v, was %+v", c, theirs)
			}
		})
	}
}

// However often and to whomever a request is given, one call is made.
func TestManyMessagesOfOneRequest(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := claiming(func(context.Context, orchestrator.Try) orchestrator.Result {
		time.Sleep(20 * time.Millisecond)
		return delivered()
	})
	for _, owner := range []string{"a", "b", "c"} {
		b.start(g, func(s *Settings) { startJobs(s); s.Owner = owner; s.Policy.First = 100 * time.Millisecond })
	}
	for range 30 {
		b.publish("one")
	}
	await(t, "all to go", func() bool { return b.left() == 0 })
	if n := len(g.calls()); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// A claim of somebody who left doubts was taken over, and nobody said so: the
// doubts are still there when this worker meets its own claim.
func TestUncertainTakeOverKeepsTheDoubt(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	book := newBook()
	since := time.Now().Add(-time.Minute)
	_, err := book.StoreClaim(t.Context(), ledger.RequestKey("acme", "one"), 0, ledger.Claim{
		State: ledger.Claimed, Owner: "another", Nonce: "x", Until: since, UnknownSince: since, FirstTry: since.Add(-time.Second),
		Message: "m.invoices.7-1", Hash: hashOf("one"),
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	book.written = true
	book.onClaim = func(int, ledger.Claim) error {
		if taken++; taken == 1 {
			return ledger.ErrUncertain
		}
		return nil
	}
	g := claiming(nil)
	b.start(g, func(s *Settings) { startJobs(s); s.Ledger = book })
	b.publish("one")
	await(t, "the call", func() bool { return len(g.calls()) == 1 })
	if try := g.calls()[0]; !try.Again || !try.UnknownSince.Equal(since) || !try.FirstTry.Equal(since.Add(-time.Second)) {
		t.Errorf("tried as %+v", try)
	}
}

// A renewal whose answer is lost is not the last.
func TestRenewalWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	b := newRig(t, 2*time.Second)
	book := newBook()
	book.written = true
	book.onClaim = func(n int, _ ledger.Claim) error {
		if n == 2 {
			return ledger.ErrUncertain
		}
		return nil
	}
	release := make(chan struct{})
	g := claiming(until(release, delivered()))
	b.start(g, func(s *Settings) { startJobs(s); s.Ledger = book })
	b.publish("one")
	await(t, "the call", func() bool { return len(g.calls()) == 1 })
	first := book.claim().Claim.Until
	await(t, "a renewed claim", func() bool { return book.claim().Claim.Until.After(first.Add(3 * time.Second)) })
	close(release)
	b.awaitSettled(1)
}

// In doubt, a message is not looked up by what the route says now, if that is
// not what it said at the first try.
func TestRouteChangedWhileInDoubt(t *testing.T) {
	t.Parallel()
	for name, resend := range map[string]bool{"park": false, "resend": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			b.publish("one")
			past := time.Now().Add(-time.Hour)
			b.claimed("one", ledger.Claim{
				State: ledger.Claimed, Owner: "another", Nonce: "x", Until: past, UnknownSince: past, FirstTry: past,
				Message: b.key(1).String(), Hash: hashOf("one Other"),
			})
			g := claiming(nil)
			b.start(g, func(s *Settings) { startJobs(s); s.Resend = resend })
			line := b.awaitSettled(1)
			if resend {
				if len(g.calls()) != 1 || !g.calls()[0].Again {
					t.Errorf("tried as %+v", g.calls())
				}
			} else if len(g.calls()) != 0 || line["reason"] != "unknown_outcome" || line["disposition"] != "dead_letter" {
				t.Errorf("%d calls, settled as %v", len(g.calls()), line)
			}
		})
	}
}

// A claim that could not be freed is no doubt, where the message's own record
// says that it was not sent.
func TestRecordSaysNotSent(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.redelivered("one")
	if _, err := b.ledger.Store(t.Context(), b.key(1), 0, ledger.Record{Attempts: 1, NotSent: true}); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Hour)
	b.claimed("one", ledger.Claim{
		State: ledger.Claimed, Owner: "another", Nonce: "x", Until: past, FirstTry: past, Message: b.key(1).String(), Hash: hashOf("one"),
	})
	g := claiming(nil)
	b.start(g, startJobs)
	b.awaitSettled(1)
	if try := g.calls()[0]; try.Again {
		t.Errorf("tried as %+v", try)
	}
}

// The turn of a message that was lost meanwhile comes to nothing.
func TestStillAsksForTheLease(t *testing.T) {
	t.Parallel()
	b := newRig(t, 5*time.Minute)
	var c *Consumer
	g := newTarget(func(_ context.Context, try orchestrator.Try) orchestrator.Result {
		if _, lost := try.Lost(); lost {
			t.Error("lost at once")
		}
		c.hand.each(func(_ uint64, d *delivery) { d.owned.Store(time.Now().Add(-time.Hour).UnixNano()) })
		r, lost := try.Lost()
		if !lost {
			t.Error("not lost")
		}
		return r
	})
	c = New(b.settings(b.server.Conn(t), g))
	run(t, c)
	b.publish("one")
	if line := b.awaitSettled(1); line["reason"] != "lease_lost" || line["disposition"] != "leave" {
		t.Errorf("settled as %v", line)
	}
}

// A claim that its owner lets go in the very moment in which another wants it is
// nobody's: it is tried again.
func TestClaimLetGoInBetween(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	book := newBook()
	_, err := book.StoreClaim(t.Context(), ledger.RequestKey("acme", "one"), 0, ledger.Claim{
		State: ledger.Claimed, Owner: "another", Nonce: "x", Until: time.Now().Add(time.Hour), Message: "m.invoices.7-1", Hash: hashOf("one"),
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	book.onLoadClaim = func(claims map[ledger.Key]ledger.ClaimEntry) { clear(claims) }
	g := claiming(nil)
	b.start(g, func(s *Settings) { startJobs(s); s.Ledger = book })
	b.publish("one")
	if line := b.awaitSettled(1); line["reason"] != "claimed" || line["disposition"] != "nak" {
		t.Errorf("settled as %v", line)
	}
	if line := b.awaitSettled(2); line["verdict"] != "delivered" || g.calls()[0].Again {
		t.Errorf("settled as %v", line)
	}
}
