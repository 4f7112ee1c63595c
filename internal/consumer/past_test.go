package consumer

import (
	"context"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// Delivered before, and nobody noted what became of it: it may have been sent.
func TestRedeliveredWithoutARecord(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.redelivered("one")
	g := newTarget(nil)
	b.start(g, nil)
	b.awaitSettled(1)
	try := g.calls()[0]
	if !try.Again {
		t.Error("taken for a first try")
	}
	if age := time.Since(try.FirstTry); age < 0 || age > time.Minute {
		t.Errorf("first try %v, want when it was published", try.FirstTry)
	}
	await(t, "the ack", func() bool { return b.left() == 0 })
	b.noRecords()
}

// A durable consumer that was made anew counts deliveries from 1. What is older
// than it may have a past, which the ledger knows.
func TestOlderThanItsConsumer(t *testing.T) {
	t.Parallel()
	at := time.Now().Add(-time.Hour).UTC()
	for name, c := range map[string]struct {
		record *ledger.Record
		again  bool
		calls  int
	}{
		"without a record": {nil, false, 1},
		"not sent":         {&ledger.Record{NotSent: true}, false, 1},
		"not sent again":   {&ledger.Record{NotSent: true, FirstTry: at, UnknownSince: at}, true, 1},
		"sent":             {&ledger.Record{FirstTry: at}, true, 1},
		"unknown":          {&ledger.Record{Attempts: 1, FirstTry: at, UnknownSince: at}, true, 1},
		"dead":             {&ledger.Record{Dead: &ledger.Dead{Reason: job.NotFound, Attempts: 1, FailedAt: at}}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			b.publish("one")
			if c.record != nil {
				if _, err := b.ledger.Store(t.Context(), b.key(1), 0, *c.record); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.js.DeleteConsumer(t.Context(), "JOBS", route); err != nil {
				t.Fatal(err)
			}
			g := newTarget(nil)
			b.start(g, nil)
			if line := b.awaitSettled(1); line["delivery"] != uint64(1) {
				t.Errorf("settled as %v", line)
			}
			calls := g.calls()
			if len(calls) != c.calls {
				t.Fatalf("%d calls, want %d", len(calls), c.calls)
			}
			if len(calls) > 0 && (calls[0].Again != c.again || calls[0].FirstTry.Equal(at) != (c.record != nil && !c.record.FirstTry.IsZero())) {
				t.Errorf("again %t, first try %v", calls[0].Again, calls[0].FirstTry)
			}
			await(t, "the end", func() bool { return b.left() == 0 })
			b.noRecords()
		})
	}
}

// The first delivery of a new message costs nothing at the ledger.
func TestNoLedgerOnTheHappyPath(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	book := newBook()
	b.start(newTarget(nil), func(s *Settings) { s.Ledger = book })
	b.publish(ids(10)...)
	b.awaitSettled(10)
	if book.looked() != 0 || len(book.tried()) != 0 || book.removed() != 0 {
		t.Errorf("%d loads, %d writes, %d deletions", book.looked(), len(book.tried()), book.removed())
	}
}

// A worker that is killed while it holds a message leaves no doubt behind; one
// that is killed in a call does.
func TestCrash(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ held, called, again bool }{
		"while it was held":           {held: true, again: false},
		"in the first call":           {called: true, again: true},
		"in the call after it waited": {held: true, called: true, again: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, time.Second)
			g := newTarget(nil)
			g.call = func(ctx context.Context, _ orchestrator.Try) orchestrator.Result {
				if c.held && len(g.calls()) == 1 {
					return shut(g)
				}
				<-ctx.Done()
				return orchestrator.Result{}
			}
			nc := b.server.Conn(t)
			b.startOn(nc, g, nil)
			b.publish("one")
			await(t, "the first call", func() bool { return len(g.calls()) == 1 })
			if c.held {
				await(t, "the note", func() bool { return b.record(1).Record.NotSent })
			}
			if c.held && c.called {
				g.set(true)
				await(t, "the second call", func() bool { return len(g.calls()) == 2 })
			}
			nc.Close() // from here on it can say nothing any more

			next := newTarget(nil)
			b.start(next, nil)
			await(t, "the next delivery", func() bool { return len(next.calls()) == 1 })
			if try := next.calls()[0]; try.Again != c.again || try.FirstTry.IsZero() == c.again {
				t.Errorf("again %t, first try %v", try.Again, try.FirstTry)
			}
			await(t, "the ack", func() bool { return b.left() == 0 })
			b.noRecords()
		})
	}
}

// shut shuts the gate, as a call does that finds the orchestrator gone.
func shut(g *target) orchestrator.Result {
	g.set(false)
	return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unavailable, Reason: job.ConnectionFailed}}
}
