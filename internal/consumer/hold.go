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

// A route that is held is tried again after the first wait, doubled up to the
// longest. The log says again now and then that it is held.
const (
	firstHold   = 30 * time.Second
	longestHold = 5 * time.Minute
	reminder    = 5 * time.Minute
)

// HoldState is what a route's hold looks like from outside.
type HoldState struct {
	Held   bool
	Since  time.Time // of the last change; zero: there was none
	Reason job.Reason
	Detail string
	Until  time.Time // of the next try
}

// hold keeps a route back whose own configuration the orchestrator refuses, or
// most of whose requests, and lets one message try now and then. It is held for
// one of the two at a time. It is safe for concurrent use.
type hold struct {
	route, connection string
	events            *telemetry.Events
	count             func() (held, pending int)
	first, longest    time.Duration // waits before a try
	reminder          time.Duration // between two lines about a hold that goes on
	guard             bool          // refusals of requests count too

	mu       sync.Mutex
	now      HoldState
	tries    int
	probing  bool
	recent   recent // answers while the route is free
	good     int    // probes since the guard tripped that were not refused
	told     time.Time
	reminded bool          // of the guard that has tripped
	changed  chan struct{} // closed and replaced when anything changes
}

func newHold(route, connection string, events *telemetry.Events, count func() (held, pending int)) *hold {
	return &hold{
		route: route, connection: connection, events: events, count: count,
		first: firstHold, longest: longestHold, reminder: reminder, changed: make(chan struct{}),
	}
}

// enter waits until the route is free, or until it is this message's turn to
// try for all; held is called once if it waits. leave must follow, unless there
// is an error: the cause of ctx's end.
func (h *hold) enter(ctx context.Context, held func()) (probe bool, err error) {
	for ctx.Err() == nil {
		wait, changed, probe, ok := h.admit()
		if ok {
			return probe, nil
		}
		if held != nil {
			held()
			held = nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return false, context.Cause(ctx)
}

func (h *hold) admit() (wait time.Duration, changed <-chan struct{}, probe, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.now.Held {
		return 0, nil, false, true
	}
	wait = time.Until(h.now.Until)
	switch {
	case h.probing:
		return h.longest, h.changed, false, false
	case wait > 0:
		return wait, h.changed, false, false
	}
	h.probing = true
	return 0, nil, true, true
}

// free reports whether nothing has to wait for the route.
func (h *hold) free() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.now.Held
}

// lesson is what a try tells of the route.
type lesson int

const (
	nothing lesson = iota // it was not made, or was not about the route's own folder
	refused
	free
)

// keeps reports whether the route came to be held since the message entered.
func (h *hold) keeps(probe bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now.Held && !probe
}

// leave learns from a try. spared is how long the message shall stay away where
// its refusal is not held against it; 0: the outcome stands.
func (h *hold) leave(probe bool, what lesson, o job.Outcome) (spared time.Duration) {
	say, spared := h.learn(probe, what, o)
	if say != nil {
		say()
	}
	return spared
}

// learn says what there is to say about a turn, once the lock is not held.
func (h *hold) learn(probe bool, what lesson, o job.Outcome) (say func(), spared time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.now.Held && !probe: // a call from before the hold tells nothing new
	case h.guarding():
		say = h.probed(o)
	case h.now.Held:
		say = h.tried(what)
	default:
		say = h.answered(what, o)
	}
	if probe {
		h.probing = false // somebody else's turn
	}
	if probe || say != nil {
		close(h.changed)
		h.changed = make(chan struct{})
	}
	return say, h.spare(probe, o)
}

// answered counts an answer, which may begin a hold. The folder's goes before
// the guard's: a try that works ends it.
func (h *hold) answered(what lesson, o job.Outcome) (say func()) {
	denied, counts := judge(o)
	if counts {
		h.recent.add(denied)
	}
	switch {
	case what == refused:
		h.tries = 1
		h.now = HoldState{Held: true, Since: time.Now(), Reason: o.Reason, Detail: o.Detail, Until: h.nextTry()}
		return h.turned()
	case h.guard && denied && h.recent.mostlyRefused():
		return h.trip(o)
	}
	return nil
}

// tried ends the hold, or prolongs it.
func (h *hold) tried(what lesson) (say func()) {
	switch what {
	case refused:
		h.tries++
		h.now.Until = h.nextTry()
	case free:
		h.now, h.tries = HoldState{Since: time.Now()}, 0
		return h.turned()
	}
	return nil
}

func (h *hold) nextTry() time.Time {
	return time.Now().Add(retry.Backoff(h.first, h.longest, h.tries, rand.Float64()))
}

func (h *hold) turned() (say func()) {
	h.told = time.Now()
	now := h.now
	return func() { h.tell(now) }
}

// remind says again that the route is held, by its guard too, if that was not
// said for long.
func (h *hold) remind() {
	h.mu.Lock()
	now := h.now
	due := now.Held && time.Since(h.told) >= h.reminder
	if due {
		h.told, h.reminded = time.Now(), true
	}
	h.mu.Unlock()
	if due {
		h.tell(now)
	}
}

func (h *hold) tell(now HoldState) {
	state := telemetry.GateOpen
	if now.Held {
		state = telemetry.GateShut
	}
	held, pending := h.count()
	h.events.GateChanged(telemetry.GateChanged{
		Connection: h.connection, Route: h.route, State: state, Since: now.Since,
		Reason: now.Reason, Detail: now.Detail, Held: held, Pending: pending,
	})
}

// watch tells whether messages may be pulled, and gives a channel that is
// closed when that may have changed. due tells of a held route that the time
// for the next try has come and nobody makes it: there may be no message left
// in hand.
func (h *hold) watch() (free, due bool, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.now.Held, h.now.Held && !h.probing && !time.Now().Before(h.now.Until), h.changed
}

func (h *hold) state() HoldState {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}
