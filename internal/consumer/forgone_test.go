package consumer

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/ledger"
)

func onceMore(sequence, delivered uint64, again bool) *delivery {
	return &delivery{
		key:  ledger.MessageKey("invoices", sequence, time.Unix(1, 0)),
		meta: &nats.MsgMetadata{NumDelivered: delivered}, again: again,
	}
}

// What was given up unbegun is known as it was, if the very next delivery comes
// here; and not if somebody else had it in between.
func TestForgone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given, next  *delivery
		again, known bool
	}{
		"the next delivery":         {onceMore(1, 1, false), onceMore(1, 2, true), false, true},
		"with a doubt from before":  {onceMore(1, 3, true), onceMore(1, 4, true), true, true},
		"somebody had it meanwhile": {onceMore(1, 1, false), onceMore(1, 3, true), false, false},
		"the same delivery":         {onceMore(1, 2, false), onceMore(1, 2, true), false, false},
		"another message":           {onceMore(1, 1, false), onceMore(2, 2, true), false, false},
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

// The latest acks are remembered, and not all of them.
func TestAcked(t *testing.T) {
	t.Parallel()
	key := func(i uint64) ledger.Key { return ledger.MessageKey("invoices", i, time.Unix(1, 0)) }
	var a acked
	const n = 3 * generation
	for i := range uint64(n) {
		a.add(key(i))
	}
	for i := uint64(n - generation); i < n; i++ {
		if !a.has(key(i)) {
			t.Fatalf("ack %d of %d is forgotten", i, n)
		}
	}
	if a.has(key(0)) {
		t.Error("the first ack is still remembered")
	}
}
