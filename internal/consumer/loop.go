package consumer

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// How often the loop turns by itself at the least, how often it asks the server
// about the durable consumer, and how long it waits after a refused pull or a
// lost consumer.
const (
	turn        = time.Second
	inspectEach = 15 * time.Second
	patience    = 500 * time.Millisecond
)

// mostForgotten is how many deliveries a server that is killed may forget: it
// writes them down a moment later.
const mostForgotten = 10_000

// beats is how often the loop turns by itself, and after how long without a turn
// the whole process must have stood still. A standstill that goes unnoticed is
// time by which a message is taken for ours too long: it stays well under the
// ack wait.
func beats(ackWait time.Duration) (each, standstill time.Duration) {
	each = min(turn, ackWait/8)
	return each, 3 * each
}

// looper pulls: it asks for messages when there is room for them and the gate
// is open, and for nothing else. Only the goroutine of Run touches it.
type looper struct {
	*Consumer
	pull *puller

	durable   Durable
	there     bool // the durable consumer
	told      bool // that it is not, and nothing was heard of it since
	finding   bool
	found     chan finding
	lostAt    time.Time
	inspected time.Time
	heard     time.Time // last sign of the present pull
	notBefore time.Time // no pull, and no search, before this time

	stood time.Time // when the process began to stand still
	woke  time.Time // when that was noticed; a message may have come meanwhile

	reconnects uint64 // of the connection, that were noticed
}

// finding is what came of looking for the durable consumer.
type finding struct {
	began   time.Time
	durable Durable
	err     error
}

func newLooper(c *Consumer, pull *puller) *looper {
	return &looper{Consumer: c, pull: pull, found: make(chan finding, 1)}
}

// run pulls until ctx ends.
func (l *looper) run(ctx context.Context) {
	each, _ := beats(l.lease())
	tick := time.NewTicker(each)
	defer tick.Stop()
	l.beat.Store(time.Now().UnixNano())
	l.find(ctx)
	for ctx.Err() == nil {
		l.turnOver(time.Now())
		gate, hold := l.pullIfRoom()
		select {
		case m := <-l.pull.arrivals:
			l.arrived(ctx, m)
		case f := <-l.found:
			l.foundOut(ctx, f)
			each, _ = beats(l.lease())
			tick.Reset(each)
		case <-l.hand.wake:
		case <-gate:
		case <-hold:
		case <-tick.C:
			l.check(ctx)
		case <-ctx.Done():
		}
	}
}

// turnOver is the loop's heartbeat. A long gap in it means that the process
// stood still, and messages may have lain before its door all the time.
func (l *looper) turnOver(now time.Time) {
	before := time.Unix(0, l.beat.Swap(now.UnixNano()))
	if _, standstill := beats(l.lease()); now.Sub(before) > standstill {
		if !before.Before(l.woke.Add(turn)) { // else what came the last time may not be here yet
			l.stood = before
		}
		l.woke = now
	}
}

// pullIfRoom asks for as many messages as there is room for.
func (l *looper) pullIfRoom() (gate, hold <-chan struct{}) {
	open, gate := l.Target.Watch()
	free, due, hold := l.hold.watch()
	n := 0
	switch {
	case l.Pause || !open || !l.there || !l.pull.idle() || time.Now().Before(l.notBefore) || !l.NATS.IsConnected():
	case free:
		n = l.room()
	case due && l.hand.size() == 0:
		n = 1 // to make the try that is due
	}
	if n > 0 {
		l.ask(n)
	}
	return gate, hold
}

// room wants a quarter of the hand to be free, so that a busy route asks for
// many at once; but not where those in hand linger for the rest.
func (l *looper) room() int {
	n, least := l.MaxInFlight-l.hand.size(), max(1, l.MaxInFlight/4)
	if n < least && l.Batch.Linger == 0 {
		return 0
	}
	return max(0, n)
}

func (l *looper) ask(n int) {
	if err := l.pull.ask(n, l.durable); err != nil {
		l.notBefore = time.Now().Add(patience)
	}
	l.heard = time.Now()
}

