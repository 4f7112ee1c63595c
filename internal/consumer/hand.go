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
}

func newHand() *hand {
	return &hand{wake: make(chan struct{}, 1), all: map[uint64]*delivery{}}
}

func (h *hand) add(d *delivery) (id uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	h.all[h.next] = d
	return h.next
}

func (h *hand) remove(id uint64) {
	h.mu.Lock()
	delete(h.all, id)
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

// twice reports whether another delivery of the same message is being worked on:
// a server that lost its latest writes gives a message out anew.
func (h *hand) twice(d *delivery) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, other := range h.all {
		if other != d && other.key == d.key && !other.answered.Load() {
			return true
		}
	}
	return false
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
