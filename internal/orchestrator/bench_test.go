package orchestrator

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

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
