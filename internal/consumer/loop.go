package consumer

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// How often the loop turns by itself, how often it asks the server about the
// durable consumer, and how long it waits after a refused pull or a lost consumer.
const (
	turn        = time.Second
	inspectEach = 15 * time.Second
	patience    = 500 * time.Millisecond
)

// loop is the one goroutine that pulls. It asks for messages when there is room
// for them and the gate is open, and for nothing else.
func (c *Consumer) loop(ctx, waiting context.Context) {
	l := &looper{Consumer: c, waiting: waiting, found: make(chan finding, 1)}
	defer l.end()
	tick := time.NewTicker(turn)
	defer tick.Stop()
	l.find(ctx)
	for ctx.Err() == nil {
		c.beat.Store(time.Now().UnixNano())
		gate, hold := l.pullIfRoom()
		select {
		case m := <-c.pull.arrivals:
			l.arrived(ctx, m)
		case f := <-l.found:
			l.foundOut(ctx, f)
		case <-c.hand.freed:
		case <-gate:
		case <-hold:
		case <-tick.C:
			l.check(ctx)
		case <-ctx.Done():
		}
	}
}

// looper is the state of the loop; only its goroutine touches it.
type looper struct {
	*Consumer
	waiting context.Context

	durable   Durable
	there     bool // the durable consumer
	told      bool // that it is not
	finding   bool
	found     chan finding
	heard     time.Time // last sign of the present pull
	notBefore time.Time // no pull, and no search, before this time
	inspected time.Time
}

// finding is what came of looking for the durable consumer.
type finding struct {
	durable Durable
	err     error
}

// pullIfRoom asks for as many messages as there is room for. A quarter of the
// hand must be free, so that a busy route asks for many at once.
func (l *looper) pullIfRoom() (gate, hold <-chan struct{}) {
	open, gate := l.Target.Watch()
	free, hold := l.hold.watch()
	room := l.MaxInFlight - l.hand.size()
	if l.Pause || !open || !free || !l.there || l.pull.outstanding > 0 ||
		room < max(1, l.MaxInFlight/4) || time.Now().Before(l.notBefore) {
		return gate, hold
	}
	if err := l.pull.ask(room, l.durable); err != nil {
		l.notBefore = time.Now().Add(patience)
	}
	l.heard = time.Now()
	return gate, hold
}

func (l *looper) arrived(ctx context.Context, m *nats.Msg) {
	l.heard = time.Now()
	switch l.pull.read(m) {
	case isMessage:
		l.receive(l.waiting, m)
	case isLost:
		l.lost(ctx, errNotThere)
	case isRefused:
		l.notBefore = time.Now().Add(patience)
	}
}

// check notices a silent server, and asks about the durable consumer now and then.
func (l *looper) check(ctx context.Context) {
	now := time.Now()
	if l.pull.outstanding > 0 && now.Sub(l.heard) > pullSilence && l.NATS.IsConnected() {
		if err := l.pull.renew(); err != nil {
			l.lost(ctx, err)
		}
	}
	if now.Sub(l.inspected) > inspectEach || !l.there && now.After(l.notBefore) {
		l.find(ctx)
	}
}

// find looks for the durable consumer, beside the loop.
func (l *looper) find(ctx context.Context) {
	if l.finding {
		return
	}
	l.finding, l.inspected = true, time.Now()
	l.wg.Go(func() {
		d, err := l.Find(ctx)
		l.found <- finding{d, err}
	})
}

func (l *looper) foundOut(ctx context.Context, f finding) {
	l.finding = false
	if f.err != nil {
		if ctx.Err() == nil {
			l.lost(ctx, f.err)
		}
		return
	}
	l.durable, l.there, l.told = f.durable, true, false
	l.ackWait.Store(int64(f.durable.AckWait))
	l.created.Store(f.durable.Created.UnixNano())
	l.pending.Store(int64(f.durable.Pending))
	l.Metrics.Consumer(int(f.durable.Pending), f.durable.AckPending)
	l.ready.Store(true)
}

// lost says once that the consumer is gone, and has it looked for until it is back.
func (l *looper) lost(ctx context.Context, err error) {
	l.there = false
	l.ready.Store(false)
	l.notBefore = time.Now().Add(patience)
	if !l.told {
		l.told = true
		l.Events.ConsumerLost(l.Route, l.Stream, err)
		l.find(ctx)
	}
}

// end waits for a search that is under way.
func (l *looper) end() {
	if l.finding {
		<-l.found
	}
}
