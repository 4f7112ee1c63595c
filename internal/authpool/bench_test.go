package authpool

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLeaseDoesNotAllocate(t *testing.T) {
	g := &fakeGrant{name: "a", life: time.Hour}
	h := &fakeGrant{name: "b", life: time.Hour}
	p, _ := newPool(g, h)
	defer p.Close(t.Context())
	p.Accept(mustLease(t, p))
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() {
		l, err := p.Lease(ctx)
		if err != nil {
			t.Fatal(err)
		}
		p.Accept(l)
		_ = l.Token()
		l.Release()
	}); n != 0 {
		t.Errorf("%v allocations of a lease, want 0", n)
	}
}

// BenchmarkLease is one call's use of the pool, made by so many goroutines
// together: what it takes is the time of the whole by the number of calls.
func BenchmarkLease(b *testing.B) {
	for _, goroutines := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			p, _ := newPool(&fakeGrant{name: "a", life: time.Hour})
			defer p.Close(b.Context())
			ctx := b.Context()
			call := func() {
				l, err := p.Lease(ctx)
				if err != nil {
					b.Error(err)
				}
				p.Accept(l)
				_ = l.Token()
				l.Release()
			}
			call() // logs in
			b.ReportAllocs()
			b.ResetTimer()
			share(goroutines, b.N, call)
		})
	}
}

// BenchmarkLogIns counts the log-ins that calls of 5 ms need while tokens live for
// two seconds.
func BenchmarkLogIns(b *testing.B) {
	for _, goroutines := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			g := &fakeGrant{name: "a", life: 2 * time.Second, took: 50 * time.Millisecond}
			p, _ := newPool(g)
			defer p.Close(b.Context())
			ctx, cancel := context.WithCancel(b.Context())
			var running sync.WaitGroup
			running.Go(func() { _ = p.Run(ctx) })
			share(goroutines, b.N, func() {
				l, err := p.Lease(ctx)
				if err != nil {
					b.Error(err)
				}
				time.Sleep(5 * time.Millisecond)
				p.Accept(l)
				l.Release()
			})
			b.ReportMetric(float64(g.logins())/float64(b.N)*1000, "log-ins/1000calls")
			cancel()
			running.Wait()
		})
	}
}

// share has so many goroutines make n calls.
func share(goroutines, n int, call func()) {
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				call()
			}
		})
	}
	wg.Wait()
}
