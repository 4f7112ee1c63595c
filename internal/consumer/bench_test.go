package consumer

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/queueferry/queueferry/internal/orchestrator"
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
