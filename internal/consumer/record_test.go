package consumer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/retry"
)

// What is on record after a try that is to be made again.
func TestRemember(t *testing.T) {
	t.Parallel()
	var (
		t0       = time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)
		began    = t0.Add(time.Minute)
		soon     = t0.Add(time.Hour)
		counts   = retry.Disposition{Kind: retry.Nak, Counts: true}
		free     = retry.Disposition{Kind: retry.Nak}
		called   = func(v job.Verdict) job.Outcome { return job.Outcome{Verdict: v, Called: true} }
		delivers = func(again bool, r ledger.Record) *delivery {
			return &delivery{
				began: began, received: t0.Add(30 * time.Second), again: again, entry: ledger.Entry{Record: r},
				meta: &nats.MsgMetadata{Timestamp: t0},
			}
		}
	)
	for name, c := range map[string]struct {
		again   bool
		before  ledger.Record
		outcome job.Outcome
		what    retry.Disposition
		want    ledger.Record // a time of now is written as soon
	}{
		"deferred": {
			outcome: called(job.Deferred), what: counts, want: ledger.Record{Attempts: 1, NotSent: true, FirstTry: began},
		},
		"the first try stays": {
			before: ledger.Record{Attempts: 1, FirstTry: t0}, outcome: called(job.Deferred), what: counts,
			want: ledger.Record{Attempts: 2, NotSent: true, FirstTry: t0},
		},
		"no call": {
			outcome: job.Outcome{Verdict: job.Unavailable, Reason: job.Stopping}, what: free, want: ledger.Record{NotSent: true},
		},
		"unknown": {
			outcome: called(job.Unknown), what: counts, want: ledger.Record{Attempts: 1, FirstTry: began, UnknownSince: soon},
		},
		"nothing said": {what: free, want: ledger.Record{FirstTry: began, UnknownSince: soon}},
		"panic under way": {
			outcome: job.Outcome{Verdict: job.Deferred, Reason: job.Panicked, Called: true}, what: counts,
			want: ledger.Record{Attempts: 1, FirstTry: began, UnknownSince: soon},
		},
		"panic before": {
			outcome: job.Outcome{Verdict: job.Deferred, Reason: job.Panicked}, what: counts, want: ledger.Record{Attempts: 1, NotSent: true},
		},
		"doubts of the way it came": {
			again: true, outcome: job.Outcome{Verdict: job.Unavailable, Reason: job.Stopping}, what: free,
			want: ledger.Record{NotSent: true, FirstTry: t0, UnknownSince: t0.Add(30 * time.Second)},
		},
		"doubts stay": {
			again: true, before: ledger.Record{FirstTry: t0, UnknownSince: t0}, outcome: called(job.Busy), what: free,
			want: ledger.Record{NotSent: true, FirstTry: t0, UnknownSince: t0, BusySince: soon, BusyUntil: soon},
		},
		"busy again": {
			before: ledger.Record{BusySince: t0, FirstTry: t0}, outcome: called(job.Busy), what: free,
			want: ledger.Record{NotSent: true, FirstTry: t0, BusySince: t0, BusyUntil: soon},
		},
		"busy, and not asked since": {
			before: ledger.Record{BusySince: t0, BusyUntil: began, FirstTry: t0}, outcome: job.Outcome{Verdict: job.Unavailable}, what: free,
			want: ledger.Record{NotSent: true, FirstTry: t0, BusySince: t0, BusyUntil: began},
		},
		"busy no more": {
			before: ledger.Record{BusySince: t0, BusyUntil: began, FirstTry: t0}, outcome: called(job.Deferred), what: counts,
			want: ledger.Record{Attempts: 1, NotSent: true, FirstTry: t0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := remember(delivers(c.again, c.before), orchestrator.Result{Outcome: c.outcome}, c.what)
			for _, at := range []*time.Time{&got.UnknownSince, &got.BusySince, &got.BusyUntil} {
				if age := time.Since(*at); age >= 0 && age < time.Minute {
					*at = soon
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What comes after the wait for a busy product is no part of it: an outage must
// not use up busy_for.
func TestBusyForWithoutOutages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &Consumer{Settings: Settings{Policy: retry.Policy{Settings: retry.Settings{First: time.Minute, Max: time.Minute, BusyFor: time.Hour}}}}
		d := &delivery{}
		busy := orchestrator.Result{Outcome: job.Outcome{Verdict: job.Busy}}
		waited := time.Duration(0)
		for {
			what := c.decide(d, busy)
			if what.Kind == retry.DeadLetter {
				break
			}
			d.entry.Record = remember(d, busy, what)
			waited += what.Delay
			time.Sleep(what.Delay + 24*time.Hour)
			d.entry.Record = remember(d, orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unavailable}}, retry.Disposition{Kind: retry.Nak})
			time.Sleep(time.Hour)
		}
		if waited < time.Hour || waited > time.Hour+2*time.Minute {
			t.Errorf("set aside after a wait of %s", waited)
		}
	})
}

// A note that a message was not sent, of which nobody knows whether it was
// written, must not come to light once the message was sent.
func TestUncertainNote(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		written bool // before anyone looks
		late    bool // after everyone looked
		notes   int  // that are tried
		calls   int  // of the first delivery
	}{
		"was never written": {notes: 2, calls: 2},
		"was written":       {written: true, notes: 1, calls: 2},
		"is written late":   {late: true, notes: 2, calls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			book := newBook()
			book.written = c.written
			book.onStore = func(_ int, r ledger.Record) error {
				if r.NotSent {
					return ledger.ErrUncertain
				}
				return nil
			}
			g := newTarget(nil)
			noted := make(chan ledger.Entry, 10)
			g.call = func(context.Context, orchestrator.Try) orchestrator.Result {
				noted <- book.has()
				if len(g.calls()) == 1 {
					return shut(g)
				}
				return delivered()
			}
			r := b.start(g, func(s *Settings) {
				quick(s)
				s.Ledger = book
			})
			b.publish("one")
			await(t, "the note", func() bool { return r.held.Load() == 1 && len(book.tried()) == c.notes && book.looked() == c.notes })
			if c.late {
				book.mu.Lock()
				book.put(book.asked, ledger.Record{NotSent: true})
				book.mu.Unlock()
			}
			g.set(true)
			b.awaitSettled(1)
			if n := len(g.calls()); n != c.calls {
				t.Fatalf("%d calls, want %d", n, c.calls)
			}
			<-noted
			if c.calls == 2 {
				if e := receive(t, noted, "second call"); e.Revision == 0 || e.Record.NotSent {
					t.Errorf("while the call is under way the ledger says %+v", e)
				}
				return
			}
			b.awaitSettled(2)
			if try := g.calls()[1]; try.Again {
				t.Error("what was never sent is taken for sent")
			}
		})
	}
}

// An earlier delivery may have given up on a write that takes effect only now:
// with a message that comes again, it is overtaken before the call.
func TestBeginOvertakesEarlierWrites(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.redelivered("one")
	book := newBook()
	noted := make(chan ledger.Entry, 1)
	g := newTarget(func(context.Context, orchestrator.Try) orchestrator.Result {
		noted <- book.has()
		return delivered()
	})
	b.start(g, func(s *Settings) { s.Ledger = book })
	if e := receive(t, noted, "call"); e.Revision == 0 || e.Record.NotSent || !e.Record.UnknownSince.IsZero() {
		t.Errorf("while the call is under way the ledger says %+v", e)
	}
	b.awaitSettled(1)
	await(t, "an empty ledger", func() bool { return book.removed() == 1 })
}
