package consumer

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/request"
)

// What the server is told, and what is noted, for each verdict at the first
// delivery. There is one answer for one delivery, and one line.
func TestSettle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome job.Outcome
		open    bool // the circuit did not stay closed
		answer  string
		line    string // disposition
		noted   string // of the record
	}{
		"delivered": {outcome: job.Outcome{Verdict: job.Delivered, Called: true}, answer: "+ACK", line: "ack", noted: "nothing"},
		"duplicate": {outcome: job.Outcome{Verdict: job.Duplicate, Called: true}, answer: "+ACK", line: "ack", noted: "nothing"},
		"rejected":  {outcome: job.Reject(job.NotFound, "no queue"), answer: "+TERM not_found", line: "dead_letter", noted: "nothing"},
		"rejected without a reason": {
			outcome: job.Outcome{Verdict: job.Rejected}, answer: "+TERM rejected", line: "dead_letter", noted: "nothing",
		},
		"deferred": {outcome: job.Outcome{Verdict: job.Deferred, Called: true}, answer: "-NAK 30s", line: "nak", noted: "attempts=1 not_sent first_try"},
		"deferred before a call": {
			outcome: job.Outcome{Verdict: job.Deferred}, answer: "-NAK 30s", line: "nak", noted: "attempts=1 not_sent",
		},
		"busy":    {outcome: job.Outcome{Verdict: job.Busy, Called: true}, answer: "-NAK 30s", line: "nak", noted: "not_sent first_try busy"},
		"unknown": {outcome: job.Outcome{Called: true}, answer: "-NAK 30s", line: "nak", noted: "attempts=1 first_try unknown"},
		"unknown in an outage": {
			outcome: job.Outcome{Called: true}, open: true, answer: "-NAK 30s", line: "nak", noted: "first_try unknown",
		},
		// The cautious reading of an outcome that says nothing at all.
		"nothing said":       {answer: "-NAK 30s", line: "nak", noted: "attempts=1 first_try unknown"},
		"nobody can tell":    {outcome: job.Outcome{Reason: job.UnknownOutcome}, answer: "+TERM unknown_outcome", line: "dead_letter", noted: "nothing"},
		"no verdict of ours": {outcome: job.Outcome{Verdict: 99}, line: "leave", noted: "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 5*time.Minute)
			g := newTarget(func(context.Context, orchestrator.Try) orchestrator.Result {
				return orchestrator.Result{Outcome: c.outcome, BreakerClosed: !c.open}
			})
			b.start(g, func(s *Settings) { s.Policy.First = 30 * time.Second })
			b.publish("one")
			line := b.awaitSettled(1)
			if line["disposition"] != c.line || line["verdict"] != c.outcome.Verdict.String() {
				t.Errorf("settled as %v, want %s", line, c.line)
			}
			if c.answer == "" {
				if got := b.answers.list(); len(got) != 0 {
					t.Errorf("answered %v, want nothing", got)
				}
				return
			}
			if got := brief(b.answers.texts(t, 1)[0], 30*time.Second); got != c.answer {
				t.Errorf("answered %q, want %q", got, c.answer)
			}
			if c.noted == "nothing" {
				await(t, "an empty stream", func() bool { return b.left() == 0 })
				b.noRecords()
				return
			}
			if got := noted(b.record(1).Record); got != c.noted {
				t.Errorf("noted %q, want %q", got, c.noted)
			}
		})
	}
}

// brief writes a nak's delay as what it is spread around, if that is so.
func brief(answer string, around time.Duration) string {
	text, ok := strings.CutPrefix(answer, "-NAK ")
	if !ok {
		return answer
	}
	var options struct{ Delay time.Duration }
	if json.Unmarshal([]byte(text), &options) != nil || options.Delay < around*8/10 || options.Delay > around*12/10 {
		return answer
	}
	return "-NAK " + around.String()
}

func noted(r ledger.Record) string {
	var all []string
	say := func(yes bool, what string) {
		if yes {
			all = append(all, what)
		}
	}
	say(r.Attempts > 0, fmt.Sprintf("attempts=%d", r.Attempts))
	say(r.NotSent, "not_sent")
	say(!r.FirstTry.IsZero(), "first_try")
	say(!r.UnknownSince.IsZero(), "unknown")
	say(!r.BusySince.IsZero(), "busy")
	say(r.Dead != nil, "dead")
	return strings.Join(all, " ")
}

