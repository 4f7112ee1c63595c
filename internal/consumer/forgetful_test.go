package consumer

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// bare is a consumer and its loop, without a pull of its own.
func (b *rig) bare(t *testing.T, g *target, change func(*Settings)) *looper {
	t.Helper()
	s := b.settings(b.server.Conn(t), g)
	if change != nil {
		change(&s)
	}
	c := New(s)
	c.work, c.books = t.Context(), t.Context()
	return newLooper(c, &puller{inbox: &inbox{}})
}

// A server that was killed counts deliveries anew. What this worker acked it does
// not send again.
func TestForgottenDeliveryOfAnAckedMessage(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := newTarget(nil)
	l := b.bare(t, g, nil)
	at := time.Now()
	for n := range 2 {
		l.receive(message(1, 1, at))
		l.crew.rest()
		b.awaitSettled(n + 1)
	}
	if line := b.awaitSettled(2); line["verdict"] != "duplicate" || line["disposition"] != "ack" || len(g.calls()) != 1 {
		t.Errorf("%d calls, settled as %v", len(g.calls()), line)
	}
}

// Nor does it work twice at a time on what it has in hand: the later delivery
// waits for the end of the earlier one, and knows what came of it.
func TestForgottenDeliveryOfAMessageInHand(t *testing.T) {
	t.Parallel()
	unclear := orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unknown, Called: true}}
	for name, c := range map[string]struct {
		first orchestrator.Result
		calls int
		again bool // of the second call
	}{
		"delivered": {delivered(), 1, false},
		"unclear":   {unclear, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			release := make(chan struct{})
			g := newTarget(nil)
			g.call = func(context.Context, orchestrator.Try) orchestrator.Result {
				if len(g.calls()) == 1 {
					<-release
					return c.first
				}
				return delivered()
			}
			l := b.bare(t, g, nil)
			at := time.Now()
			l.receive(message(1, 1, at))
			await(t, "the call", func() bool { return len(g.calls()) == 1 })
			l.receive(message(1, 1, at))
			close(release)
			l.crew.rest()
			b.awaitSettled(2)
			if n := len(g.calls()); n != c.calls {
				t.Fatalf("%d calls", n)
			}
			if try := g.calls()[c.calls-1]; try.Again != c.again {
				t.Errorf("tried as %+v", try)
			}
		})
	}
}

// An earlier delivery that ends before the later one looks for it leaves word
// whether the message may have been sent.
func TestAnEarlierDeliveryLeavesWord(t *testing.T) {
	t.Parallel()
	at := time.Now()
	for name, c := range map[string]struct {
		earlier func(*delivery)
		sent    bool
	}{
		"sent":                          {func(d *delivery) { d.began = at }, true},
		"not begun":                     {func(*delivery) {}, false},
		"in doubt itself":               {func(d *delivery) { d.again = true }, true},
		"redelivered, and not recalled": {func(d *delivery) { d.meta.NumDelivered = 2 }, true},
		"redelivered, and not sent":     {func(d *delivery) { d.meta.NumDelivered, d.recalled = 2, true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHand()
			add := func() *delivery {
				d := &delivery{meta: &nats.MsgMetadata{Sequence: nats.SequencePair{Stream: 1}, NumDelivered: 1, Timestamp: at}}
				h.add(d)
				return d
			}
			earlier := add()
			later := add()
			c.earlier(earlier)
			h.remove(earlier.number)
			if other, _ := h.before(later); other != nil || !later.second || later.sentBefore != c.sent {
				t.Errorf("another: %t, second: %t, sent before: %t", other != nil, later.second, later.sentBefore)
			}
			h.remove(later.number)
			if last := add(); last.second {
				t.Error("it is not alone")
			}
		})
	}
}

// One that waits for its turn is given up for the later one, and not in doubt.
func TestRedeliveryOfWhatWaits(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := newTarget(nil)
	g.set(false)
	l := b.bare(t, g, nil)
	at := time.Now()
	l.receive(message(1, 1, at))
	await(t, "it to be held", func() bool { return l.held.Load() == 1 })
	again := message(1, 2, at)
	again.Reply = strings.Replace(again.Reply, ".2.1.1.", ".2.1.2.", 1) // later in the durable consumer
	l.receive(again)
	b.awaitSettled(1)
	g.set(true)
	l.crew.rest()
	if line := b.awaitSettled(2); line["verdict"] != "delivered" || line["delivery"] != uint64(2) {
		t.Errorf("settled as %v", line)
	}
	if try := g.calls()[0]; try.Again {
		t.Errorf("tried as %+v", try)
	}
}

// After the connection was made anew a first delivery is asked for in the ledger.
func TestFirstDeliveryAfterAReconnect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		published time.Duration // since the reconnect
		asked     int
	}{
		"of before": {-time.Minute, 1},
		"of after":  {time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			book := newBook()
			g := newTarget(nil)
			l := b.bare(t, g, func(s *Settings) { s.Ledger = book })
			at := time.Now().Add(c.published)
			since := time.Now().Add(-time.Hour)
			book.put(ledger.MessageKey(route, 1, at), ledger.Record{UnknownSince: since, FirstTry: since})
			l.Consumer.reconnected.Store(time.Now().UnixNano())
			l.receive(message(1, 1, at))
			l.crew.rest()
			if try := g.calls()[0]; book.looked() != c.asked || try.Again != (c.asked == 1) {
				t.Errorf("asked %d times, tried as %+v", book.looked(), try)
			}
		})
	}
}

// What a killed server may have delivered, and forgot, may have been sent.
func TestFirstDeliveryOfAKilledServer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		forgetful bool
		sequence  uint64
		published time.Duration // since the worker was made
		again     bool
	}{
		"just after the last one known": {true, 8, -time.Minute, true},
		"far behind it":                 {true, 8 + mostForgotten, -time.Minute, false},
		"of now":                        {true, 8, time.Minute, false},
		"a server that ended in order":  {false, 8, -time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			g := newTarget(nil)
			l := b.bare(t, g, func(s *Settings) { s.Forgetful = c.forgetful })
			l.foundOut(t.Context(), finding{began: time.Now(), durable: Durable{AckWait: 30 * time.Second, Delivered: 7}})
			l.receive(message(c.sequence, 1, time.Now().Add(c.published)))
			l.crew.rest()
			if try := g.calls()[0]; try.Again != c.again {
				t.Errorf("tried as %+v", try)
			}
		})
	}
}

// A ledger that was made anew knows nothing: that nobody claimed a request there
// does not mean that nobody sent it.
func TestLedgerYoungerThanTheMessage(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]time.Duration{"older": -time.Hour, "younger": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			b.redelivered("one")
			book := newBook()
			book.made = time.Now().Add(made)
			g := claiming(nil)
			b.start(g, func(s *Settings) { startJobs(s); s.Ledger = book })
			b.awaitSettled(1)
			if try := g.calls()[0]; try.Again != (made > 0) {
				t.Errorf("tried as %+v", try)
			}
		})
	}
}
