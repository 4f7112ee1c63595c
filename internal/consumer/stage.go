package consumer

import (
	"runtime"
	"sync"
)

// stage has work done that needs much stack, on a few goroutines that keep
// theirs. Where requests share calls those of the crew are many, and mostly wait:
// the garbage collector halves their stacks meanwhile, and to grow them again
// costs more than the work. A call of one's own needs the stack anyway. The zero
// value is empty.
type stage struct {
	work chan part
	wg   sync.WaitGroup
}

type part struct {
	do   func()
	done *sync.WaitGroup
}

// open puts enough goroutines on it for what can run at once.
func (s *stage) open() {
	s.work = make(chan part)
	for range 2 * runtime.GOMAXPROCS(0) {
		s.wg.Go(func() {
			for p := range s.work {
				p.do()
				p.done.Done()
			}
		})
	}
}

// do returns when f has. While all are busy, or it is empty, that is done right
// here: nobody waits for what takes someone else long. f must not panic.
func (s *stage) do(f func()) {
	var done sync.WaitGroup
	done.Add(1)
	select {
	case s.work <- part{f, &done}:
		done.Wait()
	default:
		f()
	}
}

// close ends what open began. Nothing is done from then on.
func (s *stage) close() {
	close(s.work)
	s.wg.Wait()
}
