package consumer

import (
	"fmt"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// The guard trips when more than half of the last answers are refusals, once
// there are a few, and closes after some probes that are not refused.
const (
	lastAnswers   = 50
	fewestAnswers = 20
	goodProbes    = 3
)

// judge tells whether an outcome is the orchestrator's word on a request, and
// whether that word is no. What was decided without it does not count, nor does
// an answer that tells nothing of the request.
func judge(o job.Outcome) (refused, counts bool) {
	switch {
	case o.Reason == job.Forbidden:
		return true, true
	case o.Verdict == job.Rejected:
		// Without a call that acts it is the word of a look-up: no such process.
		refused = o.Called || o.Reason == job.NotFound || o.Reason == job.RejectedByTarget
		return refused, refused
	case o.Verdict == job.Delivered, o.Verdict == job.Duplicate, o.Verdict == job.Busy, o.Verdict == job.Deferred:
		return false, true
	default:
		return false, false
	}
}

// recent remembers which of the last answers were refusals. The zero value has
// none.
type recent struct {
	refused  [lastAnswers]bool
	next     int
	answers  int
	refusals int
}

func (r *recent) add(refused bool) {
	if r.refused[r.next] {
		r.refusals--
	}
	if refused {
		r.refusals++
	}
	r.refused[r.next] = refused
	r.next = (r.next + 1) % lastAnswers
	r.answers = min(r.answers+1, lastAnswers)
}

// mostlyRefused reports whether so much is refused that the requests are hardly
// at fault themselves.
func (r *recent) mostlyRefused() bool {
	return r.answers >= fewestAnswers && 2*r.refusals > r.answers
}

// guarding reports whether the guard has tripped. The lock is held.
func (h *hold) guarding() bool { return h.now.Held && h.now.Reason == job.RejectGuard }

// trip begins the hold of a route of which too much is refused; o is the last
// refusal. The lock is held.
func (h *hold) trip(o job.Outcome) (say func()) {
	h.tries, h.good = 1, 0
	h.told, h.reminded = time.Now(), false
	h.now = HoldState{
		Held: true, Since: time.Now(), Reason: job.RejectGuard, Until: h.nextTry(),
		Detail: fmt.Sprintf("%d of the last %d answers were refusals; the last: %s", h.recent.refusals, h.recent.answers, reasonAnd(o)),
	}
	e := telemetry.GuardTripped{
		Route: h.route, Connection: h.connection, Refused: h.recent.refusals, Answers: h.recent.answers,
		Reason: o.Reason, Detail: o.Detail, NextTry: h.now.Until,
	}
	return func() { h.events.GuardTripped(e) }
}

func reasonAnd(o job.Outcome) string {
	if o.Detail == "" {
		return string(o.Reason)
	}
	return string(o.Reason) + ", " + o.Detail
}

// probed learns from a probe while the guard has tripped. One that tells nothing
// leaves its turn to another message. The lock is held.
func (h *hold) probed(o job.Outcome) (say func()) {
	refused, counts := judge(o)
	switch {
	case !counts:
	case refused:
		h.tries++
		h.now.Until = h.nextTry()
	case h.good+1 < goodProbes:
		h.good++
		h.now.Until = time.Now()
	default:
		held := time.Since(h.now.Since)
		h.now, h.tries, h.recent = HoldState{Since: time.Now()}, 0, recent{}
		return h.closed(held)
	}
	return nil
}

// closed says that the guard is; where gate.changed told of it, that as well, so
// that no reader takes the route for held for ever. The lock is held.
func (h *hold) closed(held time.Duration) (say func()) {
	now, reminded := h.now, h.reminded
	return func() {
		h.events.GuardClosed(h.route, h.connection, held)
		if reminded {
			h.tell(now)
		}
	}
}

// spare is how long a message that was refused shall stay away, because the
// guard has tripped: until after the next probe, which is to be another message,
// and a probe for longer than others. 0: the answer stands. The lock is held.
func (h *hold) spare(probe bool, o job.Outcome) time.Duration {
	if refused, _ := judge(o); !refused || !h.guarding() {
		return 0
	}
	after := max(h.first, 5*turn) // the loop takes up to a turn to make the probe
	if probe {
		after = h.longest
	}
	return max(0, time.Until(h.now.Until)) + after
}
