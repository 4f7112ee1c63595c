package consumer

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/request"
)

// turns waits until the loop has turned by itself a few times.
func (r *running) turns(n int) {
	r.t.Helper()
	for range n {
		last := r.LastBeat()
		await(r.t, "turn of the loop", func() bool { return r.LastBeat().After(last.Add(turn / 2)) })
	}
}

// awaitLongPull waits until the route is idle and waits for a single message.
func (r *running) awaitLongPull(b *rig) {
	r.t.Helper()
	r.turns(2)
	await(r.t, "a pull that waits", func() bool { return b.info().NumWaiting == 1 })
}

// However fast messages come and go, there are never more than have room, and
// none is delivered twice.
func TestNeverMoreInHandThanRoom(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	const room, n = 8, 400
	b.publish(ids(n / 2)...)
	var most atomic.Int64
	g := newTarget(func(context.Context, orchestrator.Try) orchestrator.Result {
		time.Sleep(time.Millisecond)
		return delivered()
	})
	var c *Consumer
	s := b.settings(b.server.Conn(t), g)
	s.MaxInFlight = room
	s.Decoder = decoder(func(ctx context.Context, m request.Message) (*job.Request, job.Outcome, bool) {
		raise(&most, int64(c.InHand()))
		return decode(ctx, m)
	})
	c = New(s)
	run(t, c)
	b.publish(ids(n / 2)...)
	b.awaitSettled(n)
	if m := most.Load(); m != room {
		t.Errorf("at most %d messages in hand, there is room for %d", m, room)
	}
	for _, line := range b.lines("delivery.settled") {
		if line["delivery"] != uint64(1) {
			t.Fatalf("delivered again: %v", line)
		}
	}
	if info := b.info(); info.Delivered.Consumer != n || info.NumRedelivered != 0 {
		t.Errorf("%d deliveries of %d messages, %d again", info.Delivered.Consumer, n, info.NumRedelivered)
	}
}

func raise(most *atomic.Int64, n int64) {
	for {
		if old := most.Load(); n <= old || most.CompareAndSwap(old, n) {
			return
		}
	}
}

// While calls stand still, no message beyond the room is asked for.
func TestNothingIsPulledAhead(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.publish(ids(50)...)
	release := make(chan struct{})
	g := newTarget(until(release, delivered()))
	r := b.start(g, func(s *Settings) { s.MaxInFlight = 5 })
	await(t, "five calls", func() bool { return len(g.calls()) == 5 })
	r.turns(2)
	if info := b.info(); info.NumAckPending != 5 || info.NumWaiting != 0 {
		t.Errorf("%d messages taken and %d pulls waiting, want 5 and none", info.NumAckPending, info.NumWaiting)
	}
	close(release)
	b.awaitSettled(50)
}

func TestShutGatePullsNothing(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.publish(ids(20)...)
	g := newTarget(nil)
	g.set(false)
	r := b.start(g, nil)
	await(t, "ready", r.Ready)
	r.turns(2)
	if info := b.info(); info.Delivered.Consumer != 0 || info.NumWaiting != 0 {
		t.Errorf("%d messages taken, %d pulls waiting", info.Delivered.Consumer, info.NumWaiting)
	}
	g.set(true)
	b.awaitSettled(20)
}

// A pull that waits on the server when the gate shuts is given up.
func TestShutGateGivesUpThePull(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := newTarget(nil)
	r := b.start(g, nil)
	r.awaitLongPull(b)
	g.set(false)
	shut := time.Now()
	await(t, "end of the pull", func() bool { return b.info().NumWaiting == 0 })
	if took := time.Since(shut); took > idleExpires/2 {
		t.Errorf("took %v: the pull was left to its own end", took)
	}
	b.publish(ids(20)...)
	r.turns(2)
	if info := b.info(); info.Delivered.Consumer != 0 || r.InHand() != 0 {
		t.Errorf("%d messages taken behind a shut gate", info.Delivered.Consumer)
	}
	g.set(true)
	b.awaitSettled(20)
	if info := b.info(); info.Delivered.Consumer != 20 {
		t.Errorf("%d deliveries of 20 messages", info.Delivered.Consumer)
	}
}

func TestPausePullsNothing(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.publish(ids(3)...)
	r := b.start(newTarget(nil), func(s *Settings) { s.Pause = true })
	await(t, "ready", r.Ready)
	r.turns(2)
	if info := b.info(); info.Delivered.Consumer != 0 || info.NumWaiting != 0 || info.NumPending != 3 {
		t.Errorf("in a pause: %d messages taken, %d pulls waiting", info.Delivered.Consumer, info.NumWaiting)
	}
	if r.Pending() != 3 {
		t.Errorf("%d messages pending, want 3", r.Pending())
	}
	r.stopped()
}

