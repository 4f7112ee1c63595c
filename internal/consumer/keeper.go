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
	nc    *nats.Conn
	hand  *hand
	lease func() time.Duration
	inbox string
	sub   *nats.Subscription
	stop  chan struct{}
	wg    sync.WaitGroup
}

func newKeeper(nc *nats.Conn, h *hand, lease func() time.Duration) (*keeper, error) {
	k := &keeper{nc: nc, hand: h, lease: lease, inbox: nc.NewInbox(), stop: make(chan struct{})}
	sub, err := nc.Subscribe(k.inbox+".*.*", k.answered)
	if err != nil {
		return nil, fmt.Errorf("consumer: subscribe: %w", err)
	}
	k.sub = sub
	k.wg.Go(k.run)
	return k, nil
}

func (k *keeper) run() {
	for {
		timer := time.NewTimer(k.lease() / 3)
		select {
		case <-timer.C:
			k.hand.each(k.extend)
		case <-k.stop:
			timer.Stop()
			return
		}
	}
}

// extend asks for one more ack wait, counted from now; or gives up a message
// that has not begun and may be someone else's.
func (k *keeper) extend(id uint64, d *delivery) {
	if !d.mine(k.lease()) {
		d.giveUp(errLeaseLost)
		return
	}
	reply := k.inbox + "." + strconv.FormatUint(id, 10) + "." + strconv.FormatInt(time.Now().UnixNano(), 10)
	// An error means no answer, which says it all.
	_ = k.nc.PublishRequest(d.msg.Reply, reply, inProgress)
}

// answered takes the time at which the request left, not at which the answer came.
func (k *keeper) answered(m *nats.Msg) {
	if m.Header.Get("Status") != "" {
		return // no responders
	}
	id, sent, ok := strings.Cut(strings.TrimPrefix(m.Subject, k.inbox+"."), ".")
	number, err := strconv.ParseUint(id, 10, 64)
	at, err2 := strconv.ParseInt(sent, 10, 64)
	d := k.hand.get(number)
	if !ok || err != nil || err2 != nil || d == nil {
		return
	}
	d.owned.Store(max(d.owned.Load(), at))
}

func (k *keeper) close() {
	close(k.stop)
	k.wg.Wait()
	_ = k.sub.Unsubscribe()
}
