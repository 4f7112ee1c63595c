package consumer

import (
	"crypto/sha256"
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
	now, old map[digest]struct{}
}

// digest stands for a key, of which it takes a fraction of the memory. No two
// keys have the same one.
type digest [16]byte

func digestOf(k ledger.Key) digest {
	sum := sha256.Sum256([]byte(k.String()))
	return digest(sum[:16])
}

func (a *acked) add(k ledger.Key) {
	key := digestOf(k)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now == nil {
		a.now, a.old = map[digest]struct{}{}, map[digest]struct{}{}
	}
	if len(a.now) >= generation {
		a.now, a.old = a.old, a.now
		clear(a.now)
	}
	a.now[key] = struct{}{}
}

func (a *acked) has(k ledger.Key) bool {
	key := digestOf(k)
	a.mu.Lock()
	defer a.mu.Unlock()
	_, now := a.now[key]
	_, old := a.old[key]
	return now || old
}
