package consumer

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

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
