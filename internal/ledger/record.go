package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// Record is what is known of one message. The zero value is a message of which
// nothing was ever noted. Times are kept in UTC, to the nanosecond.
type Record struct {
	// Attempts is how many attempts of the budget are spent.
	Attempts int `json:"attempts,omitzero"`
	// NotSent tells that the last delivery ended before anything was sent: the
	// next one is a first try and needs no look-up.
	NotSent bool `json:"not_sent,omitzero"`
	// FirstTry is when the first call that acts was begun; zero: never.
	FirstTry time.Time `json:"first_try,omitzero"`
	// Owner is the worker by whose clock that was; empty: not known.
	Owner string `json:"owner,omitzero"`
	// UnknownSince is when the last call ended whose effect is not known; zero:
	// there is none.
	UnknownSince time.Time `json:"unknown_since,omitzero"`
	// BusySince is when the product first said "not now", without another answer
	// since; zero: it did not. It is put off by the time in which nobody asked.
	BusySince time.Time `json:"busy_since,omitzero"`
	// BusyUntil is when it was to be asked again; zero: not known.
	BusyUntil time.Time `json:"busy_until,omitzero"`
	// Dead is set once the message is to be set aside: it must never be sent again.
	Dead *Dead `json:"dead,omitzero"`
}

// Dead is why a message is set aside: enough to build the same dead letter again
// after a crash.
type Dead struct {
	Reason    job.Reason `json:"reason"`
	Detail    string     `json:"detail,omitzero"`
	Status    int        `json:"status,omitzero"`     // HTTP status; 0: none
	ErrorCode string     `json:"error_code,omitzero"` // the product's own
	Attempts  int        `json:"attempts,omitzero"`
	FailedAt  time.Time  `json:"failed_at,omitzero"`
}

// Entry is a record as it was loaded.
type Entry struct {
	Record Record
	// Revision is what Store and Delete compare with; 0: there is no record.
	Revision uint64
}

// Load reads the record of key. A key that is missing or deleted is the zero
// Entry. A value that cannot be read is an error that wraps [ErrCorrupt], never
// a zero Record.
func (l *Ledger) Load(ctx context.Context, key Key) (Entry, error) {
	r, revision, err := load(ctx, l, key, decode)
	return Entry{Record: r, Revision: revision}, err
}

// Store writes the record if the key still has the given revision, 0 meaning
// that there is none, and returns the new revision. The error wraps
// [ErrConflict] if the key has another revision by now, and [ErrUncertain] if no
// answer came; after any other error nothing was written.
func (l *Ledger) Store(ctx context.Context, key Key, revision uint64, r Record) (uint64, error) {
	value, err := encode(r)
	if err != nil {
		return 0, fmt.Errorf("ledger: store %s: %w", key, err)
	}
	return l.store(ctx, key, revision, value, 0)
}

func encode(r Record) ([]byte, error) {
	r.FirstTry, r.UnknownSince = r.FirstTry.UTC(), r.UnknownSince.UTC()
	r.BusySince, r.BusyUntil = r.BusySince.UTC(), r.BusyUntil.UTC()
	if r.Dead != nil {
		dead := *r.Dead
		dead.FailedAt = dead.FailedAt.UTC()
		r.Dead = &dead
	}
	return json.Marshal(r)
}

// decode reads a record. Keys that are not known are passed over: a newer
// version may have written them.
func decode(value []byte) (Record, error) {
	// JSON's null would leave the record zero without an error.
	if v := bytes.TrimLeft(value, " \t\r\n"); len(v) == 0 || v[0] != '{' {
		return Record{}, ErrCorrupt
	}
	var r Record
	if err := json.Unmarshal(value, &r); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if r.Attempts < 0 || (r.Dead != nil && r.Dead.Reason == "") {
		return Record{}, ErrCorrupt
	}
	// A time at the very end of the calendar can be read and never written again.
	if _, err := encode(r); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return r, nil
}