func TestDroppedIsAcked(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := newTarget(nil)
	b.start(g, func(s *Settings) {
		s.Decoder = decoder(func(context.Context, request.Message) (*job.Request, job.Outcome, bool) {
			return &job.Request{ID: "one"}, job.Outcome{Verdict: job.Dropped}, false
		})
	})
	b.publish("one")
	if line := b.awaitSettled(1); line["verdict"] != "dropped" || line["disposition"] != "ack" {
		t.Errorf("settled as %v", line)
	}
	if got := b.answers.texts(t, 1); got[0] != "+ACK" || len(g.calls()) != 0 {
		t.Errorf("answered %v after %d calls", got, len(g.calls()))
	}
}

// What fails the checks that need no call is set aside without one.
func TestFaultyRequestIsNeverCalled(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := newTarget(nil)
	g.check = func(r *job.Request) (job.Outcome, bool) {
		if r.ID == "too large" {
			return job.Reject(job.TooLarge, "content: too large"), false
		}
		return job.Outcome{}, true
	}
	b.start(g, nil)
	b.publish("bad", "too large")
	b.awaitSettled(2)
	await(t, "two terms", func() bool { return b.left() == 0 })
	if n := b.messages("JOBS_DEAD"); n != 2 || len(g.calls()) != 0 {
		t.Errorf("%d dead letters, %d calls", n, len(g.calls()))
	}
}

// The ack is sent after the outcome, never before.
func TestAckAfterTheOutcome(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	release := make(chan struct{})
	g := newTarget(until(release, delivered()))
	r := b.start(g, nil)
	b.publish("one")
	await(t, "the call", func() bool { return len(g.calls()) == 1 })
	r.turns(1)
	if got := b.answers.list(); len(got) != 0 || b.left() != 1 {
		t.Errorf("answered %v before the outcome", got)
	}
	close(release)
	b.answers.texts(t, 1)
}

// After the last attempt comes the dead letter, with all that is known.
func TestDeadLetterAfterTheLastAttempt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome job.Outcome
		reason  job.Reason
	}{
		"deferred":  {job.Outcome{Verdict: job.Deferred, Status: 400, ErrorCode: "1234", Detail: "what it was", Called: true}, job.AttemptsExhausted},
		"forbidden": {job.Outcome{Verdict: job.Deferred, Reason: job.Forbidden, Called: true}, job.Forbidden},
		"unknown":   {job.Outcome{Reason: job.TimedOut, Called: true}, job.AttemptsExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			g := always(c.outcome)
			began := time.Now()
			b.start(g, quick)
			b.publish("one")
			b.awaitSettled(3)
			await(t, "the term", func() bool { return b.left() == 0 })
			var answers []string
			for _, a := range b.answers.list() {
				answers = append(answers, strings.Fields(a.text)[0])
			}
			if diff := cmp.Diff([]string{"-NAK", "-NAK", "+TERM"}, answers); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			for i, try := range g.calls() {
				unknown := c.outcome.Verdict == job.Unknown && i > 0
				if try.Again != unknown || try.FirstTry.IsZero() != (i == 0) || i > 0 && try.FirstTry.Before(began) {
					t.Errorf("try %d: again %t, first try %v", i+1, try.Again, try.FirstTry)
				}
			}
			h := b.letter(1).Header
			if h.Get("Queueferry-Reason") != string(c.reason) || h.Get("Queueferry-Attempts") != "3" || h.Get("Queueferry-Request-Id") != "one" ||
				h.Get("Queueferry-Detail") != c.outcome.Detail || h.Get("Queueferry-Error-Code") != c.outcome.ErrorCode || h.Get("Queueferry-First-Try") == "" {
				t.Errorf("dead letter %v", h)
			}
			b.noRecords()
		})
	}
}

// quick lets a message come back soon.
func quick(s *Settings) { s.Policy.First, s.Policy.Max = 20*time.Millisecond, 100*time.Millisecond }

