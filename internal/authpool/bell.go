package authpool

import "sync"

// bell wakes everyone who waits for a change. Ask for the channel first, then
// look at what may have changed, then wait: no change is missed.
type bell struct {
	mu sync.Mutex
	ch chan struct{} // closed by ring; nil: nobody asked since
}

// wait is a channel that the next ring closes.
func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

// ring wakes all who wait.
func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
