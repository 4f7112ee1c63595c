package consumer

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
)

// While the ledger cannot be read or written, nothing is called and nothing counts.
func TestLedgerFails(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]error{
		"refused": errInjected, "uncertain": ledger.ErrUncertain, "conflict": ledger.ErrConflict,
	} {
		t.Run("load/"+name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			book := newBook()
			book.onLoad = func(n int) error {
				if n < 3 {
					return fault
				}
				return nil
			}
			g := newTarget(nil)
			b.redelivered("one")
			b.start(g, func(s *Settings) {
				quick(s)
				s.Ledger = book
			})
			line := b.awaitSettled(1)
			if line["reason"] != "ledger_failed" || line["disposition"] != "nak" || line["attempt"] != 0 || len(g.calls()) != 0 {
				t.Errorf("%d calls, settled as %v", len(g.calls()), line)
			}
			if got := b.answers.texts(t, 2)[1]; !strings.HasPrefix(got, "-NAK {") {
				t.Errorf("answered %q, want a nak with a delay", got)
			}
			b.awaitSettled(3)
			if len(g.calls()) != 1 {
				t.Errorf("%d calls once the ledger works", len(g.calls()))
			}
		})
		t.Run("before the call/"+name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			book := newBook()
			book.onStore = func(n int, _ ledger.Record) error {
				if n < 2 {
					return fault
				}
				return nil
			}
			g := newTarget(nil)
			b.redelivered("one")
			b.start(g, func(s *Settings) {
				quick(s)
				s.Ledger = book
			})
			line := b.awaitSettled(1)
			if line["reason"] != "ledger_failed" || line["disposition"] != "nak" || len(g.calls()) != 0 {
				t.Errorf("%d calls, settled as %v", len(g.calls()), line)
			}
			b.awaitSettled(2)
			if n := len(g.calls()); n != 1 || !g.calls()[0].Again {
				t.Errorf("%d calls once the ledger works", n)
			}
			if e := book.has(); e.Revision != 0 || book.removed() != 1 {
				t.Errorf("left in the ledger: %+v", e)
			}
		})
		t.Run("after the call/"+name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			book := newBook()
			book.onStore = func(n int, _ ledger.Record) error {
				if n < 2 {
					return fault
				}
				return nil
			}
			g := always(job.Outcome{Verdict: job.Deferred, Called: true})
			b.start(g, func(s *Settings) {
				quick(s)
				s.Ledger = book
			})
			b.publish("one")
			if line := b.awaitSettled(1); line["disposition"] != "nak" || line["attempt"] != 0 {
				t.Errorf("settled as %v, want an attempt that does not count", line)
			}
			b.awaitSettled(2)
			if try := g.calls()[1]; !try.Again || try.FirstTry.IsZero() {
				t.Errorf("again %t, first try %v; nobody noted that it was not carried out", try.Again, try.FirstTry)
			}
		})
	}
}

// A long trouble with the ledger is met with longer waits.
func TestLedgerFailsForLong(t *testing.T) {
	t.Parallel()
	c := New(Settings{})
	c.Policy.First, c.Policy.Max = time.Second, time.Minute
	for n, want := range map[uint64]time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 1 << 40: time.Minute} {
		d := &delivery{meta: &nats.MsgMetadata{NumDelivered: n}}
		got := c.decide(d, d.notBegun(job.LedgerFailed))
		if least, longest := want*8/10, want*12/10; got.Delay < least || got.Delay > longest || got.Counts {
			t.Errorf("delivery %d: %+v, want about %v", n, got, want)
		}
	}
}
