package worker

import (
	"context"
	"errors"
	"time"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// link is how the connection to NATS stands.
type link struct {
	since time.Time // connected, or not
	up    bool      // it was connected at least once
	err   string    // the last error, also of a connection before
	cure  string    // what to do about it, if that is known
	errAt time.Time
}

// news is the last error and its cure, if it is of this connection, or of this
// time without one.
func (l link) news() (text, cure string) {
	if l.errAt.Before(l.since) {
		return "", ""
	}
	return l.err, l.cure
}

func (w *worker) linkNow() link {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.link
}

// linkUp notes that there is a connection, and tells for how long there was none.
// Of the first one the library tells nobody: who waited for it does.
func (w *worker) linkUp(first bool) (down time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if first && w.link.up {
		return 0
	}
	now := time.Now()
	down = now.Sub(w.link.since)
	w.link.since, w.link.up = now, true
	return down
}

func (w *worker) linkDown(err error) {
	w.mu.Lock()
	w.link.since = time.Now()
	w.mu.Unlock()
	w.linkError(err)
}

// explained is what an error means, with the error itself, and what to do about it,
// where that is known.
func explained(err error) (text, cure string) {
	f, ok := broker.FaultOf(err)
	if !ok || errors.Is(err, context.DeadlineExceeded) { // of a request, not of the connection
		return telemetry.Text(err.Error()), ""
	}
	return telemetry.Text(f.Detail + ": " + err.Error()), f.Remedy
}

// linkError remembers an error, if it is one.
func (w *worker) linkError(err error) {
	if err == nil {
		return
	}
	text, cure := explained(err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.link.err, w.link.cure, w.link.errAt = text, cure, time.Now()
}
