package consumer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// The pull requests of a route are of two kinds. While messages flow, one asks
// for as many as there is room for, for a moment: when the pulling is to end, it
// ends by itself, and nothing is lost on the way. When such a pull brought
// nothing, the next waits for a single message, for long; it can be broken off,
// since hardly ever does a message come at that very moment.
const (
	flowExpires = 400 * time.Millisecond
	idleExpires = 30 * time.Second
)

// How often the server says of a long pull that it is still there, and after how
// long a silence a pull is given up.
const (
	pullHeartbeat = 2 * time.Second
	pullSilence   = 2*pullHeartbeat + 500*time.Millisecond
)

// drainLimit bounds the wait for what is under way to here when the pulling ends.
const drainLimit = 2 * time.Second

var errNotThere = errors.New("consumer: the durable consumer or its stream is not there")

// puller asks the server for messages, and for exactly as many as it is told.
//
// The jetstream package's Fetch drops what is under way when it is cancelled,
// and its Consume fetches ahead of need; both cost deliveries. So this speaks
// the pull protocol itself (NATS ADR-13, Pull Subscribe internals), on one
// subscription that can be drained.
type puller struct {
	nc       *nats.Conn
	api      string
	arrivals chan *nats.Msg
	wake     chan<- struct{} // nudged when a former inbox is empty

	inbox  *inbox
	former []*inbox // given up, and maybe not empty yet

	number      int           // of the last pull
	asked       time.Time     // when it was made
	expires     time.Duration // it ends by itself after this
	brought     bool          // it brought a message
	dry         bool          // the one before brought none
	outstanding int           // messages that it may still bring
}

// inbox is one subscription for the answers to pulls.
type inbox struct {
	name   string // without the number of a pull
	sub    *nats.Subscription
	closed chan struct{} // it has delivered all that it had
	// broken tells that a pull did not come to its regular end: what it asked for
	// may still come, and cannot be told from what later ones ask for.
	broken bool
}

func newPuller(nc *nats.Conn, stream, consumer string, wake chan<- struct{}) (*puller, error) {
	p := &puller{
		nc:       nc,
		api:      "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer,
		arrivals: make(chan *nats.Msg, 64),
		wake:     wake,
	}
	return p, p.subscribe()
}

// subscribe begins a new inbox.
func (p *puller) subscribe() error {
	in := &inbox{name: p.nc.NewInbox() + ".", closed: make(chan struct{})}
	sub, err := p.nc.Subscribe(in.name+"*", func(m *nats.Msg) { p.arrivals <- m })
	if err != nil {
		return fmt.Errorf("consumer: subscribe: %w", err)
	}
	sub.SetClosedHandler(func(string) {
		close(in.closed)
		nudge(p.wake)
	})
	// The number of messages that can come is bounded by what is asked for.
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return fmt.Errorf("consumer: subscribe: %w", err)
	}
	in.sub, p.inbox = sub, in
	return nil
}

// idle reports whether nothing is asked for or under way: only then may more be
// asked for, or there would come more than there is room for.
func (p *puller) idle() bool {
	p.former = slices.DeleteFunc(p.former, (*inbox).isClosed)
	return p.outstanding == 0 && len(p.former) == 0
}

func (in *inbox) isClosed() bool {
	select {
	case <-in.closed:
		return true
	default:
		return false
	}
}

// ask asks for up to n messages.
func (p *puller) ask(n int, d Durable) error {
	expires := flowExpires
	if p.dry {
		n, expires = 1, idleExpires
	}
	if d.MaxRequestBatch > 0 {
		n = min(n, d.MaxRequestBatch)
	}
	if d.MaxRequestExpires > 0 {
		expires = min(expires, d.MaxRequestExpires)
	}
	body, err := json.Marshal(struct {
		Batch     int           `json:"batch"`
		Expires   time.Duration `json:"expires"`
		Heartbeat time.Duration `json:"idle_heartbeat,omitzero"`
	}{n, expires, heartbeat(expires)})
	if err != nil {
		return fmt.Errorf("consumer: pull: %w", err)
	}
	p.number++
	p.asked = time.Now()
	if err := p.nc.PublishRequest(p.api, p.present(), body); err != nil {
		return fmt.Errorf("consumer: pull: %w", err)
	}
	p.outstanding, p.expires, p.brought = n, expires, false
	return nil
}

