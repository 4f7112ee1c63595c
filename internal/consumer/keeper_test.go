package consumer

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// All of the keeping rests on this: the server answers an in-progress ack and a
// term with a reason when they are made as requests.
func TestServerAnswersAcks(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.publish("one")
	consumer, err := b.js.Consumer(t.Context(), "JOBS", route)
	if err != nil {
		t.Fatal(err)
	}
	m, err := consumer.Next()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"+WPI", "+WPI", "+TERM not_found", "+WPI"} {
		if _, err := b.js.Conn().Request(m.Reply(), []byte(text), patient); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if n := b.left(); n != 0 {
		t.Errorf("%d messages left after the term", n)
	}
}

// A message stays ours for many ack waits, whether it waits for the gate or its
// call is under way.
func TestKeptForManyAckWaits(t *testing.T) {
	t.Parallel()
	const ackWait = 1500 * time.Millisecond
	b := newRig(t, ackWait)
	release := make(chan struct{})
	g := newTarget(until(release, delivered()))
	g.slots = make(chan struct{}, 1)
	b.publish("begun", "waiting")
	r := b.start(g, nil)
	await(t, "a call and a message that waits", func() bool { return r.InHand() == 2 && len(g.calls()) == 1 })
	<-time.After(4 * ackWait) // what is tested
	if info := b.info(); info.Delivered.Consumer != 2 || info.NumAckPending != 2 {
		t.Errorf("%d deliveries, %d messages in hand; want 2 and 2", info.Delivered.Consumer, info.NumAckPending)
	}
	close(release)
	b.awaitSettled(2)
	await(t, "the acks", func() bool { return b.left() == 0 })
	for _, line := range b.lines("delivery.settled") {
		if line["delivery"] != uint64(1) || line["verdict"] != "delivered" {
			t.Errorf("settled as %v", line)
		}
	}
	for _, try := range g.calls() {
		if try.Again {
			t.Errorf("%s: taken for a second try", try.Request.ID)
		}
	}
}

// The server answers anyone, also after it gave the message to someone else: an
// answer that comes too late revives nothing.
func TestLateAnswerProvesNothing(t *testing.T) {
	t.Parallel()
	const ackWait = time.Minute
	now := time.Now()
	for name, c := range map[string]struct {
		owned, sent time.Time
		want        bool
	}{
		"in time":            {now.Add(-40 * time.Second), now.Add(-20 * time.Second), true},
		"too late":           {now.Add(-61 * time.Second), now.Add(-20 * time.Second), false},
		"out of order":       {now.Add(-10 * time.Second), now.Add(-59 * time.Second), true},
		"in time, at an end": {now.Add(-59 * time.Second), now.Add(-1 * time.Second), true},
	} {
		d := &delivery{}
		d.owned.Store(c.owned.UnixNano())
		d.prolong(c.sent.UnixNano(), ackWait)
		if got := d.mine(ackWait); got != c.want {
			t.Errorf("%s: mine is %t, want %t", name, got, c.want)
		}
		if d.owned.Load() < c.owned.UnixNano() {
			t.Errorf("%s: the lease became shorter", name)
		}
	}
}

// Messages may lie before the door of a process that stands still, for longer
// than an ack wait.
func TestStoodStill(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wait  time.Duration // the ack wait
		gap   time.Duration // since the last turn
		first bool          // the message comes before the tick
		asked time.Duration // since the present pull was made; 0: another asked for the message
		want  string
		call  int
	}{
		"not at all":                  {30 * time.Second, time.Second, false, 0, "ack", 1},
		"for a while":                 {30 * time.Second, 20 * time.Second, false, 0, "ack", 1},
		"for too long":                {30 * time.Second, 40 * time.Second, false, 0, "leave", 0},
		"not at all, message first":   {30 * time.Second, time.Second, true, 0, "ack", 1},
		"for too long, message first": {30 * time.Second, 40 * time.Second, true, 0, "leave", 0},
		"a short ack wait":            {2 * time.Second, 2100 * time.Millisecond, true, 0, "leave", 0},
		"for too long, asked since":   {30 * time.Second, 40 * time.Second, false, 10 * time.Second, "ack", 1},
		"for too long, asked then":    {30 * time.Second, 40 * time.Second, false, 35 * time.Second, "leave", 0},
		"for a while, asked before":   {30 * time.Second, 20 * time.Second, false, 40 * time.Second, "ack", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, c.wait)
			g := newTarget(nil)
			c1 := New(b.settings(b.server.Conn(t), g))
			c1.work, c1.books = t.Context(), t.Context()
			c1.ackWait.Store(int64(c.wait))
			l := newLooper(c1, &puller{inbox: &inbox{}})
			now := time.Now()
			l.beat.Store(now.Add(-c.gap).UnixNano())
			if !c.first {
				l.turnOver(now)
				l.turnOver(now.Add(time.Millisecond))
			}
			m := message(1, 1, now)
			if c.asked > 0 {
				l.pull.inbox.sub, l.pull.asked = m.Sub, now.Add(-c.asked)
			}
			l.receive(m)
			c1.crew.rest()
			line := b.awaitSettled(1)
			if line["disposition"] != c.want || len(g.calls()) != c.call {
				t.Errorf("%d calls, settled as %v", len(g.calls()), line)
			}
		})
	}
}

