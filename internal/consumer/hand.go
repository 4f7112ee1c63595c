package consumer

import (
	"maps"
	"sync"
)

// hand holds the deliveries in hand. It is safe for concurrent use.
type hand struct {
	wake chan struct{} // has an element after a delivery left

	mu   sync.Mutex
	next uint64
	all  map[uint64]*delivery
	// copies is of each message; more than one delivery is rare.
	copies map[place]copies
}

// copies are the deliveries of one message that are in hand.
type copies struct {
	n    int
	sent bool // one that has left may have been sent
}

func newHand() *hand {
	return &hand{wake: make(chan struct{}, 1), all: map[uint64]*delivery{}, copies: map[place]copies{}}
}

func (h *hand) add(d *delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	d.number = h.next
	h.all[h.next] = d
	k := h.copies[d.place()]
	d.second = k.n > 0
	k.n++
	h.copies[d.place()] = k
}

func (h *hand) remove(id uint64) {
	h.mu.Lock()
	if d := h.all[id]; d != nil {
		delete(h.all, id)
		if d.gone != nil {
			close(d.gone)
		}
		h.leave(d)
	}
	h.mu.Unlock()
	nudge(h.wake)
}

// leave needs the lock.
func (h *hand) leave(d *delivery) {
	k := h.copies[d.place()]
	if k.n--; k.n == 0 {
		delete(h.copies, d.place())
		return
	}
	k.sent = k.sent || d.maybeSent()
	h.copies[d.place()] = k
}

// nudge wakes who waits for c, which has room for one element, or who will.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
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

// before is an earlier delivery of the same message that is still being worked
// on, and what is closed when it is not any more; nil: none is, and d knows whether
// one that has left may have been sent.
func (h *hand) before(d *delivery) (earlier *delivery, gone <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := h.copies[d.place()]
	d.sentBefore = d.sentBefore || d.second && k.sent
	if k.n < 2 {
		return nil, nil
	}
	for id, other := range h.all {
		if id < d.number && other.place() == d.place() {
			if other.gone == nil {
				other.gone = make(chan struct{})
			}
			return other, other.gone
		}
	}
	return nil, nil
}

// each calls f for every delivery in hand, without the lock.
func (h *hand) each(f func(id uint64, d *delivery)) {
	h.mu.Lock()
	all := make(map[uint64]*delivery, len(h.all))
	maps.Copy(all, h.all)
	h.mu.Unlock()
	for id, d := range all {
		f(id, d)
	}
}
