package consumer

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// What became of deliveries is counted by verdict, and of the last success and
// the last dead letter it is known when.
func TestHistory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h history
		if diff := cmp.Diff(History{}, h.now()); diff != "" {
			t.Errorf("of none: %s", diff)
		}
		var at []time.Time
		for _, s := range []telemetry.Settled{
			{Verdict: job.Delivered, Disposition: retry.Ack},
			{Verdict: job.Rejected, Disposition: retry.DeadLetter, Reason: job.NotFound},
			{Verdict: job.Delivered, Disposition: retry.Ack},
			{Verdict: job.Duplicate, Disposition: retry.Ack},
			{Verdict: job.Unknown, Disposition: retry.DeadLetter, Reason: job.UnknownOutcome},
			{Verdict: job.Rejected, Disposition: retry.Nak, Reason: job.RejectGuard},
		} {
			time.Sleep(time.Minute)
			h.add(s)
			at = append(at, time.Now())
		}
		want := History{
			Verdicts:      map[job.Verdict]int{job.Delivered: 2, job.Rejected: 2, job.Duplicate: 1, job.Unknown: 1},
			LastDelivered: at[2], DeadLetters: 2, LastReason: job.UnknownOutcome, LastDead: at[4],
		}
		before := h.now()
		if diff := cmp.Diff(want, before); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		h.add(telemetry.Settled{Verdict: job.Delivered})
		if diff := cmp.Diff(want, before); diff != "" {
			t.Errorf("what was given out changes: %s", diff)
		}
	})
}

// A durable consumer that is not there is told of with when it was lost first and
// what came of the last look for it.
func TestStateTellsOfALostConsumer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := New(Settings{Route: route, Stream: "JOBS", Events: telemetry.NewEvents(zap.NewNop()), Metrics: telemetry.NewMetrics(telemetry.Build{}).Route(route)})
		l := newLooper(c, nil)
		born := time.Now()
		time.Sleep(time.Second)
		missing := func(since time.Time, detail string) {
			t.Helper()
			if diff := cmp.Diff(&Absence{Since: since, Detail: detail}, c.State().Missing); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		}
		missing(born, "")
		l.lost(errors.New("no stream"))
		missing(born, "no stream")
		time.Sleep(time.Second)
		l.foundOut(t.Context(), finding{began: time.Now(), durable: Durable{Pending: 900, AckPending: 5}})
		if s := c.State(); s.Missing != nil || s.Pending != 900 || s.AckPending != 5 {
			t.Errorf("once it is there: %+v", s)
		}
		time.Sleep(time.Minute)
		gone := time.Now()
		l.lost(errors.New("no leader"))
		time.Sleep(time.Minute)
		l.lost(errors.New("time\nout"))
		missing(gone, "time out")
	})
}