// What came while the process stood still may not be here yet when it stands
// still again.
func TestStoodStillTwice(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct {
		awake time.Duration // in between
		want  time.Time
	}{
		"shortly after":   {turn / 2, now},
		"long after":      {2 * turn, now.Add(time.Minute + 2*turn)},
		"right at an end": {turn, now.Add(time.Minute + turn)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLooper(&Consumer{}, nil)
			l.ackWait.Store(int64(30 * time.Second))
			l.beat.Store(now.UnixNano())
			at := now.Add(time.Minute)
			l.turnOver(at)
			at = at.Add(c.awake)
			l.turnOver(at)
			l.turnOver(at.Add(time.Minute))
			if !l.stood.Equal(c.want) {
				t.Errorf("stood still since %v, want %v", l.stood.Sub(now), c.want.Sub(now))
			}
		})
	}
}

// stutterer is a target that stops the loop when it is told to.
type stutterer struct {
	*target
	stops chan time.Duration
	woke  chan struct{}
}

func (s *stutterer) Watch() (open bool, changed <-chan struct{}) {
	select {
	case d := <-s.stops:
		time.Sleep(d) // what is tested
		s.woke <- struct{}{}
	default:
	}
	return s.target.Watch()
}

// A process that stands still now and then, and never for an ack wait, takes
// nothing that it asks for afterwards for someone else's.
func TestAProcessThatStutters(t *testing.T) {
	t.Parallel()
	const ackWait = 2 * time.Second
	b := newRig(t, ackWait)
	g := &stutterer{newTarget(nil), make(chan time.Duration), make(chan struct{})}
	r := b.start(g.target, func(s *Settings) { s.Target = g })
	r.awaitLongPull(b)
	for i := range 3 {
		g.stops <- ackWait * 3 / 4
		<-g.woke
		<-time.After(turn * 6 / 10) // what is tested
		b.publish(fmt.Sprintf("job-%d", i))
		line := b.awaitSettled(i + 1)
		if line["disposition"] != "ack" || line["delivery"] != uint64(1) {
			t.Fatalf("settled as %v", line)
		}
	}
}

// message is one as the server delivers it.
func message(sequence, delivery uint64, at time.Time) *nats.Msg {
	return &nats.Msg{
		Subject: "jobs.invoices.a", Data: []byte(fmt.Sprintf("job-%d", sequence)), Sub: &nats.Subscription{},
		Reply: fmt.Sprintf("$JS.ACK.JOBS.%s.%d.%d.%d.%d.0", route, delivery, sequence, sequence, at.UnixNano()),
	}
}

// Once an answer is on its way, no in-progress ack follows: it would put off the
// redelivery that a nak asks for.
func TestNoProgressAfterAnAnswer(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	nc := b.server.Conn(t)
	progress, err := nc.SubscribeSync("$JS.ACK.>")
	if err != nil {
		t.Fatal(err)
	}
	k := newKeeper(nc, newHand(), func() time.Duration { return time.Minute })
	now := time.Now()
	var d [3]delivery
	for i := range d {
		d[i].msg = message(uint64(i+1), 1, now)
		d[i].owned.Store(now.UnixNano())
	}
	d[0].lastWord()
	d[1].owned.Store(now.Add(-time.Hour).UnixNano())
	for i := range d {
		k.extend(uint64(i+1), &d[i])
	}
	m, err := progress.NextMsg(patient)
	if err != nil || m.Subject != d[2].msg.Reply || !slices.Equal(m.Data, inProgress) {
		t.Errorf("got %v, %v", m, err)
	}
	for i, given := range []bool{false, true, false} {
		if lost := errors.Is(d[i].givenUp(), errLeaseLost); lost != given || (d[i].Err() != nil) != given {
			t.Errorf("%d: %v, %v", i, d[i].givenUp(), d[i].Err())
		}
	}
}

// Nor does one that was about to be sent when the answer was: the server would
// keep the message for an ack wait, whatever the nak says.
func TestNoProgressOvertakesAnAnswer(t *testing.T) {
	t.Parallel()
	b := makeRig(t, 30*time.Second)
	nc := b.server.Conn(t)
	said, err := nc.SubscribeSync("$JS.ACK.>")
	if err != nil {
		t.Fatal(err)
	}
	k := newKeeper(nc, newHand(), func() time.Duration { return time.Minute })
	c := &Consumer{Settings: Settings{NATS: nc}}
	for i := range uint64(300) {
		d := &delivery{msg: message(i+1, 1, time.Now())}
		d.owned.Store(time.Now().UnixNano())
		begun, extended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(extended)
			k.extend(i, d)
			close(begun)
			for range 30 {
				k.extend(i, d)
			}
		}()
		<-begun
		c.answer(d, "-NAK")
		<-extended
		if err := nc.Publish("$JS.ACK.end", nil); err != nil {
			t.Fatal(err)
		}
		var all []string
		for {
			m, err := said.NextMsg(patient)
			if err != nil {
				t.Fatal(err)
			}
			if m.Subject == "$JS.ACK.end" {
				break
			}
			all = append(all, string(m.Data))
		}
		if last := all[len(all)-1]; last != "-NAK" {
			t.Fatalf("delivery %d: %s after the nak", i, last)
		}
	}
}
