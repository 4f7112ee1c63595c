package worker

import (
	"fmt"
	"time"

	"github.com/queueferry/queueferry/internal/broker"
)

// stuck is how long a route's loop may stand still before /livez says so.
const stuck = 30 * time.Second

// running are the routes, once there are any.
func (w *worker) running() []*route {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.routes
}

// broker is the connection to NATS; nil before there is one.
func (w *worker) broker() *broker.Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.nats
}

func (w *worker) connected() bool {
	b := w.broker()
	return b != nil && b.Connected()
}

// live asks nothing outside of the process.
func (w *worker) live() error {
	if w.isStopping() {
		return nil
	}
	for _, r := range w.running() {
		if stood := time.Since(r.consumer.LastBeat()); stood > stuck {
			return fmt.Errorf("route %s: its loop has not turned for %s", r.name, stood.Round(time.Second))
		}
	}
	return nil
}

// ready reports whether every route can take messages.
func (w *worker) ready() bool {
	routes := w.running()
	if w.isStopping() || !w.connected() || len(routes) == 0 {
		return false
	}
	for _, r := range routes {
		if !r.consumer.Ready() {
			return false
		}
	}
	return true
}
