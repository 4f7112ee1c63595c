package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/telemetry"
)

// reserve is what remains of shutdown_grace after the calls were cut off: for
// the settlements, and to log out.
const reserve = 3 * time.Second

// stopAskedFor is why a worker drains.
const stopAskedFor = "stop asked for"

// errCut means that calls were still under way when the grace ended.
var errCut = errors.New("calls under way were cut off at the end of shutdown_grace; what they did is found out after a restart")

// drain waits for the routes to finish what is in hand, and cuts it off when
// the grace is over.
func (w *worker) drain(routes *sync.WaitGroup, cut context.CancelFunc) {
	began := time.Now()
	w.mu.Lock()
	w.stopping = true
	w.mu.Unlock()
	w.events.ShutdownBegun(stopAskedFor, w.inHand())
	done := make(chan struct{})
	go func() {
		routes.Wait()
		close(done)
	}()
	var err error
	grace := time.NewTimer(max(w.config.ShutdownGrace-reserve, 0))
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.C:
		err = errCut
		cut()
		err = errors.Join(err, w.abandon(done))
	}
	flush, cancel := context.WithTimeout(context.Background(), reserve)
	defer cancel()
	// Acks are not waited for one by one, but here.
	if flushed := w.nats.Flush(flush); err == nil && flushed != nil {
		err = flushed
	}
	w.sayStopped(time.Since(began), err)
}

// errAbandoned means that something did not even end when it was cut off.
var errAbandoned = errors.New("some messages are still worked on; they are delivered again after their ack wait")

// abandon waits a little for what was cut off, and no longer than the grace allows.
func (w *worker) abandon(done <-chan struct{}) error {
	last := time.NewTimer(reserve / 2)
	defer last.Stop()
	select {
	case <-done:
		return nil
	case <-last.C:
		return errAbandoned
	}
}

func (w *worker) inHand() (n int) {
	for _, r := range w.routes {
		n += r.consumer.InHand()
	}
	return n
}

func (w *worker) sayStopped(took time.Duration, err error) {
	done := telemetry.ShutdownDone{Took: took, Err: err}
	for _, r := range w.routes {
		t := r.consumer.Tally()
		done.Finished += int(t.Finished.Load())
		done.HandedBack += int(t.HandedBack.Load())
		done.Left += int(t.Left.Load())
	}
	w.events.ShutdownDone(done)
}
