package consumer

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

var deadHash = strings.Repeat("0123456789abcdef", 2)

// replayed publishes a message as a replay of a dead letter does.
func (b *rig) replayed(payload, messageID string) {
	b.t.Helper()
	m := &nats.Msg{Subject: "jobs.invoices.a", Data: []byte(payload), Header: nats.Header{"Nats-Msg-Id": {messageID}}}
	if _, err := b.js.PublishMsg(context.Background(), m); err != nil {
		b.t.Fatal(err)
	}
}

func (b *rig) past(r ledger.Record) {
	b.t.Helper()
	if _, err := b.ledger.Store(context.Background(), ledger.PastKey(deadHash), 0, r); err != nil {
		b.t.Fatal(err)
	}
}

// A replayed message whose past says that it may have been carried out is no
// first try.
func TestAReplayedMessageHasAPast(t *testing.T) {
	t.Parallel()
	first := time.Now().Add(-time.Hour).UTC()
	since := first.Add(time.Minute)
	for name, c := range map[string]struct {
		id     string
		past   *ledger.Record
		claims bool
		again  bool
	}{
		"with a past":                 {deadletter.MessageID(deadHash), &ledger.Record{FirstTry: first, UnknownSince: since}, false, true},
		"without one":                 {deadletter.MessageID(deadHash), nil, false, false},
		"no replay":                   {"replay-me", &ledger.Record{FirstTry: first, UnknownSince: since}, false, false},
		"with a past, and no claim":   {deadletter.MessageID(deadHash), &ledger.Record{FirstTry: first, UnknownSince: since}, true, true},
		"without one, and no claim":   {deadletter.MessageID(deadHash), nil, true, false},
		"a past that says but little": {deadletter.MessageID(deadHash), &ledger.Record{FirstTry: first}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			if c.past != nil {
				b.past(*c.past)
			}
			g := newTarget(nil)
			g.claim = c.claims
			b.replayed("one", c.id)
			b.start(g, startJobs)
			b.awaitSettled(1)
			try := g.calls()[0]
			if try.Again != c.again {
				t.Fatalf("again %t", try.Again)
			}
			if c.again && (!try.FirstTry.Equal(first) || try.UnknownSince.Before(since) || try.Skew == 0) {
				t.Errorf("first try %v, unknown since %v, skew %v", try.FirstTry, try.UnknownSince, try.Skew)
			}
			await(t, "the end", func() bool { return b.left() == 0 })
			if c.again {
				await(t, "the past is forgotten", func() bool {
					e, err := b.ledger.Load(t.Context(), ledger.PastKey(deadHash))
					return err == nil && e.Revision == 0
				})
			}
		})
	}
}

// The past counts for every delivery until the message is settled, also where
// the claim that was made of it is another worker's.
func TestThePastOutlivesADelivery(t *testing.T) {
	t.Parallel()
	for name, claims := range map[string]bool{"an item": false, "a job": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			first := time.Now().Add(-time.Hour).UTC()
			b.past(ledger.Record{FirstTry: first, UnknownSince: first.Add(time.Minute)})
			g := newTarget(nil)
			g.claim = claims
			g.call = func(context.Context, orchestrator.Try) orchestrator.Result {
				if len(g.calls()) < 3 {
					return lostAnswer
				}
				return delivered()
			}
			b.replayed("one", deadletter.MessageID(deadHash))
			b.start(g, func(s *Settings) { startJobs(s); s.Policy.First = 10 * time.Millisecond })
			b.awaitSettled(3)
			for i, try := range g.calls() {
				if !try.Again || !try.FirstTry.Equal(first) {
					t.Errorf("try %d: again %t, first try %v", i, try.Again, try.FirstTry)
				}
			}
		})
	}
}

// A worker that died in a call for a replayed message leaves a doubt that is
// younger than the dead letter's.
func TestARedeliveryIsYoungerThanItsPast(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.past(ledger.Record{FirstTry: time.Now().Add(-2 * time.Hour), UnknownSince: time.Now().Add(-time.Hour)})
	b.replayed("one", deadletter.MessageID(deadHash))
	consumer, err := b.js.Consumer(t.Context(), "JOBS", route)
	if err != nil {
		t.Fatal(err)
	}
	lost, err := consumer.Next()
	if err == nil {
		err = lost.Nak()
	}
	if err != nil {
		t.Fatal(err)
	}
	g := newTarget(nil)
	began := time.Now()
	b.start(g, func(s *Settings) { s.CallLimit = time.Minute })
	b.awaitSettled(1)
	if try := g.calls()[0]; !try.Again || try.UnknownSince.Before(began.Add(time.Minute)) {
		t.Errorf("again %t, unknown since %v", try.Again, try.UnknownSince)
	}
}

// While the ledger cannot say what the past is, nothing is begun.
func TestAPastThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	book := newBook()
	book.onLoad = func(n int) error {
		if n < 3 {
			return errors.New("no answer")
		}
		return nil
	}
	book.entries[ledger.PastKey(deadHash)] = ledger.Entry{Record: ledger.Record{UnknownSince: time.Now()}, Revision: 7}
	g := newTarget(nil)
	b.replayed("one", deadletter.MessageID(deadHash))
	b.start(g, func(s *Settings) { s.Ledger = book; s.Policy.First = 10 * time.Millisecond })
	await(t, "the end", func() bool { return b.left() == 0 })
	if calls := g.calls(); len(calls) != 1 || !calls[0].Again {
		t.Errorf("%d calls: %+v", len(calls), calls)
	}
}

// The past is forgotten only once the server has the ack: it alone tells when
// that was made which is to be found.
func TestThePastOutlivesALostAck(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.past(ledger.Record{FirstTry: time.Now(), UnknownSince: time.Now()})
	var gone atomic.Bool // one that was made anew would take the ack
	g := newTarget(nil)
	g.call = func(context.Context, orchestrator.Try) orchestrator.Result {
		gone.Store(true)
		if err := b.js.DeleteConsumer(context.Background(), "JOBS", route); err != nil {
			t.Error(err)
		}
		return delivered()
	}
	b.replayed("one", deadletter.MessageID(deadHash))
	b.start(g, func(s *Settings) {
		find := s.Find
		s.Find = func(ctx context.Context) (Durable, error) {
			if gone.Load() {
				return Durable{}, jetstream.ErrConsumerNotFound
			}
			return find(ctx)
		}
	})
	b.awaitSettled(1)
	if e, err := b.ledger.Load(t.Context(), ledger.PastKey(deadHash)); err != nil || e.Revision == 0 {
		t.Errorf("%+v, %v", e, err)
	}
}
