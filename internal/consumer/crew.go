package consumer

import "sync"

// crew works on deliveries, each in a goroutine of its own, and uses a goroutine
// again: a new one would have to grow its stack anew, which costs more than
// writing the log. It is safe for concurrent use, but for rest, which is last.
type crew struct {
	work chan func()
	wg   sync.WaitGroup
}

func newCrew() *crew { return &crew{work: make(chan func())} }

// do has f done by whoever is idle, or by one more.
func (c *crew) do(f func()) {
	select {
	case c.work <- f:
	default:
		work := c.work
		c.wg.Go(func() {
			for f != nil {
				f()
				f = <-work
			}
		})
	}
}

// rest waits until all is done, and ends the goroutines.
func (c *crew) rest() {
	close(c.work)
	c.wg.Wait()
	c.work = make(chan func())
}
