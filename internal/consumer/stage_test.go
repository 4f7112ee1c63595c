package consumer

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// All of it is done although the first never end: nobody waits for another's.
func TestStage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s stage
		here := ""
		s.do(func() { here = goroutine() })
		if here != goroutine() {
			t.Error("an empty stage does not do it right here")
		}
		s.open()
		synctest.Wait()
		s.do(func() { here = goroutine() })
		if here == goroutine() {
			t.Error("it is not done on the stage")
		}
		release := make(chan struct{})
		var done atomic.Int64
		const stuck = 100 // more than there can be on the stage
		for range stuck {
			go s.do(func() {
				<-release
				done.Add(1)
			})
		}
		synctest.Wait()
		s.do(func() { done.Add(1) })
		if n := done.Load(); n != 1 {
			t.Errorf("%d were done beside those that do not end", n)
		}
		close(release)
		synctest.Wait()
		s.close()
		if n := done.Load(); n != stuck+1 {
			t.Errorf("%d were done", n)
		}
	})
}
