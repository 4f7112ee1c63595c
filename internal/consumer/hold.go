package consumer

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// A route whose folder is refused is tried again after the first wait, doubled
// up to the longest.
const (
	firstHold   = 30 * time.Second
	longestHold = 5 * time.Minute
)

// HoldState is what a route's hold looks like from outside.
type HoldState struct {
	Held   bool
	Since  time.Time
	Reason job.Reason
	Detail string
	Until  time.Time // of the next try
}

// hold keeps a route back whose own configuration the orchestrator refuses, and
// lets one message try now and then. It is safe for concurrent use.
type hold struct {
	route, connection string
	events            *telemetry.Events

	mu      sync.Mutex
	now     HoldState
	tries   int
	probing bool
	changed chan struct{} // closed and replaced when anything changes
}

func newHold(route, connection string, events *telemetry.Events) *hold {
	return &hold{route: route, connection: connection, events: events, changed: make(chan struct{})}
}

// enter waits until the route is free, or until it is this message's turn to
// try. leave must follow.
func (h *hold) enter(ctx context.Context) error {
	for {
		wait, changed, ok := h.admit()
		if ok {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

func (h *hold) admit() (wait time.Duration, changed <-chan struct{}, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.now.Held {
		return 0, nil, true
	}
	wait = time.Until(h.now.Until)
	switch {
	case h.probing:
		return longestHold, h.changed, false
	case wait > 0:
		return wait, h.changed, false
	}
	h.probing = true
	return 0, nil, true
}

// leave learns from what came of a try; called tells that it was made.
func (h *hold) leave(o job.Outcome, called bool) {
	refused := called && o.Verdict == job.Unavailable && o.Reason == job.Forbidden
	answered := called && o.Verdict != job.Unavailable && o.Verdict != job.Unknown
	if now, turned := h.learn(o, refused, answered); turned {
		h.tell(now)
	}
}

func (h *hold) learn(o job.Outcome, refused, answered bool) (now HoldState, turned bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case refused:
		turned = h.refuse(o)
	case h.now.Held && answered:
		h.now, h.tries, h.probing, turned = HoldState{Since: time.Now()}, 0, false, true
	case h.probing:
		h.probing = false // somebody else's turn
	default:
		return h.now, false
	}
	close(h.changed)
	h.changed = make(chan struct{})
	return h.now, turned
}

// refuse begins the hold, or prolongs it. Answers to calls that were under way
// when it began tell nothing new.
func (h *hold) refuse(o job.Outcome) (turned bool) {
	if h.now.Held && !h.probing {
		return false
	}
	h.tries++
	turned = !h.now.Held
	if turned {
		h.now = HoldState{Held: true, Since: time.Now(), Reason: o.Reason, Detail: o.Detail}
	}
	h.now.Until = time.Now().Add(retry.Backoff(firstHold, longestHold, h.tries, rand.Float64()))
	h.probing = false
	return turned
}

func (h *hold) tell(now HoldState) {
	state := telemetry.GateOpen
	if now.Held {
		state = telemetry.GateShut
	}
	h.events.GateChanged(telemetry.GateChanged{
		Connection: h.connection, Route: h.route, State: state, Since: now.Since,
		Reason: now.Reason, Detail: now.Detail, Pending: -1,
	})
}

// watch tells whether messages may be pulled, and gives a channel that is
// closed when that may have changed. A held route pulls again when the next try
// is due: it may have no message left in hand to make it with.
func (h *hold) watch() (free bool, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.now.Held || !h.probing && time.Now().After(h.now.Until), h.changed
}

func (h *hold) state() HoldState {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}
