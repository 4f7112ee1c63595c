package consumer

import (
	"sync"

	"github.com/queueferry/queueferry/internal/ledger"
)

// generation is how many acks are remembered at the least, and half of how many
// at the most.
const generation = 16_384

// acked remembers the messages that were acked lately: an ack is not waited for,
// and one that got lost brings its message back. It is safe for concurrent use.
type acked struct {
	mu       sync.Mutex
	now, old map[ledger.Key]struct{}
}

func (a *acked) add(k ledger.Key) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now == nil || len(a.now) >= generation {
		a.now, a.old = map[ledger.Key]struct{}{}, a.now
	}
	a.now[k] = struct{}{}
}

func (a *acked) has(k ledger.Key) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, now := a.now[k]
	_, old := a.old[k]
	return now || old
}
