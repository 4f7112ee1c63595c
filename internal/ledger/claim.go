package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// ClaimState is how far a claimed request has come.
type ClaimState string

// The states of a claim.
const (
	Claimed ClaimState = "claimed" // it may be under way, or may have been carried out
	Done    ClaimState = "done"    // it was carried out
)

// Claim is what is known of one request that must not be carried out twice, and
// that the product cannot tell from another one. Times are kept in UTC, to the
// nanosecond.
type Claim struct {
	State ClaimState `json:"state"`
	// Owner is the worker that works on it, or did last.
	Owner string `json:"owner"`
	// Nonce tells one claim from the owner's other ones.
	Nonce string `json:"nonce,omitzero"`
	// Until is when the owner's claim ends unless it is renewed; nobody else may
	// touch the request before.
	Until time.Time `json:"until"`
	// Message is the key of the message in whose name it was claimed.
	Message string `json:"message"`
	// Hash tells one request from another one under the same id.
	Hash string `json:"hash"`
	// FirstTry is when the first call was begun.
	FirstTry time.Time `json:"first_try,omitzero"`
	// FirstOwner is the worker by whose clock that was.
	FirstOwner string `json:"first_owner,omitzero"`
	// UnknownSince is when the last call ended whose effect is not known; zero:
	// none did, though one may be under way.
	UnknownSince time.Time `json:"unknown_since,omitzero"`
	// Before is what the connector noted right before the last call; empty: nothing
	// was noted.
	Before string `json:"before,omitzero"`
	// ReceiptID and ReceiptKey are what the orchestrator gave back.
	ReceiptID  string `json:"receipt_id,omitzero"`
	ReceiptKey string `json:"receipt_key,omitzero"`
}

// Receipt is what the orchestrator gave back; zero if nothing is known of it.
func (c Claim) Receipt() job.Receipt { return job.Receipt{ID: c.ReceiptID, Key: c.ReceiptKey} }

// ClaimEntry is a claim as it was loaded.
type ClaimEntry struct {
	Claim Claim
	// Revision is what StoreClaim and Delete compare with; 0: there is no claim.
	Revision uint64
}

// LoadClaim reads the claim of key, as [Ledger.Load] reads a record.
func (l *Ledger) LoadClaim(ctx context.Context, key Key) (ClaimEntry, error) {
	c, revision, err := load(ctx, l, key, decodeClaim)
	return ClaimEntry{Claim: c, Revision: revision}, err
}

// StoreClaim writes the claim, as [Ledger.Store] writes a record. One that is
// done is forgotten by the bucket after ttl, in whole seconds and at least one;
// 0: never. One that is not done is never forgotten, whatever ttl says. A claim
// that could not be read again, of no known state or without a hash, is refused.
func (l *Ledger) StoreClaim(ctx context.Context, key Key, revision uint64, c Claim, ttl time.Duration) (uint64, error) {
	value, err := encodeClaim(c)
	if err != nil {
		return 0, fmt.Errorf("ledger: store %s: %w", key, err)
	}
	if c.State != Done {
		ttl = 0
	}
	return l.store(ctx, key, revision, value, ttl)
}

func encodeClaim(c Claim) ([]byte, error) {
	if (c.State != Claimed && c.State != Done) || c.Hash == "" {
		return nil, ErrCorrupt
	}
	c.Until, c.FirstTry, c.UnknownSince = c.Until.UTC(), c.FirstTry.UTC(), c.UnknownSince.UTC()
	return json.Marshal(c)
}

// decodeClaim reads a claim. Keys that are not known are passed over: a newer
// version may have written them. A state that is not known says nothing at all.
func decodeClaim(value []byte) (Claim, error) {
	var c Claim
	if err := json.Unmarshal(value, &c); err != nil {
		return Claim{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	// A time at the very end of the calendar can be read and never written again.
	if _, err := encodeClaim(c); err != nil {
		return Claim{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return c, nil
}
