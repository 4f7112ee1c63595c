package consumer

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/orchestrator"
)

// What has not begun when the consumer stops is noted as not sent and handed
// back at once; calls under way come to their end.
func TestStopHandsBackWhatHasNotBegun(t *testing.T) {
	t.Parallel()
	b := newRig(t, 5*time.Minute) // nothing comes back by itself
	release := make(chan struct{})
	g := newTarget(until(release, delivered()))
	g.slots = make(chan struct{}, 3)
	b.publish(ids(40)...)
	r := b.start(g, func(s *Settings) { s.MaxInFlight = 30 })
	await(t, "a full hand", func() bool { return r.InHand() == 30 && len(g.calls()) == 3 })
	r.stop()

	next := newTarget(nil)
	b.start(next, nil)
	await(t, "the others' deliveries", func() bool { return len(next.calls()) == 37 })
	for _, try := range next.calls() {
		if try.Again || !try.FirstTry.IsZero() {
			t.Errorf("%s: not taken for a first try", try.Request.ID)
		}
	}
	select {
	case <-r.done:
		t.Error("Run returned before its calls")
	default:
	}
	close(release)
	r.stopped()
	tally := r.Tally()
	if f, h, l := tally.Finished.Load(), tally.HandedBack.Load(), tally.Left.Load(); f != 3 || h != 27 || l != 0 {
		t.Errorf("finished %d, handed back %d, left %d; want 3, 27, 0", f, h, l)
	}
	await(t, "the acks", func() bool { return b.left() == 0 })
	b.noRecords()
}

// A pull that is still under way at the stop does not bring back what is handed
// back.
func TestHandedBackIsNotPulledAgain(t *testing.T) {
	t.Parallel()
	b := newRig(t, 5*time.Minute)
	g := newTarget(nil)
	g.slots = make(chan struct{}) // nobody gets one
	r := b.start(g, nil)
	b.publish("one", "two")
	await(t, "two in hand", func() bool { return r.InHand() == 2 })
	r.awaitLongPull(b)
	b.publish("three") // after which a pull for many begins
	await(t, "three in hand", func() bool { return r.InHand() == 3 })
	r.stopped()
	for _, line := range b.lines("delivery.settled") {
		if line["delivery"] != uint64(1) || line["disposition"] != "nak" {
			t.Errorf("settled as %v", line)
		}
	}
	if n := b.settled(); n != 3 {
		t.Errorf("%d deliveries settled, want 3", n)
	}
}

// noRecords fails the test if the ledger holds a record of any message.
func (b *rig) noRecords() {
	b.t.Helper()
	kv, err := b.js.KeyValue(context.Background(), bucket)
	if err != nil {
		b.t.Fatal(err)
	}
	await(b.t, "an empty ledger", func() bool {
		keys, err := kv.ListKeys(context.Background())
		if err != nil {
			b.t.Fatal(err)
		}
		n := 0
		for range keys.Keys() {
			n++
		}
		return n == 0
	})
}

// Consumers come and go while messages flow. The ack wait is longer than the
// test: a delivery that is lost on the way would be missed.
func TestStopLosesNoDelivery(t *testing.T) {
	t.Parallel()
	b := newRig(t, 5*time.Minute)
	g := newTarget(func(context.Context, orchestrator.Try) orchestrator.Result {
		time.Sleep(100 * time.Microsecond)
		return delivered()
	})
	const rounds, each = 12, 150
	all := ids(rounds * each)
	for i := range rounds {
		published := make(chan struct{})
		go func() {
			defer close(published)
			for _, id := range all[i*each : (i+1)*each] {
				if _, err := b.js.PublishAsync("jobs.invoices.a", []byte(id)); err != nil {
					t.Error(err)
				}
			}
		}()
		r := b.start(g, nil)
		enough := len(g.calls()) + each/3
		await(t, "the flow", func() bool { return len(g.calls()) > enough })
		r.stopped()
		<-published
	}
	b.start(g, nil)
	await(t, "every message", func() bool { return len(g.calls()) >= len(all) && b.left() == 0 })
	slices.Sort(all)
	if diff := cmp.Diff(all, g.called()); diff != "" {
		t.Errorf("not each once (-want +got):\n%s", diff)
	}
	for _, try := range g.calls() {
		if try.Again {
			t.Errorf("%s: taken for a second try", try.Request.ID)
		}
	}
}

func TestRunEndsAtOnceWhenIdle(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	r := b.start(newTarget(nil), nil)
	r.awaitLongPull(b)
	began := time.Now()
	r.stopped()
	if took := time.Since(began); took > 800*time.Millisecond {
		t.Errorf("took %v", took)
	}
	if n := b.info().NumWaiting; n != 0 {
		t.Errorf("%d pulls still wait", n)
	}
}

// A server that is gone cannot be waited for.
func TestRunEndsWithoutAServer(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := newTarget(nil)
	b.publish(ids(3)...)
	g.slots = make(chan struct{}) // nobody gets one
	nc := b.server.Conn(t)
	r := b.startOn(nc, g, nil)
	await(t, "three in hand", func() bool { return r.InHand() == 3 })
	b.server.Shutdown()
	await(t, "loss of the connection", func() bool { return !nc.IsConnected() })
	began := time.Now()
	r.stopped()
	if took := time.Since(began); took > drainLimit {
		t.Errorf("took %v", took)
	}
	if n := r.Tally().Left.Load(); n != 3 {
		t.Errorf("left %d messages, want 3", n)
	}
}

func TestRunEndsAfterTheConnectionWasClosed(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	nc := b.server.Conn(t)
	r := b.startOn(nc, newTarget(nil), nil)
	await(t, "ready", r.Ready)
	nc.Close()
	r.stopped()
	late := New(b.settings(b.server.Conn(t), newTarget(nil)))
	late.NATS = nc
	late.keeper.nc = nc
	if err := late.Run(t.Context(), t.Context()); err == nil {
		t.Error("no error on a connection that is closed")
	}
}

// Not parallel: the others' goroutines must not come between.
func TestRunLeavesNoGoroutine(t *testing.T) {
	b := newRig(t, 30*time.Second)
	nc := b.server.Conn(t)
	b.publish(ids(20)...)
	work := func(settled int) {
		r := b.startOn(nc, newTarget(nil), nil)
		b.awaitSettled(settled)
		r.stopped()
	}
	work(20) // what the server and the connection begin with their first use
	before := goleak.IgnoreCurrent()
	b.publish(ids(20)...)
	work(40)
	goleak.VerifyNone(t, before)
}
