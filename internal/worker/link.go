package worker

import (
	"time"

	"github.com/queueferry/queueferry/internal/telemetry"
)

// link is how the connection to NATS stands.
type link struct {
	since time.Time // connected, or not
	up    bool      // it was connected at least once
	err   string    // the last error, also of a connection before
	errAt time.Time
}

// news is the last error, if it is of this connection, or of this time without one.
func (l link) news() string {
	if l.errAt.Before(l.since) {
		return ""
	}
	return l.err
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

// linkError remembers an error, if it is one.
func (w *worker) linkError(err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.link.err, w.link.errAt = telemetry.Text(err.Error()), time.Now()
}