// An Unknown does not count unless the circuit stayed closed: no number of them
// makes a dead letter in an outage.
func TestUnknownInAnOutageNeverCounts(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := newTarget(nil)
	g.call = func(context.Context, orchestrator.Try) orchestrator.Result {
		if len(g.calls()) > 6 {
			return delivered()
		}
		return orchestrator.Result{Outcome: job.Outcome{Reason: job.TimedOut, Called: true}}
	}
	b.start(g, quick)
	b.publish("one")
	b.awaitSettled(7)
	await(t, "the ack", func() bool { return b.left() == 0 })
	if n := b.messages("JOBS_DEAD"); n != 0 {
		t.Errorf("%d dead letters", n)
	}
	if got := b.lines("delivery.settled")[5]["attempt"]; got != 0 {
		t.Errorf("attempt %v, want 0", got)
	}
}

// Before the last Unknown makes a dead letter the orchestrator is asked whether
// it is well.
func TestLastAttemptInAnOutage(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := always(job.Outcome{Reason: job.TimedOut, Called: true})
	g.setAlive(false)
	b.start(g, quick)
	b.publish("one")
	b.awaitSettled(5)
	if n := b.messages("JOBS_DEAD"); n != 0 {
		t.Fatalf("%d dead letters in an outage", n)
	}
	if got := b.record(1).Record.Attempts; got != 2 {
		t.Errorf("%d attempts noted, want 2", got)
	}
	g.setAlive(true)
	await(t, "the dead letter", func() bool { return b.messages("JOBS_DEAD") == 1 })
	await(t, "the term", func() bool { return b.left() == 0 })
}

// A busy product costs no attempt; after busy_for the message is set aside.
func TestBusyTooLong(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := always(job.Outcome{Verdict: job.Busy, Called: true})
	b.start(g, func(s *Settings) {
		quick(s)
		s.Policy.BusyFor = 300 * time.Millisecond
	})
	b.publish("one")
	var lines []map[string]any
	await(t, "the dead letter", func() bool {
		lines = b.lines("delivery.settled")
		return len(lines) > 0 && lines[len(lines)-1]["disposition"] == "dead_letter"
	})
	if lines[0]["disposition"] != "nak" || lines[0]["reason"] != nil {
		t.Errorf("first settled as %v", lines[0])
	}
	last := lines[len(lines)-1]
	if last["reason"] != "busy_too_long" || last["attempt"] != 0 {
		t.Errorf("settled as %v", last)
	}
}

// An outage costs nothing: no attempt, no nak, no other delivery.
func TestUnavailableHolds(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := newTarget(nil)
	g.call = func(context.Context, orchestrator.Try) orchestrator.Result {
		switch len(g.calls()) {
		case 1:
			return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unavailable, Reason: job.ConnectionFailed}}
		case 2:
			g.set(false)
			return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unavailable, Reason: job.ServiceUnavailable}}
		}
		return delivered()
	}
	r := b.start(g, nil)
	b.publish("one")
	await(t, "the shut gate", func() bool { return len(g.calls()) == 2 && r.held.Load() == 1 })
	await(t, "the note", func() bool { return noted(b.record(1).Record) == "not_sent" })
	r.turns(1)
	if n := len(b.answers.list()); n != 0 || b.settled() != 0 || r.InHand() != 1 {
		t.Errorf("%d answers, %d lines, %d in hand", n, b.settled(), r.InHand())
	}
	g.set(true)
	line := b.awaitSettled(1)
	if line["disposition"] != "ack" || line["delivery"] != uint64(1) || line["attempt"] != 1 {
		t.Errorf("settled as %v", line)
	}
	for i, try := range g.calls() {
		if try.Again || !try.FirstTry.IsZero() {
			t.Errorf("try %d: again %t, first try %v: nothing was sent", i+1, try.Again, try.FirstTry)
		}
	}
	await(t, "the ack", func() bool { return b.left() == 0 && r.held.Load() == 0 })
	b.noRecords()
}

// A message that is tried again while the gate stays open waits a little longer
// each time.
func TestUnavailableWithAnOpenGateIsNoBusyLoop(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := always(job.Outcome{Verdict: job.Unavailable, Reason: job.ConnectionFailed})
	r := b.start(g, nil)
	b.publish("one")
	await(t, "the first call", func() bool { return len(g.calls()) >= 1 })
	<-time.After(1500 * time.Millisecond) // what is measured: pauses of 200, 400 and 800 ms
	if n := len(g.calls()); n < 2 || n > 5 {
		t.Errorf("%d calls in 1.5 s", n)
	}
	r.stopped()
	if got := b.answers.texts(t, 1); got[0] != "-NAK" {
		t.Errorf("answered %v", got)
	}
}

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
