package consumer

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// As many are worked on at once as were handed out, and their goroutines are
// used again.
func TestCrew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		var done atomic.Int64
		for round := range 3 {
			var release sync.WaitGroup
			release.Add(1)
			for range 10 {
				c.do(func() {
					release.Wait()
					done.Add(1)
				})
			}
			synctest.Wait()
			if n := done.Load(); n != int64(10*round) {
				t.Fatalf("%d were done before they could be", n)
			}
			release.Done()
			synctest.Wait()
			if n := done.Load(); n != int64(10*(round+1)) {
				t.Fatalf("%d were done in round %d", n, round)
			}
		}
		c.do(func() { done.Add(1) })
		c.rest()
		if n := done.Load(); n != 31 {
			t.Errorf("%d were done", n)
		}
		c.do(func() { done.Add(1) })
		c.rest()
		if n := done.Load(); n != 32 {
			t.Errorf("after the rest %d were done", n)
		}
	})
}

// A goroutine that is idle takes the next delivery.
func TestCrewIsUsedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		defer c.rest()
		seen := map[string]bool{}
		for range 50 {
			c.do(func() { seen[goroutine()] = true })
			synctest.Wait()
		}
		if len(seen) != 1 {
			t.Errorf("%d goroutines worked one after the other", len(seen))
		}
	})
}

// goroutine names the one that asks, such as goroutine 7.
func goroutine() string {
	b := make([]byte, 64)
	name, _, _ := strings.Cut(string(b[:runtime.Stack(b, false)]), " [")
	return name
}
