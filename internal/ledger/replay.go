package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Replay is the lock and the journal of those who replay dead letters: one does
// at a time, and what it is about to publish is noted before. Whoever comes
// after one that was cut short finds there what it may have published.
type Replay struct {
	Owner string    `json:"owner"`
	Nonce string    `json:"nonce"` // tells one run from the owner's other ones
	Since time.Time `json:"since"` // when the run began, by the owner's clock
	// Until is when the lock ends unless it is renewed; zero: nobody has it.
	Until   time.Time     `json:"until,omitzero"`
	Batches []ReplayBatch `json:"batches,omitempty"`
}

// ReplayBatch is letters that were published, or not: nobody knows. Times are
// by the clock of the server that has the stream of requests.
type ReplayBatch struct {
	Hashes []string  `json:"hashes"`
	First  time.Time `json:"first"` // when it was first tried
	Begun  time.Time `json:"begun"` // when it was last tried
	// Last is the stream's last sequence before the first try.
	Last uint64 `json:"last"`
	// Lineage names the stream and the server that had it then, as far as both are
	// known; empty: they are not. Another one may have forgotten what it took.
	Lineage string `json:"lineage,omitzero"`
}

// ReplayEntry is a Replay as it was loaded.
type ReplayEntry struct {
	Replay Replay
	// Revision is what StoreReplay and Delete compare with; 0: there is none.
	Revision uint64
}

// LoadReplay reads the one Replay, as [Ledger.Load] reads a record.
func (l *Ledger) LoadReplay(ctx context.Context) (ReplayEntry, error) {
	r, revision, err := load(ctx, l, ReplayKey(), decodeReplay)
	return ReplayEntry{Replay: r, Revision: revision}, err
}

// StoreReplay writes the one Replay, as [Ledger.Store] writes a record.
func (l *Ledger) StoreReplay(ctx context.Context, revision uint64, r Replay) (uint64, error) {
	value, err := json.Marshal(r)
	if err != nil {
		return 0, fmt.Errorf("ledger: store %s: %w", ReplayKey(), err)
	}
	return l.store(ctx, ReplayKey(), revision, value, 0)
}

// decodeReplay passes over keys that are not known: a newer version may have
// written them.
func decodeReplay(value []byte) (Replay, error) {
	var r Replay
	if err := json.Unmarshal(value, &r); err != nil {
		return Replay{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if r.Nonce == "" {
		return Replay{}, ErrCorrupt
	}
	return r, nil
}
