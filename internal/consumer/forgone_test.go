package consumer

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/telemetry"
)

func onceMore(sequence, delivered uint64, again bool) *delivery {
	return &delivery{
		meta:  &nats.MsgMetadata{NumDelivered: delivered, Sequence: nats.SequencePair{Stream: sequence, Consumer: 10 * delivered}},
		again: again,
	}
}

// counted is the delivery at a place among all of its durable consumer.
func counted(d *delivery, place uint64) *delivery {
	d.meta.Sequence.Consumer = place
	return d
}

// What was given up unbegun is known as it was, if the very next delivery comes
// here; and not if somebody else had it in between.
func TestForgone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given, next  *delivery
		again, known bool
	}{
		"the next delivery":          {onceMore(1, 1, false), onceMore(1, 2, true), false, true},
		"with a doubt from before":   {onceMore(1, 3, true), onceMore(1, 4, true), true, true},
		"somebody had it meanwhile":  {onceMore(1, 1, false), onceMore(1, 3, true), false, false},
		"the same delivery":          {onceMore(1, 2, false), onceMore(1, 2, true), false, false},
		"the consumer was made anew": {counted(onceMore(1, 1, false), 900), counted(onceMore(1, 2, true), 7), false, false},
		"another message":            {onceMore(1, 1, false), onceMore(2, 2, true), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f forgone
			f.add(c.given)
			again, known := f.take(c.next)
			if known != c.known || known && again != c.again {
				t.Errorf("again %v, known %v", again, known)
			}
			if _, known := f.take(c.next); known {
				t.Error("known a second time")
			}
		})
	}
}

func TestForgoneIsBounded(t *testing.T) {
	t.Parallel()
	var f forgone
	for i := range uint64(mostForgone + 10) {
		f.add(onceMore(i, 1, false))
	}
	if n := len(f.all); n > mostForgone {
		t.Errorf("%d are remembered", n)
	}
}

// A durable consumer that was made anew may have given the message to anyone.
func TestForgoneEndsWithTheDurableConsumer(t *testing.T) {
	t.Parallel()
	c := New(Settings{Metrics: telemetry.NewMetrics(telemetry.Build{}).Route(route)})
	l := newLooper(c, &puller{inbox: &inbox{}})
	now := time.Now()
	l.foundOut(t.Context(), finding{began: now, durable: Durable{AckWait: time.Minute, Created: now}})
	c.forgone.add(onceMore(1, 1, false))
	c.forgone.add(onceMore(2, 1, false))
	l.foundOut(t.Context(), finding{began: now, durable: Durable{AckWait: time.Minute, Created: now}})
	if _, known := c.forgone.take(onceMore(1, 2, true)); !known {
		t.Error("forgotten, and the consumer is the same")
	}
	l.foundOut(t.Context(), finding{began: now, durable: Durable{AckWait: time.Minute, Created: now.Add(time.Second)}})
	if _, known := c.forgone.take(onceMore(2, 2, true)); known {
		t.Error("known from a consumer that is no more")
	}
}

// A message that was given up unbegun, without a note, comes back here: it is a
// first try, for nobody else had it.
func TestGivenUpAndBack(t *testing.T) {
	t.Parallel()
	b := newRig(t, time.Second)
	p := newProxy(t, b.server)
	g := newTarget(nil)
	g.slots = make(chan struct{}, 1)
	g.slots <- struct{}{}
	r := b.startOn(p.conn(t), g, func(s *Settings) { s.MaxInFlight = 1 })
	b.publish("one")
	await(t, "a message in hand", func() bool { return r.InHand() == 1 })
	p.freeze()
	if line := b.awaitSettled(1); line["reason"] != "lease_lost" {
		t.Errorf("settled as %v", line)
	}
	p.thaw()
	<-g.slots
	await(t, "the call", func() bool { return len(g.calls()) == 1 })
	if try := g.calls()[0]; try.Again || !try.FirstTry.IsZero() {
		t.Errorf("again %t, first try %v", try.Again, try.FirstTry)
	}
	await(t, "the ack", func() bool { return b.left() == 0 })
}

// An ack that got lost brings its message back: it is acked once more, without a
// call and without the ledger.
func TestLostAck(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.redelivered("one")
	g, book := newTarget(nil), newBook()
	s := b.settings(b.server.Conn(t), g)
	s.Ledger = book
	c := New(s)
	c.acked.add(b.place(1))
	run(t, c)
	line := b.awaitSettled(1)
	if line["verdict"] != "duplicate" || line["disposition"] != "ack" || line["request_id"] != "one" || len(g.calls()) != 0 || book.looked() != 0 {
		t.Errorf("%d calls, %d loads, settled as %v", len(g.calls()), book.looked(), line)
	}
	await(t, "the ack", func() bool { return b.left() == 0 })
}
