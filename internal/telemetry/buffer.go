package telemetry

import (
	"io"
	"sync"
	"time"
)

// maxPending is how many bytes wait at most: the caller whose line goes beyond
// it writes them out itself.
const maxPending = 256 << 10

// buffer puts lines together before they are written. Whoever finds the writer
// free writes for all the others; the lock is never held meanwhile.
type buffer struct {
	w io.Writer

	mu      sync.Mutex
	idle    sync.Cond // on mu: busy became false
	pending []byte    // guarded by mu
	spare   []byte    // guarded by mu; the memory of the last write
	busy    bool      // guarded by mu; someone is in w.Write
	failed  error     // guarded by mu; of a write that nobody has heard of yet
	closed  bool      // guarded by mu

	wake    chan struct{} // a line that should not wait
	stop    chan struct{} // closed by Close
	stopped chan struct{} // closed when the flusher is gone
}

func newBuffer(w io.Writer, every time.Duration) *buffer {
	b := &buffer{w: w, wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{})}
	b.idle.L = &b.mu
	go b.run(every) // Close waits for it
	return b
}

// run flushes until Close.
func (b *buffer) run(every time.Duration) {
	defer close(b.stopped)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-b.wake:
		case <-b.stop:
			return
		}
		b.mu.Lock()
		b.flush()
		b.mu.Unlock()
	}
}

// Write takes one line. The error is that of an earlier write.
func (b *buffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = append(b.pending, line...)
	if b.closed || len(b.pending) >= maxPending {
		b.flush()
	}
	return len(line), b.takeError()
}

// Sync returns when every line that was there at the call is written.
func (b *buffer) Sync() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flush()
	return b.takeError()
}

// hurry asks for a flush without waiting for it.
func (b *buffer) hurry() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Close ends the flusher and writes what is left. Later lines go straight to
// the writer.
func (b *buffer) Close() error {
	b.mu.Lock()
	first := !b.closed
	b.closed = true
	b.mu.Unlock()
	if first {
		close(b.stop)
	}
	<-b.stopped
	return b.Sync()
}

// flush writes what is pending, after whoever writes already. The caller holds
// mu, which is given up meanwhile.
func (b *buffer) flush() {
	for b.busy {
		b.idle.Wait()
	}
	if len(b.pending) == 0 {
		return
	}
	out := b.pending
	b.pending, b.busy = b.spare[:0], true
	b.mu.Unlock()
	_, err := b.w.Write(out)
	b.mu.Lock()
	b.spare, b.busy = out, false
	if err != nil {
		b.failed = err
	}
	b.idle.Broadcast()
}

func (b *buffer) takeError() error {
	err := b.failed
	b.failed = nil
	return err
}
