package authpool

import (
	"fmt"
	"runtime"
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

func BenchmarkLease(b *testing.B) {
	for _, goroutines := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			p, _ := newPool(&fakeGrant{name: "a", life: time.Hour})
			defer p.Close(b.Context())
			if _, err := p.Lease(b.Context()); err != nil {
				b.Fatal(err)
			}
			ctx := b.Context()
			b.SetParallelism(max(1, goroutines/runtime.GOMAXPROCS(0)))
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					l, err := p.Lease(ctx)
					if err != nil {
						b.Error(err)
						return
					}
					p.Accept(l)
					l.Release()
				}
			})
		})
	}
}
