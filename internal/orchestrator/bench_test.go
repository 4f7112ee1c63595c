package orchestrator

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
)

func benchGate(calls int) *gate {
	return newGate(calls, 0, retry.Breaker{Failures: 5, Open: 30 * time.Second}, nil)
}

func BenchmarkGateUncontended(b *testing.B) {
	g, r := benchGate(32), well()
	b.ReportAllocs()
	for b.Loop() {
		p, err := g.enter(context.Background(), nil)
		if err != nil {
			b.Fatal(err)
		}
		p.giveBack(r)
	}
}

// 64 tries at once, of which half have to wait in the line.
func BenchmarkGateContended(b *testing.B) {
	g, r := benchGate(32), well()
	var failed atomic.Bool
	b.ReportAllocs()
	b.SetParallelism(32) // times GOMAXPROCS
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p, err := g.enter(context.Background(), nil)
			if err != nil {
				failed.Store(true)
				return
			}
			p.giveBack(r)
		}
	})
	if failed.Load() {
		b.Fatal("a try was refused")
	}
}

// 64 tries for one call at a time: every one waits in the line.
func BenchmarkGateNarrow(b *testing.B) {
	g, r := benchGate(1), well()
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if p, err := g.enter(context.Background(), nil); err == nil {
				p.giveBack(r)
			}
		}
	})
}

// nearby is a connector whose orchestrator answers soon, and takes any company.
type nearby struct{ fakeConnector }

func (*nearby) BatchKey(*job.Request) (BatchKey, bool) { return BatchKey{Group: "g", Size: 600}, true }

func (*nearby) SubmitBatch(_ context.Context, tries []*Try) []Result {
	time.Sleep(200 * time.Microsecond)
	results := make([]Result, len(tries))
	for i := range results {
		results[i] = well()
	}
	return results
}

// newNearby makes calls of up to 100 tries, and counts them.
func newNearby() (c *Connection, batch Batch, calls *atomic.Int64) {
	c = NewConnection(Settings{
		Name: "acme", Connector: &nearby{}, Tokens: &fakeTokens{}, MaxConcurrent: 16,
		Breaker: retry.Breaker{Failures: 5, Open: 30 * time.Second}, ProbeAs: job.AddQueueItem,
	})
	calls = new(atomic.Int64)
	return c, Batch{Route: "r", Max: 100, Calls: 2, Sent: func(int) { calls.Add(1) }}, calls
}

// request has no id: several of one id go apart.
var request = &job.Request{Action: job.AddQueueItem}

// 256 tries at once that wait with a goroutine each.
func BenchmarkBatchForming(b *testing.B) {
	c, batch, calls := newNearby()
	ctx := context.Background()
	var failed atomic.Bool
	b.ReportAllocs()
	b.SetParallelism(128) // times GOMAXPROCS
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if r, err := c.Do(ctx, ctx, Try{Request: request, Batch: batch}); err != nil || r.Verdict != job.Delivered {
				failed.Store(true)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/float64(calls.Load()), "items/call")
	if failed.Load() {
		b.Fatal("a try was not delivered")
	}
}

// 256 tries at once that wait without.
func BenchmarkShare(b *testing.B) {
	c, batch, calls := newNearby()
	const most = 256
	inHand := make(chan struct{}, most)
	var failed atomic.Bool
	done := func(r Result, err error) {
		if err != nil || r.Verdict != job.Delivered {
			failed.Store(true)
		}
		<-inHand
	}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		inHand <- struct{}{}
		if c.Share(b.Context(), Try{Request: request, Batch: batch}, done) == nil {
			b.Fatal("not shared")
		}
	}
	for range most {
		inHand <- struct{}{}
	}
	b.ReportMetric(float64(n)/float64(calls.Load()), "items/call")
	if failed.Load() {
		b.Fatal("a try was not delivered")
	}
}
