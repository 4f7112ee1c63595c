package consumer

import (
	"context"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// cutTarget makes calls that last until they are cut off.
func cutTarget() *target {
	return newTarget(func(ctx context.Context, _ orchestrator.Try) orchestrator.Result {
		<-ctx.Done()
		return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unknown, Reason: job.ConnectionLost, Called: true}}
	})
}

// The end of work cuts calls off. What they did is not known: that is noted, and
// the message is left to the ack wait, for nobody shall hurry to repeat it.
func TestEndOfWorkCutsCallsOff(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := cutTarget()
	b.publish("one")
	r := b.start(g, nil)
	await(t, "the call", func() bool { return len(g.calls()) == 1 })
	r.stop()
	began := time.Now()
	r.cut()
	receive(t, r.done, "end of Run")
	if took := time.Since(began); took > afterwards {
		t.Errorf("took %v", took)
	}
	line := b.awaitSettled(1)
	if line["verdict"] != "unknown" || line["disposition"] != "leave" {
		t.Errorf("settled as %v", line)
	}
	if e := b.record(1).Record; e.UnknownSince.IsZero() || e.NotSent || e.FirstTry.IsZero() {
		t.Errorf("noted %+v", e)
	}
	if n := r.Tally().Left.Load(); n != 1 || b.info().NumAckPending != 1 || len(b.answers.list()) != 0 {
		t.Errorf("left %d, answers %v", n, b.answers.list())
	}
}

// The end of work alone is enough.
func TestEndOfWorkEndsRun(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := newTarget(nil)
	r := b.start(g, nil)
	await(t, "ready", r.Ready)
	r.cut()
	receive(t, r.done, "end of Run")
}

// Of a server that is frozen the end of work waits for no answer.
func TestEndOfWorkBoundsSettlements(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := cutTarget()
	b.publish("one")
	r := b.start(g, func(s *Settings) { s.Ledger = slowBook{} })
	await(t, "the call", func() bool { return len(g.calls()) == 1 })
	r.cut()
	began := time.Now()
	receive(t, r.done, "end of Run")
	if took := time.Since(began); took > 2*afterwards {
		t.Errorf("took %v", took)
	}
}