func (l *looper) arrived(ctx context.Context, m *nats.Msg) {
	l.heard = time.Now()
	switch l.pull.read(m) {
	case isMessage:
		l.told = false
		l.receive(m)
	case isAlive, isOver:
		l.told = false
	case isRefused:
		l.notBefore = time.Now().Add(patience)
	case isLost:
		l.lost(errNotThere)
		l.find(ctx)
	}
}

// receive takes a message in hand. One that may have come while the process
// stood still was surely ours only before, or when it was asked for; it may be
// the first thing that the loop sees afterwards.
func (l *looper) receive(m *nats.Msg) {
	l.noticeReconnect()
	owned := time.Now()
	l.turnOver(owned)
	if owned.Before(l.woke.Add(turn)) {
		owned = l.stood
		if asked := l.pull.since(m); asked.After(owned) {
			owned = asked
		}
	}
	l.asked.Store(l.pull.outstanding > 0 || l.room() > 0)
	l.Consumer.receive(m, owned)
}

// noticeReconnect is asked before a message is looked at that may have come over
// a connection made anew.
func (l *looper) noticeReconnect() {
	if n := l.NATS.Stats().Reconnects; n != l.reconnects {
		l.reconnects = n
		l.Consumer.reconnected.Store(time.Now().UnixNano())
	}
}

// check gives up a pull that is not wanted any more or that the server has
// forgotten, and asks about the durable consumer now and then. It gives up also
// what does not tell when a message was sent: a pull from before the process
// stood still, and an inbox with a broken one.
func (l *looper) check(ctx context.Context) {
	now := time.Now()
	silent := l.pull.outstanding > 0 && now.Sub(l.heard) > pullSilence
	stale := l.pull.lasting() && l.pull.asked.Before(l.woke)
	if l.NATS.IsConnected() && (silent || stale || l.pull.inbox.broken || l.pull.lasting() && !l.wanted()) {
		if err := l.pull.renew(); err != nil {
			l.lost(err)
		}
	}
	if now.Sub(l.inspected) > inspectEach || !l.there && now.After(l.notBefore) {
		l.find(ctx)
	}
	l.hold.remind()
}

// wanted reports whether the messages of a pull that was begun are still
// welcome. It asks for no change: that is for the next turn.
func (l *looper) wanted() bool {
	open, _ := l.Target.Watch()
	free, due, _ := l.hold.watch()
	return open && (free || due)
}

// find looks for the durable consumer, beside the loop.
func (l *looper) find(ctx context.Context) {
	if l.finding {
		return
	}
	began := time.Now()
	l.finding, l.inspected = true, began
	l.wg.Go(func() {
		d, err := l.Find(ctx)
		l.found <- finding{began, d, err}
	})
}

func (l *looper) foundOut(ctx context.Context, f finding) {
	l.finding = false
	switch {
	case ctx.Err() != nil:
		return
	case f.err != nil:
		l.lost(f.err)
		return
	case f.began.Before(l.lostAt):
		l.find(ctx) // it may have vanished since
		return
	}
	l.told = l.told && !l.there // until it proves to work
	if l.Forgetful && l.durable == (Durable{}) {
		l.suspects.Store(f.durable.Delivered + mostForgotten)
	}
	l.durable, l.there = f.durable, true
	if wait := int64(f.durable.AckWait); wait > 0 && l.ackWait.Swap(wait) != wait {
		l.keeper.retune()
	}
	if made := f.durable.Created.UnixNano(); l.created.Swap(made) != made {
		l.forgone.clear()
	}
	l.pending.Store(int64(f.durable.Pending))
	l.ackPending.Store(int64(f.durable.AckPending))
	l.missing.Store(nil)
	l.Metrics.Consumer(int(f.durable.Pending), f.durable.AckPending)
	l.ready.Store(true)
}

// lost says once that the consumer is gone; it is looked for until it is back.
func (l *looper) lost(err error) {
	l.there = false
	l.ready.Store(false)
	l.lostAt = time.Now()
	l.miss(err, l.lostAt)
	l.notBefore = l.lostAt.Add(patience)
	if !l.told {
		l.told = true
		l.Events.ConsumerLost(l.Route, l.Stream, err)
	}
}
