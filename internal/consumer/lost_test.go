package consumer

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/orchestrator"
)

// What vanishes while the consumer runs is said once, and comes back without a
// restart.
func TestLostAndFound(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*testing.T, *rig){
		"consumer deleted": func(t *testing.T, b *rig) {
			if err := b.js.DeleteConsumer(t.Context(), "JOBS", route); err != nil {
				t.Fatal(err)
			}
		},
		"stream deleted": func(t *testing.T, b *rig) {
			if err := b.js.DeleteStream(t.Context(), "JOBS"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for when, busy := range map[string]bool{"waiting": false, "with a full hand": true} {
			t.Run(name+"/"+when, func(t *testing.T) {
				t.Parallel()
				loseConsumer(t, lose, busy)
			})
		}
	}
}

// loseConsumer has a consumer lose its ground while a pull of it waits, or while
// it has none because there is no room.
func loseConsumer(t *testing.T, lose func(*testing.T, *rig), busy bool) {
	b := newRig(t, 30*time.Second)
	g := newTarget(nil)
	g.slots = make(chan struct{}, 1)
	var allowed atomic.Bool
	allowed.Store(true)
	c := New(b.settings(b.server.Conn(t), g))
	find := c.Find
	c.Find = func(ctx context.Context) (Durable, error) {
		if !allowed.Load() {
			return Durable{}, errInjected
		}
		return find(ctx)
	}
	c.MaxInFlight = 2
	r := run(t, c)
	b.publish("before")
	b.awaitSettled(1)
	if busy {
		g.slots <- struct{}{}
		b.publish("one", "two")
		await(t, "a full hand", func() bool { return r.InHand() == 2 })
	}
	allowed.Store(false)
	lose(t, b)
	if busy {
		<-g.slots // there is room again, and it pulls
	}
	await(t, "the loss", func() bool { return !r.Ready() })
	r.turns(2)
	if lost := b.lines("consumer.lost"); len(lost) != 1 || lost[0]["route"] != route || lost[0]["stream"] != "JOBS" || lost[0]["error"] == nil {
		t.Errorf("consumer.lost %v", lost)
	}
	allowed.Store(true)
	await(t, "the way back", r.Ready)
	b.publish("after")
	await(t, "the call", func() bool { return contains(g.called(), "after") })
	if n := len(b.lines("consumer.lost")); n != 1 {
		t.Errorf("consumer.lost %d times", n)
	}
}

func contains(all []string, one string) bool {
	return slices.Contains(all, one)
}

// restart restarts the server for the n-th time, and waits for the test's own
// connection.
func (b *rig) restart(n uint64) {
	b.t.Helper()
	b.server.Restart(b.t)
	await(b.t, "a new connection", func() bool {
		return b.js.Conn().Stats().Reconnects == n && b.js.Conn().IsConnected()
	})
}

// The server is restarted, idle and with messages in hand: it goes on by itself.
func TestServerRestart(t *testing.T) {
	t.Parallel()
	b := newRig(t, 2*time.Second)
	release := make(chan struct{})
	var wait atomic.Bool
	slow := until(release, delivered())
	g := newTarget(func(ctx context.Context, try orchestrator.Try) orchestrator.Result {
		if wait.Load() {
			return slow(ctx, try)
		}
		return delivered()
	})
	r := b.start(g, nil)
	await(t, "ready", r.Ready)
	b.restart(1)
	b.publish(ids(50)...)
	await(t, "the first fifty", func() bool { return len(g.calls()) >= 50 })

	wait.Store(true)
	b.publish(ids(50)...)
	await(t, "a full hand, or nearly", func() bool { return r.InHand() > 12 })
	b.restart(2)
	close(release)
	await(t, "an empty stream", func() bool { return b.left() == 0 })
}

// A finding from before the loss says nothing about now.
func TestOldFinding(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	c := New(b.settings(b.server.Conn(t), newTarget(nil)))
	var asked atomic.Int64
	c.Find = func(context.Context) (Durable, error) {
		asked.Add(1)
		return Durable{}, nil
	}
	l := newLooper(c, &puller{inbox: &inbox{}})
	began := time.Now()
	l.finding = true // one is under way
	l.lost(errors.New("gone"))
	l.foundOut(t.Context(), finding{began: began.Add(-time.Second), durable: Durable{AckWait: time.Minute}})
	if l.there || c.Ready() {
		t.Error("taken for there")
	}
	c.wg.Wait()
	l.foundOut(t.Context(), receive(t, l.found, "another search"))
	if !l.there || !c.Ready() || asked.Load() != 1 {
		t.Errorf("there %t, asked %d times", l.there, asked.Load())
	}
}

// Nothing is there at the start, not even the stream, and nobody can make it.
func TestNothingThereAtStart(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	var tries atomic.Int64
	g := newTarget(nil)
	r := b.start(g, func(s *Settings) {
		find := s.Find
		s.Find = func(ctx context.Context) (Durable, error) {
			if tries.Add(1) < 3 {
				return Durable{}, errInjected
			}
			return find(ctx)
		}
	})
	await(t, "the first try", func() bool { return tries.Load() == 1 })
	if r.Ready() {
		t.Error("ready before anything was found")
	}
	began := time.Now()
	b.publish("one")
	b.awaitSettled(1)
	if took := time.Since(began); took > inspectEach*2/3 {
		t.Errorf("took %v: it is not looked for each second", took)
	}
	if n := len(b.lines("consumer.lost")); n != 1 {
		t.Errorf("consumer.lost %d times", n)
	}
}

// The server forgets a pull and says nothing, as it does when nobody listens at
// the moment: it is asked anew.
func TestForgottenPull(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	p := newProxy(t, b.server)
	nc := p.conn(t, nats.ReconnectWait(20*time.Millisecond))
	r := b.startOn(nc, newTarget(nil), nil)
	r.awaitLongPull(b)
	p.shut(true)
	await(t, "loss of the connection", func() bool { return !nc.IsConnected() })
	b.publish("one")
	await(t, "end of the pull", func() bool { return b.info().NumWaiting == 0 })
	p.shut(false)
	began := time.Now()
	if line := b.awaitSettled(1); line["delivery"] != uint64(1) {
		t.Errorf("settled as %v", line)
	}
	if took := time.Since(began); took > idleExpires/2 {
		t.Errorf("took %v", took)
	}
}
