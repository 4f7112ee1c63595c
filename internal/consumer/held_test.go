package consumer

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// A route whose folder is refused is held as a whole: one message tries, nothing
// more is pulled, no attempt is spent, and all of it goes on when that works.
func TestForbiddenHoldsTheRoute(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	var healed atomic.Bool
	g := newTarget(func(context.Context, orchestrator.Try) orchestrator.Result {
		if healed.Load() {
			return delivered()
		}
		return orchestrator.Result{Outcome: forbidden}
	})
	g.slots = make(chan struct{}, 1)
	c := New(b.settings(b.server.Conn(t), g))
	c.hold.first, c.hold.longest, c.hold.reminder = 500*time.Millisecond, 500*time.Millisecond, time.Second
	r := run(t, c)
	b.publish("first")
	await(t, "the hold", func() bool { return r.Hold().Held && b.info().NumWaiting == 0 })
	b.publish(ids(20)...)
	await(t, "more tries", func() bool { return len(g.calls()) >= 4 })
	r.turns(1)
	if info := b.info(); info.Delivered.Consumer != 1 || b.settled() != 0 {
		t.Errorf("%d messages taken, %d settled, while the route is held", info.Delivered.Consumer, b.settled())
	}
	if h := r.Hold(); h.Reason != job.Forbidden || h.Detail != "folder Finance" || h.Since.IsZero() || h.Until.Before(h.Since) {
		t.Errorf("the hold is %+v", h)
	}
	await(t, "a reminder", func() bool { return len(b.lines("gate.changed")) >= 2 })
	healed.Store(true)
	b.awaitSettled(21)
	for _, line := range b.lines("delivery.settled") {
		if line["delivery"] != uint64(1) || line["attempt"] != 1 || line["disposition"] != "ack" {
			t.Errorf("settled as %v", line)
		}
	}
	if r.Hold().Held {
		t.Error("still held")
	}
}

// With no message left in hand the route pulls one to try with.
func TestHeldRoutePullsOneToTry(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := newTarget(nil)
	c := New(b.settings(b.server.Conn(t), g))
	c.hold.first, c.hold.longest = 10*time.Millisecond, 10*time.Millisecond
	c.hold.leave(false, refused, forbidden)
	release := make(chan struct{})
	g.call = until(release, delivered())
	b.publish(ids(10)...)
	r := run(t, c)
	await(t, "a try", func() bool { return len(g.calls()) == 1 })
	r.turns(2)
	if n := b.info().Delivered.Consumer; n != 1 {
		t.Errorf("%d messages taken to try with", n)
	}
	close(release)
	b.awaitSettled(10)
}

// A message that is held by the route and taken from us by the server leaves,
// and another one tries.
func TestLeaseLostWhileHeld(t *testing.T) {
	t.Parallel()
	b := newRig(t, time.Second)
	p := newProxy(t, b.server)
	g := newTarget(nil)
	g.call = func(context.Context, orchestrator.Try) orchestrator.Result {
		if len(g.calls()) == 1 {
			return orchestrator.Result{Outcome: forbidden}
		}
		return delivered()
	}
	c := New(b.settings(p.conn(t), g))
	c.hold.first, c.hold.longest = 3*time.Second, 3*time.Second
	r := run(t, c)
	b.publish("one")
	await(t, "the hold", func() bool { return r.Hold().Held })
	p.freeze()
	if line := b.awaitSettled(1); line["reason"] != "lease_lost" || line["disposition"] != "leave" {
		t.Errorf("settled as %v", line)
	}
	p.cut()
	p.thaw()
	await(t, "the next delivery", func() bool { return b.left() == 0 })
	if r.Hold().Held || len(g.calls()) != 2 {
		t.Errorf("held %t after %d calls", r.Hold().Held, len(g.calls()))
	}
}
