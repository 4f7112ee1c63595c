package consumer

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// instant is a Target that delivers at once.
type instant struct {
	*target
	left sync.WaitGroup
}

func (i *instant) Do(ctx, _ context.Context, t orchestrator.Try) (orchestrator.Result, error) {
	if !t.Begin(ctx, &t) {
		return orchestrator.Result{}, orchestrator.ErrNotBegun
	}
	i.left.Done()
	return delivered(), nil
}

// BenchmarkConsumer is one message through the consumer, with an orchestrator
// that takes no time: what the pulling, keeping, deciding, acking and logging cost.
func BenchmarkConsumer(b *testing.B) {
	rig := makeRig(b, 30*time.Second)
	for range b.N {
		if _, err := rig.js.PublishAsync("jobs.invoices.a", []byte("job")); err != nil {
			b.Fatal(err)
		}
	}
	<-rig.js.PublishAsyncComplete()
	g := &instant{target: newTarget(nil)}
	g.left.Add(b.N)
	log, flush := telemetry.NewLogger(io.Discard, "json", zap.NewAtomicLevel())
	b.ReportAllocs()
	b.ResetTimer()
	r := rig.start(g, func(s *Settings) {
		s.MaxInFlight = 256
		s.Events = telemetry.NewEvents(log)
	})
	g.left.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
	r.stopped()
	if err := flush(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSettle is the end of one delivery: the ack, what is remembered of it,
// the metrics and its line in the log.
func BenchmarkSettle(b *testing.B) {
	rig := makeRig(b, 30*time.Second)
	log, flush := telemetry.NewLogger(io.Discard, "json", zap.NewAtomicLevel())
	s := rig.settings(rig.server.Conn(b), newTarget(nil))
	s.Events = telemetry.NewEvents(log)
	c := New(s)
	c.work, c.books = b.Context(), b.Context()
	at, result := time.Now(), delivered()
	meta := &nats.MsgMetadata{Stream: "JOBS", Timestamp: at, NumDelivered: 1}
	d := &delivery{
		msg: &nats.Msg{Subject: "jobs.invoices.a", Reply: "bench.acks"}, meta: meta, received: at, began: at,
		request: &job.Request{ID: "inv-000123", Action: job.AddQueueItem},
	}
	n := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		n++
		meta.Sequence.Stream = n
		c.settle(d, result, retry.Disposition{Kind: retry.Ack})
	}
	if err := flush(); err != nil {
		b.Fatal(err)
	}
}

func numbered(n uint64) *delivery {
	return &delivery{meta: &nats.MsgMetadata{Sequence: nats.SequencePair{Stream: n}}}
}

// BenchmarkHand is the way of a message into the hand and out of it, with 1,600
// in it.
func BenchmarkHand(b *testing.B) {
	h := newHand()
	for n := range uint64(1600) {
		h.add(numbered(n))
	}
	d := numbered(1600)
	b.ReportAllocs()
	for b.Loop() {
		h.add(d)
		if other, _ := h.before(d); other != nil {
			b.Fatal("a copy")
		}
		h.remove(d.number)
	}
}