// present is the subject of the answers to the last pull.
func (p *puller) present() string { return p.inbox.name + strconv.Itoa(p.number) }

// since is a time before which the server cannot have sent m: that of the pull
// which asked for it. Zero: nobody knows which one did.
func (p *puller) since(m *nats.Msg) time.Time {
	if m.Sub != p.inbox.sub || p.inbox.broken {
		return time.Time{}
	}
	return p.asked
}

// lasting reports whether there is a pull that does not end by itself soon.
func (p *puller) lasting() bool { return p.outstanding > 0 && p.expires > flowExpires }

// heartbeat leaves it out where the server would find it too long.
func heartbeat(expires time.Duration) time.Duration {
	if expires < 2*pullHeartbeat {
		return 0
	}
	return pullHeartbeat
}

// status is what the server says of a pull in place of a message.
type status int

const (
	isMessage status = iota
	isAlive          // a heartbeat
	isOver           // the pull has ended, others may follow
	isRefused        // the pull has ended, and the next one should wait a little
	isLost           // the consumer, its stream or JetStream is not there
)

// read tells what m is, and keeps count. A message is what can be acked,
// whatever its headers say: they are the publisher's.
func (p *puller) read(m *nats.Msg) status {
	if m.Reply != "" {
		if m.Sub == p.inbox.sub && p.outstanding > 0 {
			p.outstanding--
			p.brought, p.dry = true, false
		}
		return isMessage
	}
	code := m.Header.Get("Status")
	if code == "100" || m.Subject != p.present() {
		return isAlive // or the end of a pull that was given up before
	}
	p.outstanding = 0
	switch {
	case code == "404", code == "408":
		p.dry = !p.brought
		return isOver
	case code == "503", m.Header.Get("Description") == "Consumer Deleted":
		p.inbox.broken = true
		return isLost
	default:
		p.inbox.broken = true
		return isRefused
	}
}

// renew gives up the present pull: the server drops it once nobody listens.
func (p *puller) renew() error {
	if err := p.inbox.sub.Drain(); err != nil {
		return fmt.Errorf("consumer: pull: %w", err)
	}
	p.former = append(p.former, p.inbox)
	p.outstanding, p.dry = 0, false
	return p.subscribe()
}

// drain ends the pulling and gives f every message that is still under way to
// here. Without a connection nothing is.
func (p *puller) drain(f func(*nats.Msg)) {
	limit := time.NewTimer(drainLimit)
	defer limit.Stop()
	ended := p.nc.IsConnected() && p.runOut(f, limit.C)
	all := append(slices.Clip(p.former), p.inbox)
	if !ended || p.inbox.sub.Drain() != nil {
		cut(all)
	}
	for _, in := range all {
		p.empty(in, all, f, limit.C)
	}
	for len(p.arrivals) > 0 {
		p.pass(<-p.arrivals, f)
	}
}

// runOut waits for the end of a pull that ends by itself in a moment.
func (p *puller) runOut(f func(*nats.Msg), limit <-chan time.Time) (ended bool) {
	for p.outstanding > 0 && !p.lasting() {
		select {
		case m := <-p.arrivals:
			p.pass(m, f)
		case <-limit:
			return false
		}
	}
	return true
}

// empty waits until an inbox has delivered all that it had.
func (p *puller) empty(in *inbox, all []*inbox, f func(*nats.Msg), limit <-chan time.Time) {
	for {
		select {
		case m := <-p.arrivals:
			p.pass(m, f)
		case <-in.closed:
			return
		case <-limit:
			cut(all)
		}
	}
}

// cut ends the subscriptions without waiting for anything.
func cut(all []*inbox) {
	for _, in := range all {
		_ = in.sub.Unsubscribe() // an error means that it has ended already
	}
}

func (p *puller) pass(m *nats.Msg, f func(*nats.Msg)) {
	if p.read(m) == isMessage {
		f(m)
	}
}
