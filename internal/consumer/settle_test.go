package consumer

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

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

// A connection that is away for a moment does not cost what is put off meanwhile
// an ack wait; one that stays away for longer than that does.
func TestPutOffWithoutAConnection(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ackWait time.Duration
		stop    bool // the consumer
		back    bool // the connection
		want    string
	}{
		"back soon":            {ackWait: 5 * time.Minute, back: true, want: "nak"},
		"away for an ack wait": {ackWait: time.Second, want: "leave"},
		"away at the end":      {ackWait: 5 * time.Minute, stop: true, want: "leave"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, c.ackWait)
			p := newProxy(t, b.server)
			nc := p.conn(t, nats.ReconnectWait(20*time.Millisecond))
			release := make(chan struct{})
			g := newTarget(until(release, orchestrator.Result{Outcome: job.Outcome{Verdict: job.Deferred, Called: true}, BreakerClosed: true}))
			b.publish("one")
			r := b.startOn(nc, g, quick)
			await(t, "the call", func() bool { return len(g.calls()) == 1 })
			p.shut(true)
			await(t, "loss of the connection", func() bool { return !nc.IsConnected() })
			close(release)
			if c.stop {
				r.stop()
			}
			if c.back {
				<-time.After(4 * lookAgain) // it is put off by now
				p.shut(false)
			}
			if line := b.awaitSettled(1); line["disposition"] != c.want {
				t.Errorf("settled as %v, want %s", line, c.want)
			}
			if c.back {
				await(t, "the next try", func() bool { return len(g.calls()) > 1 })
			}
		})
	}
}
