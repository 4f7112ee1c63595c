package consumer

import (
	"maps"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// State is what a route looks like from outside. Pending and AckPending are what
// the server last said; it is asked every 15 s.
type State struct {
	Missing    *Absence // nil: the durable consumer is there
	Hold       HoldState
	InHand     int // messages in hand
	Held       int // of these, how many wait for a gate or the hold
	Pending    int // messages that wait in the stream
	AckPending int // messages in hand or parked, of all pods
	History    History
}

// Absence is a durable consumer that is not there.
type Absence struct {
	Since  time.Time
	Detail string // what the last look for it brought; empty: it has not ended yet
}

// History is what became of the deliveries since the worker started.
type History struct {
	Verdicts      map[job.Verdict]int // none is 0
	LastDelivered time.Time           // zero: never
	DeadLetters   int
	LastReason    job.Reason // of the last dead letter
	LastDead      time.Time  // zero: there was none
}

// State asks nobody, and is safe to call at any time.
func (c *Consumer) State() State {
	return State{
		Missing: c.missing.Load(), Hold: c.hold.state(), InHand: c.hand.size(), Held: int(c.held.Load()),
		Pending: c.Pending(), AckPending: int(c.ackPending.Load()), History: c.history.now(),
	}
}

// miss notes why the durable consumer is not there. Only the loop calls it.
func (l *looper) miss(err error, now time.Time) {
	since := now
	if before := l.missing.Load(); before != nil {
		since = before.Since
	}
	l.missing.Store(&Absence{Since: since, Detail: telemetry.Text(err.Error())})
}

// history is safe for concurrent use. The zero value is empty.
type history struct {
	mu  sync.Mutex
	sum History
}

// add counts one finished delivery.
func (h *history) add(s telemetry.Settled) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sum.Verdicts == nil {
		h.sum.Verdicts = map[job.Verdict]int{}
	}
	h.sum.Verdicts[s.Verdict]++
	if s.Verdict == job.Delivered {
		h.sum.LastDelivered = time.Now()
	}
	if s.Disposition == retry.DeadLetter {
		h.sum.DeadLetters++
		h.sum.LastReason, h.sum.LastDead = s.Reason, time.Now()
	}
}

func (h *history) now() History {
	h.mu.Lock()
	defer h.mu.Unlock()
	sum := h.sum
	sum.Verdicts = maps.Clone(sum.Verdicts)
	return sum
}
