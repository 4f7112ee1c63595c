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
	// copies counts the deliveries of each message; more than one is rare.
	copies map[place]int
}

func newHand() *hand {
	return &hand{wake: make(chan struct{}, 1), all: map[uint64]*delivery{}, copies: map[place]int{}}
}

func (h *hand) add(d *delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	d.number = h.next
	h.all[h.next] = d
	d.second = h.copies[d.place()] > 0
	h.copies[d.place()]++
}

func (h *hand) remove(id uint64) {
	h.mu.Lock()
	if d := h.all[id]; d != nil {
		delete(h.all, id)
		if d.gone != nil {
			close(d.gone)
		}
		if h.copies[d.place()]--; h.copies[d.place()] == 0 {
			delete(h.copies, d.place())
		}
	}
	h.mu.Unlock()
	nudge(h.wake)
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
// on, and what is closed when it is not any more; nil: none is.
func (h *hand) before(d *delivery) (earlier *delivery, gone <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.copies[d.place()] < 2 {
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