// The limits that a durable consumer was made with elsewhere are kept.
func TestLimitsOfTheDurableConsumer(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	_, err := b.js.UpdateConsumer(t.Context(), "JOBS", jetstream.ConsumerConfig{
		Durable: route, FilterSubjects: []string{"jobs.invoices.>"}, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: 30 * time.Second, MaxAckPending: 65536, MaxDeliver: -1,
		MaxRequestBatch: 3, MaxRequestExpires: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := b.start(newTarget(nil), nil)
	await(t, "ready", r.Ready)
	r.turns(2) // pulls that end empty
	b.publish(ids(20)...)
	b.awaitSettled(20)
	if n := len(b.lines("consumer.lost")); n != 0 {
		t.Errorf("the consumer was lost %d times", n)
	}
}

// What a publisher writes into a header is not the server's word.
func TestMessageThatLooksLikeAStatus(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := newTarget(nil)
	b.start(g, nil)
	for _, status := range []string{"100", "404", "408", "409", "503"} {
		m := &nats.Msg{Subject: "jobs.invoices.a", Header: nats.Header{"Status": {status}, "Description": {"Consumer Deleted"}}}
		if _, err := b.js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	b.awaitSettled(5)
	await(t, "the acks", func() bool { return b.left() == 0 })
	if n := len(b.lines("consumer.lost")); n != 0 {
		t.Errorf("the consumer was lost %d times", n)
	}
}

func TestReadStatus(t *testing.T) {
	t.Parallel()
	const present, former = "_INBOX.x.2", "_INBOX.x.1"
	for name, c := range map[string]struct {
		subject, code, description string
		want                       status
		outstanding                int
	}{
		"heartbeat":              {present, "100", "Idle Heartbeat", isAlive, 5},
		"end of an earlier pull": {former, "408", "Request Timeout", isAlive, 5},
		"nothing there":          {present, "404", "No Messages", isOver, 0},
		"time is up":             {present, "408", "Request Timeout", isOver, 0},
		"nobody answers":         {present, "503", "", isLost, 0},
		"deleted":                {present, "409", "Consumer Deleted", isLost, 0},
		"new leader":             {present, "409", "Leadership Change", isRefused, 0},
		"server stops":           {present, "409", "Server Shutdown", isRefused, 0},
		"bad request":            {present, "400", "Bad Request", isRefused, 0},
		"not known yet":          {present, "499", "Something new", isRefused, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &puller{inbox: &inbox{name: "_INBOX.x."}, number: 2, outstanding: 5}
			got := p.read(&nats.Msg{Subject: c.subject, Header: nats.Header{"Status": {c.code}, "Description": {c.description}}})
			if got != c.want || p.outstanding != c.outstanding {
				t.Errorf("status %v with %d outstanding, want %v with %d", got, p.outstanding, c.want, c.outstanding)
			}
			if broken := c.want == isRefused || c.want == isLost; p.inbox.broken != broken {
				t.Errorf("broken %t, want %t", p.inbox.broken, broken)
			}
		})
	}
}

// While a pull that was given up may still bring messages, none is begun: more
// would come than there is room for.
func TestFormerPullsCount(t *testing.T) {
	t.Parallel()
	former := &inbox{closed: make(chan struct{})}
	p := &puller{inbox: &inbox{sub: &nats.Subscription{}}, former: []*inbox{former}, outstanding: 1}
	p.read(&nats.Msg{Reply: "$JS.ACK.x", Sub: &nats.Subscription{}})
	if p.outstanding != 1 {
		t.Error("the present pull is charged for a message of a former one")
	}
	p.read(&nats.Msg{Reply: "$JS.ACK.x", Sub: p.inbox.sub})
	if p.outstanding != 0 || p.idle() {
		t.Errorf("%d outstanding, idle %t", p.outstanding, p.idle())
	}
	close(former.closed)
	if !p.idle() {
		t.Error("not idle after all has come")
	}
}

// A message was sent after the present pull was made, if that asked for it.
func TestSince(t *testing.T) {
	t.Parallel()
	sub, asked := &nats.Subscription{}, time.Now()
	for name, c := range map[string]struct {
		of     *nats.Subscription
		broken bool
		want   time.Time
	}{
		"the present pull":           {sub, false, asked},
		"a pull that was given up":   {&nats.Subscription{}, false, time.Time{}},
		"maybe one that was refused": {sub, true, time.Time{}},
	} {
		p := &puller{inbox: &inbox{sub: sub, broken: c.broken}, asked: asked}
		if got := p.since(&nats.Msg{Sub: c.of}); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// Idle or shut, the loop turns about once a second.
func TestNoBusyLoop(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]bool{"idle": true, "gate shut": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			g := newTarget(nil)
			g.set(open)
			r := b.start(g, nil)
			await(t, "ready", r.Ready)
			r.turns(1)
			before := g.looks()
			<-time.After(3 * time.Second) // what is measured
			// Twice in a turn, and a turn more for each heartbeat of a pull.
			if n := g.looks() - before; n < 2 || n > 12 {
				t.Errorf("looked at the gate %d times in 3 seconds", n)
			}
		})
	}
}

// Two consumers share a route, as pods do: each message goes to one of them.
func TestTwoConsumersShareARoute(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	one, two := newTarget(nil), newTarget(nil)
	b.start(one, nil)
	b.start(two, nil)
	all := ids(500)
	b.publish(all...)
	b.awaitSettled(500)
	got := slices.Sorted(slices.Values(append(one.called(), two.called()...)))
	slices.Sort(all)
	if diff := cmp.Diff(all, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A busy route asks for many at once, but not while those in hand linger for the
// few that are missing; and what fills the hand fills a call.
func TestRoom(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		linger time.Duration
		inHand int
		want   int
	}{
		"a quarter":        {inHand: 15, want: 5},
		"less":             {inHand: 16, want: 0},
		"one, for linger":  {linger: time.Second, inHand: 19, want: 1},
		"none, for linger": {linger: time.Second, inHand: 20, want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLooper(New(Settings{MaxInFlight: 20, Batch: orchestrator.Batch{Max: 100, Linger: tt.linger}}), nil)
			for i := range tt.inHand {
				l.hand.add(&delivery{meta: &nats.MsgMetadata{Sequence: nats.SequencePair{Stream: uint64(i + 1)}}})
			}
			if got := l.room(); got != tt.want || l.Batch.Max != 20 {
				t.Errorf("room for %d, %d in a call", got, l.Batch.Max)
			}
		})
	}
}
