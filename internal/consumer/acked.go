package consumer

import "sync"

// generation is how many acks are remembered at the least, and half of how many
// at the most.
const generation = 16_384

// acked remembers the messages that were acked lately: an ack is not waited for,
// and one that got lost brings its message back. It is safe for concurrent use.
type acked struct {
	mu       sync.Mutex
	now, old map[place]struct{}
}

func (a *acked) add(p place) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now == nil {
		a.now, a.old = map[place]struct{}{}, map[place]struct{}{}
	}
	if len(a.now) >= generation {
		a.now, a.old = a.old, a.now
		clear(a.now)
	}
	a.now[p] = struct{}{}
}

func (a *acked) has(p place) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, now := a.now[p]
	_, old := a.old[p]
	return now || old
}
