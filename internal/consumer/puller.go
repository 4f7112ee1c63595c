package consumer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// The pull requests of a route: how long one waits on the server, how often the
// server says that it is still there, and after how long a silence the request
// is given up.
const (
	pullExpires   = 30 * time.Second
	pullHeartbeat = 2 * time.Second
	pullSilence   = 2*pullHeartbeat + 500*time.Millisecond
)

// puller asks the server for messages, and for exactly as many as it is told.
//
// The jetstream package's Fetch drops what is under way when it is cancelled,
// and its Consume fetches ahead of need; both cost deliveries. So this speaks
// the pull protocol itself, on one subscription that can be drained.
type puller struct {
	nc       *nats.Conn
	api      string
	inbox    string // of the present subscription, without the token of a pull
	sub      *nats.Subscription
	closed   []chan struct{} // of each subscription: it has delivered all it had
	arrivals chan *nats.Msg

	number      int // of the last pull
	outstanding int // messages that it may still bring
}

func newPuller(nc *nats.Conn, stream, consumer string) (*puller, error) {
	p := &puller{
		nc:       nc,
		api:      "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer,
		arrivals: make(chan *nats.Msg, 64),
	}
	return p, p.subscribe()
}

// subscribe begins a new inbox; what was asked for under the old one is void
// once that is drained.
func (p *puller) subscribe() error {
	inbox, closed := p.nc.NewInbox(), make(chan struct{})
	sub, err := p.nc.Subscribe(inbox+".*", func(m *nats.Msg) { p.arrivals <- m })
	if err != nil {
		return fmt.Errorf("consumer: subscribe: %w", err)
	}
	sub.SetClosedHandler(func(string) { close(closed) })
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return fmt.Errorf("consumer: subscribe: %w", err)
	}
	p.inbox, p.sub, p.closed = inbox, sub, append(p.closed, closed)
	return nil
}

// ask asks for n messages.
func (p *puller) ask(n int, d Durable) error {
	if d.MaxRequestBatch > 0 {
		n = min(n, d.MaxRequestBatch)
	}
	expires := pullExpires
	if d.MaxRequestExpires > 0 {
		expires = min(expires, d.MaxRequestExpires)
	}
	body, err := json.Marshal(struct {
		Batch     int           `json:"batch"`
		Expires   time.Duration `json:"expires"`
		Heartbeat time.Duration `json:"idle_heartbeat,omitempty"`
	}{n, expires, heartbeat(expires)})
	if err != nil {
		return err
	}
	p.number++
	if err := p.nc.PublishRequest(p.api, p.inbox+"."+strconv.Itoa(p.number), body); err != nil {
		return fmt.Errorf("consumer: pull: %w", err)
	}
	p.outstanding = n
	return nil
}

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

// read tells what m is, and keeps count.
func (p *puller) read(m *nats.Msg) status {
	code := m.Header.Get("Status")
	if code == "" || len(m.Data) > 0 {
		if p.outstanding > 0 {
			p.outstanding--
		}
		return isMessage
	}
	if code == "100" || m.Subject != p.inbox+"."+strconv.Itoa(p.number) {
		return isAlive // or the end of a pull that was given up before
	}
	p.outstanding = 0
	switch {
	case code == "404", code == "408":
		return isOver
	case code == "503", m.Header.Get("Description") == "Consumer Deleted":
		return isLost
	default:
		return isRefused
	}
}

// renew gives up the present pull, after a silence.
func (p *puller) renew() error {
	p.outstanding = 0
	p.closed = slices.DeleteFunc(p.closed, isClosed)
	if err := p.sub.Drain(); err != nil {
		return err
	}
	return p.subscribe()
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// drain ends the pulling and returns what is still under way to here.
func (p *puller) drain() <-chan *nats.Msg {
	rest := make(chan *nats.Msg)
	if err := p.sub.Drain(); err != nil {
		_ = p.sub.Unsubscribe()
	}
	go func() {
		defer close(rest)
		for _, closed := range p.closed {
			p.passUntil(closed, rest)
		}
	}()
	return rest
}

func (p *puller) passUntil(closed <-chan struct{}, rest chan<- *nats.Msg) {
	for {
		select {
		case m := <-p.arrivals:
			p.pass(m, rest)
			continue
		default:
		}
		select {
		case m := <-p.arrivals:
			p.pass(m, rest)
		case <-closed:
			if len(p.arrivals) == 0 {
				return
			}
		}
	}
}

func (p *puller) pass(m *nats.Msg, rest chan<- *nats.Msg) {
	if p.read(m) == isMessage {
		rest <- m
	}
}
