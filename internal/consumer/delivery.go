package consumer

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
)

var errNotThere = errors.New("consumer: the durable consumer or its stream is not there")

// delivery is one message in hand. One goroutine works on it; the keeper
// touches what is atomic.
type delivery struct {
	msg      *nats.Msg
	meta     *nats.MsgMetadata
	received time.Time
	// waiting ends when the message shall not begun any more: the consumer
	// stops, or the message may be someone else's.
	waiting context.Context
	giveUp  context.CancelCauseFunc

	owned atomic.Int64 // sure to be ours from this time on for an ack wait, unix nanoseconds

	request *job.Request
	key     ledger.Key
	entry   ledger.Entry
	again   bool // an earlier try may have been carried out

	began     time.Time // the call under way, or the last; zero: none
	took      time.Duration
	holds     int  // one after the other
	stopped   bool // the call was refused by begin
	uncertain bool // begun, and not known to have ended
}

// hand holds the deliveries in hand. It is safe for concurrent use.
type hand struct {
	freed chan struct{} // has an element after a delivery left

	mu   sync.Mutex
	next uint64
	all  map[uint64]*delivery
}

func newHand() *hand {
	return &hand{freed: make(chan struct{}, 1), all: map[uint64]*delivery{}}
}

func (h *hand) add(d *delivery) (id uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	h.all[h.next] = d
	return h.next
}

func (h *hand) remove(id uint64) {
	h.mu.Lock()
	delete(h.all, id)
	h.mu.Unlock()
	select {
	case h.freed <- struct{}{}:
	default:
	}
}

func (h *hand) size() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all)
}

func (h *hand) get(id uint64) *delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[id]
}

// each calls f for every delivery in hand, without the lock.
func (h *hand) each(f func(id uint64, d *delivery)) {
	h.mu.Lock()
	all := make(map[uint64]*delivery, len(h.all))
	for id, d := range h.all {
		all[id] = d
	}
	h.mu.Unlock()
	for id, d := range all {
		f(id, d)
	}
}

// receive takes a message in hand and has it worked on.
func (c *Consumer) receive(waiting context.Context, m *nats.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		return // not a JetStream message: nothing of ours
	}
	d := &delivery{msg: m, meta: meta, received: time.Now()}
	d.owned.Store(d.received.UnixNano())
	d.key = ledger.MessageKey(c.Route, meta.Sequence.Stream, meta.Timestamp)
	d.waiting, d.giveUp = context.WithCancelCause(waiting)
	id := c.hand.add(d)
	c.Metrics.InFlight(c.hand.size())
	c.wg.Go(func() {
		defer func() {
			d.giveUp(nil)
			c.hand.remove(id)
			c.Metrics.InFlight(c.hand.size())
		}()
		c.handle(d)
	})
}

// mine reports whether the message is surely still ours.
func (d *delivery) mine(ackWait time.Duration) bool {
	return time.Since(time.Unix(0, d.owned.Load())) < ackWait
}

// fallbackID names the delivery where no request was decoded.
func (d *delivery) fallbackID() string {
	return d.meta.Stream + "-" + strconv.FormatUint(d.meta.Sequence.Stream, 10) + "-" + strconv.FormatInt(d.meta.Timestamp.UnixNano(), 10)
}
