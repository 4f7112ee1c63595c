package consumer

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// delivery is one message in hand. One goroutine at a time works on it; the
// keeper touches what is atomic.
type delivery struct {
	msg      *nats.Msg
	meta     *nats.MsgMetadata
	received time.Time
	stay

	// owned is the last time, in unix nanoseconds, of which it is known that the
	// message was ours: it stays ours for an ack wait from then on.
	owned atomic.Int64
	// extending is held while an in-progress ack is sent, so that none follows the
	// last word.
	extending sync.Mutex
	answered  bool // an ack, nak or term is on its way

	number uint64        // in the hand
	gone   chan struct{} // closed when it has left the hand; nil while nobody waits for that
	// second tells that an earlier delivery of the message was in hand when it came.
	second bool
	// sentBefore tells that an earlier delivery which was in hand may have been sent.
	sentBefore bool

	// callLimit is how long a call may last that was begun for the message.
	callLimit time.Duration
	owner     string // this worker

	request *job.Request // nil where decoding it did not come to an end
	decoded bool
	undone  *orchestrator.Result // why decoding it left no request to try; nil: it did
	entry   ledger.Entry
	again   bool // an earlier try may have been carried out; known once recalled
	// recalled tells that what earlier deliveries left behind was asked for.
	recalled bool
	// noted tells that the ledger may hold a record of which entry knows nothing:
	// the message was delivered before, or a write was tried.
	noted bool

	// unsent tells that this worker had it before, gave it up without having sent
	// it, and nobody had it in between.
	unsent bool
	claim  *claim // nil: none is held
	// inherited is what an earlier claim of the request, or the dead letter that
	// the message was, says of its tries.
	inherited inheritance
	// past is what the ledger says of that dead letter; nil: nothing.
	past *past
	// finding is what the ledger knows of the request; nil: nothing that ends it.
	finding *orchestrator.Result
	wait    time.Duration // until another delivery's claim ends

	probe    bool       // it tries for the whole route, which is held
	kept     bool       // the route came to be held when its turn had come
	singly   bool       // the call that it shared was refused: it goes alone from now on
	unbegun  job.Reason // why it was not begun; empty: it was, or nothing hinders it
	held     bool       // it waits for a gate or the hold
	holds    int        // one after the other
	began    time.Time  // the call under way, or the last; zero: none
	took     time.Duration
	underWay bool // begun, and not known to have ended
	// spared is how long the message stays away although it was refused, because
	// most are; 0: the refusal stands.
	spared time.Duration
}

// place tells a message from every other of the stream. The sequence alone would
// not do: after a store was rolled back it names another message.
type place struct {
	sequence uint64
	at       int64 // unix nanoseconds
}

func (d *delivery) place() place {
	return place{d.meta.Sequence.Stream, d.meta.Timestamp.UnixNano()}
}

// key is that of what is noted of the message.
func (c *Consumer) key(d *delivery) ledger.Key {
	return ledger.MessageKey(c.Route, d.meta.Sequence.Stream, d.meta.Timestamp)
}

// inheritance is what is known from elsewhere of tries of the request; zero:
// nothing.
type inheritance struct {
	FirstTry     time.Time
	Owner        string
	UnknownSince time.Time
}

// past is what the ledger says of a dead letter that was replayed.
type past struct {
	key   ledger.Key
	entry ledger.Entry
}

// record is the zero value where there is no past.
func (p *past) record() (r ledger.Record) {
	if p != nil {
		r = p.entry.Record
	}
	return r
}

// receive takes a message in hand and has it worked on. It was ours at the time
// owned.
func (c *Consumer) receive(m *nats.Msg, owned time.Time) {
	meta, err := m.Metadata()
	if err != nil {
		return // not a JetStream message: nothing of ours
	}
	d := &delivery{msg: m, meta: meta, received: time.Now(), callLimit: c.CallLimit, owner: c.Owner}
	d.owned.Store(owned.UnixNano())
	c.coming.Store(meta.NumPending > 0)
	c.hand.add(d)
	c.Metrics.InFlight(+1)
	c.open.Add(1)
	if c.stopping() {
		d.giveUp(errStopping)
	}
	if !c.share(d) {
		c.alone(d)
	}
}

// maybeSent reports whether this delivery, or one before it, may have been sent, as
// far as this one got to know.
func (d *delivery) maybeSent() bool {
	return !d.began.IsZero() || d.again || d.sentBefore || d.meta.NumDelivered > 1 && !d.recalled
}

// mine reports whether the message is surely still ours. Times are compared by
// the wall clock, which goes on while the machine sleeps.
func (d *delivery) mine(ackWait time.Duration) bool {
	return time.Since(time.Unix(0, d.owned.Load())) < ackWait
}

func (d *delivery) requestID() string {
	if d.request == nil {
		return ""
	}
	return d.request.ID
}

// name is what the log calls the delivery: by its request, or where none was
// decoded by its place in the stream.
func (d *delivery) name() string {
	if d.request != nil {
		return d.request.ID
	}
	return d.meta.Stream + "-" + strconv.FormatUint(d.meta.Sequence.Stream, 10) + "-" + strconv.FormatInt(d.meta.Timestamp.UnixNano(), 10)
}
