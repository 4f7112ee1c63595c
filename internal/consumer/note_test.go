package consumer

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// noting is a target that notes a text and then makes its call.
func noting(text string, call func(n int) orchestrator.Result) *target {
	g := claiming(nil)
	g.call = func(ctx context.Context, t orchestrator.Try) orchestrator.Result {
		if r, kept := t.Noted(ctx, text); !kept {
			return r
		}
		return call(len(g.calls()))
	}
	return g
}

// What was noted before a call whose answer was lost, the next try knows, in the
// same worker and in another one; it stands in the claim until that is at its end.
func TestNoteIsHandedOn(t *testing.T) {
	t.Parallel()
	for name, owner := range map[string]string{"to itself": "this worker", "to another worker": "another"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			first := noting("idle", func(int) orchestrator.Result {
				if c := b.claimOf("one").Claim; c.Before != "idle" || c.State != ledger.Claimed {
					t.Errorf("during the call: %+v", c)
				}
				return lostAnswer
			})
			r := b.start(first, startJobs)
			b.publish("one")
			b.awaitSettled(1)
			if try := first.calls()[0]; try.Before != "" {
				t.Errorf("the first try knows %q", try.Before)
			}
			r.stopped()
			second := noting("running", func(n int) orchestrator.Result {
				if n == 1 {
					return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unavailable, Reason: job.Settling, Wait: time.Millisecond}}
				}
				return delivered()
			})
			b.start(second, func(s *Settings) { startJobs(s); s.Owner = owner })
			await(t, "both tries", func() bool { return len(second.calls()) == 2 })
			tries := second.calls()
			if !tries[0].Again || tries[0].Before != "idle" || tries[1].Before != "running" {
				t.Errorf("tried with %q, %q", tries[0].Before, tries[1].Before)
			}
			await(t, "the end", func() bool { return b.claimOf("one").Claim.State == ledger.Done })
		})
	}
}

// Of a worker that died in its call another one knows what was noted.
func TestNoteOfADeadWorker(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	until := time.Now().Add(-time.Second)
	b.claimed("one", ledger.Claim{
		State: ledger.Claimed, Owner: "another", Nonce: "x", Until: until, Hash: hashOf("one"), FirstTry: until, Before: "idle",
	})
	g := noting("idle", func(int) orchestrator.Result { return delivered() })
	b.start(g, startJobs)
	b.publish("one")
	b.awaitSettled(1)
	if try := g.calls()[0]; !try.Again || try.Before != "idle" {
		t.Errorf("tried as %+v", try)
	}
}

// What was certainly not carried out leaves no note behind.
func TestNoteOfACallThatWasNotMade(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := noting("idle", func(n int) orchestrator.Result {
		if n == 1 {
			return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Busy, Called: true}}
		}
		return delivered()
	})
	b.start(g, startJobs)
	b.publish("one")
	b.awaitSettled(2)
	if try := g.calls()[1]; try.Again || try.Before != "" {
		t.Errorf("tried as %+v", try)
	}
}

// Without its note there is no call: the message waits for the ledger, and
// nothing counts.
func TestNoteIsNotWritten(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault   error
		written bool
	}{
		"refused":                         {errInjected, false},
		"no answer":                       {ledger.ErrUncertain, false},
		"answered by nobody, and written": {ledger.ErrUncertain, true},
		"disconnected":                    {ledger.ErrDisconnected, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			book := newBook()
			book.written = tt.written
			book.onClaim = func(n int, c ledger.Claim) error {
				if n <= 3 && c.Before != "" {
					return tt.fault
				}
				return nil
			}
			var made atomic.Int64
			g := noting("idle", func(int) orchestrator.Result { made.Add(1); return delivered() })
			b.start(g, func(s *Settings) { quick(s); startJobs(s); s.Ledger = book })
			b.publish("one")
			line := b.awaitSettled(1)
			if line["reason"] != "ledger_failed" || line["disposition"] != "nak" || line["attempt"] != 0 || made.Load() != 0 {
				t.Errorf("%d calls, settled as %v", made.Load(), line)
			}
			line = b.awaitSettled(2)
			if line["verdict"] != "delivered" || made.Load() != 1 || g.calls()[1].Again || book.claim().Claim.State != ledger.Done {
				t.Errorf("%d calls, tried as %+v, settled as %v", made.Load(), g.calls()[1], line)
			}
		})
	}
}

// Nobody notes anything in a claim that is another's by now, or for a message
// that was lost: there is no call.
func TestNoteWithoutTheClaim(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*rig, *Consumer){
		"ledger_failed": func(b *rig, _ *Consumer) {
			e := b.claimOf("one")
			e.Claim.Owner, e.Claim.Nonce = "another", "x"
			if _, err := b.ledger.StoreClaim(context.Background(), ledger.RequestKey("acme", "one"), e.Revision, e.Claim, 0); err != nil {
				b.t.Error(err)
			}
		},
		"lease_lost": func(_ *rig, c *Consumer) {
			c.hand.each(func(_ uint64, d *delivery) { d.owned.Store(time.Now().Add(-time.Hour).UnixNano()) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 5*time.Minute)
			var c *Consumer
			g := claiming(func(ctx context.Context, try orchestrator.Try) orchestrator.Result {
				lose(b, c)
				r, kept := try.Noted(ctx, "idle")
				if kept {
					t.Error("noted")
				}
				return r
			})
			s := b.settings(b.server.Conn(t), g)
			startJobs(&s)
			c = New(s)
			run(t, c)
			b.publish("one")
			if line := b.awaitSettled(1); line["reason"] != name {
				t.Errorf("settled as %v", line)
			}
		})
	}
}

// A claim in which something was noted is kept alive as before.
func TestNotedClaimIsRenewed(t *testing.T) {
	t.Parallel()
	b := newRig(t, time.Second)
	release := make(chan struct{})
	g := noting("idle", func(int) orchestrator.Result { <-release; return delivered() })
	b.start(g, startJobs)
	b.publish("one")
	await(t, "the note", func() bool { return b.claimOf("one").Claim.Before == "idle" })
	first := b.claimOf("one").Claim.Until
	await(t, "a renewed claim", func() bool {
		c := b.claimOf("one").Claim
		return c.Before == "idle" && c.Until.After(first.Add(1500*time.Millisecond))
	})
	close(release)
	b.awaitSettled(1)
}
