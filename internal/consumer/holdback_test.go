package consumer

import (
	"context"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

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
