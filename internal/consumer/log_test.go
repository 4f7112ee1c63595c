package consumer

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// A thousand deliveries are a thousand lines.
func TestOneLineForEachDelivery(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	const n = 1000
	b.publish(ids(n)...)
	r := b.start(newTarget(nil), func(s *Settings) { s.MaxInFlight = 256 })
	await(t, "an empty stream", func() bool { return b.settled() >= n && b.left() == 0 })
	r.stopped()
	seen := map[any]int{}
	for _, line := range b.lines("delivery.settled") {
		seen[line["request_id"]]++
	}
	if got := b.settled(); got != n || len(seen) != n {
		t.Errorf("%d lines of %d requests, want %d", got, len(seen), n)
	}
}

// What the line of a delivery says. The times are checked apart.
func TestFieldsOfALine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result orchestrator.Result
		want   map[string]any
	}{
		"delivered": {
			result: delivered(),
			want: map[string]any{
				"attempt": 1, "verdict": "delivered", "disposition": "ack", "status": 201, "receipt": "77",
			},
		},
		"deferred": {
			result: orchestrator.Result{Outcome: job.Outcome{
				Verdict: job.Deferred, Reason: job.Forbidden, Status: 403, ErrorCode: "0", Called: true, Detail: "not in the line",
			}},
			want: map[string]any{
				"attempt": 1, "verdict": "deferred", "disposition": "nak", "reason": "forbidden", "status": 403, "error_code": "0",
			},
		},
		"rejected": {
			result: orchestrator.Result{Outcome: job.Outcome{Verdict: job.Rejected, Status: 400, Called: true}},
			want: map[string]any{
				"attempt": 1, "verdict": "rejected", "disposition": "dead_letter", "reason": "rejected", "status": 400,
			},
		},
		"unknown in an outage": {
			result: orchestrator.Result{Outcome: job.Outcome{Reason: job.ConnectionLost, Called: true}},
			want: map[string]any{
				"attempt": 0, "verdict": "unknown", "disposition": "nak", "reason": "connection_lost",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			b.start(newTarget(func(context.Context, orchestrator.Try) orchestrator.Result {
				time.Sleep(5 * time.Millisecond)
				return c.result
			}), nil)
			b.publish("one")
			got := b.awaitSettled(1)
			queue, call, age := got["queue_ms"].(float64), got["call_ms"].(float64), got["age_ms"].(float64)
			if queue < 0 || call < 5 || age < queue+call {
				t.Errorf("in the queue %v ms, called %v ms, %v ms old", queue, call, age)
			}
			for _, key := range []string{"queue_ms", "call_ms", "age_ms"} {
				delete(got, key)
			}
			want := map[string]any{
				"route": route, "connection": "acme", "action": "add_queue_item", "request_id": "one",
				"subject": "jobs.invoices.a", "sequence": uint64(1), "delivery": uint64(1),
			}
			maps.Copy(want, c.want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
