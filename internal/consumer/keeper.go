package consumer

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// inProgress asks the server to begin the ack wait anew.
var inProgress = []byte("+WPI")

// keeper keeps the messages in hand alive: with an in-progress ack each third of
// the ack wait, made as a request, because only an answer proves that the
// server still has it as ours.
type keeper struct {
	nc      *nats.Conn
	hand    *hand
	lease   func() time.Duration
	retuned chan struct{} // has an element after the ack wait changed

	inbox string
	sub   *nats.Subscription
	stop  chan struct{}
	wg    sync.WaitGroup
}

func newKeeper(nc *nats.Conn, h *hand, lease func() time.Duration) *keeper {
	return &keeper{nc: nc, hand: h, lease: lease, retuned: make(chan struct{}, 1), stop: make(chan struct{})}
}

// start begins to keep what is in hand, until close.
func (k *keeper) start() error {
	k.inbox = k.nc.NewInbox()
	sub, err := k.nc.Subscribe(k.inbox+".*.*", k.answered)
	if err != nil {
		return fmt.Errorf("consumer: subscribe: %w", err)
	}
	k.sub = sub
	k.wg.Go(k.run)
	return nil
}

func (k *keeper) close() {
	close(k.stop)
	k.wg.Wait()
	_ = k.sub.Unsubscribe()
}

// retune lets a new ack wait count at once.
func (k *keeper) retune() { nudge(k.retuned) }

func (k *keeper) run() {
	for {
		timer := time.NewTimer(k.lease() / 3)
		select {
		case <-timer.C:
			k.hand.each(k.extend)
		case <-k.retuned:
		case <-k.stop:
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// extend asks for one more ack wait, counted from now; or gives up a message
// that has not begun and may be someone else's.
func (k *keeper) extend(id uint64, d *delivery) {
	if !d.mine(k.lease()) {
		d.giveUp(errLeaseLost)
		return
	}
	d.extending.Lock() // sending it only fills the library's buffer
	defer d.extending.Unlock()
	if d.answered {
		return // it would put off a nak
	}
	reply := k.inbox + "." + strconv.FormatUint(id, 10) + "." + strconv.FormatInt(time.Now().UnixNano(), 10)
	// An error means no answer, which says it all.
	_ = k.nc.PublishRequest(d.msg.Reply, reply, inProgress)
}

// lastWord has no in-progress ack follow the answer that is sent next: the server
// would forget when a nak wants the message back, and keep it for an ack wait.
func (d *delivery) lastWord() {
	d.extending.Lock()
	defer d.extending.Unlock()
	d.answered = true
}

// prolong takes the time at which the request left, not at which the answer
// came. An answer that came too late proves nothing: the server gives it to
// anyone, also after it gave the message to someone else.
func (d *delivery) prolong(sent int64, ackWait time.Duration) {
	if d.mine(ackWait) {
		d.owned.Store(max(d.owned.Load(), sent))
	}
}

func (k *keeper) answered(m *nats.Msg) {
	if m.Header.Get("Status") != "" {
		return // nobody is there to answer
	}
	id, sent, ok := strings.Cut(strings.TrimPrefix(m.Subject, k.inbox+"."), ".")
	number, err := strconv.ParseUint(id, 10, 64)
	at, err2 := strconv.ParseInt(sent, 10, 64)
	if d := k.hand.get(number); ok && err == nil && err2 == nil && d != nil {
		d.prolong(at, k.lease())
	}
}
