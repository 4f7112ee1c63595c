package deadletter

import (
	"slices"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// Stored is a dead letter as it stands in the stream.
type Stored struct {
	// Letter is what can be read of it. Time is zero: the stream's timestamp of
	// the original message is not kept. Header and Data are as they came, as far
	// as they can be had back, and nil where only headers were asked for.
	Letter
	// Hash is the letter's identity, the last token of its subject.
	Hash string
	// Place is its sequence in the dead-letter stream.
	Place uint64
	// At is when it was stored.
	At time.Time
	// Size is the payload's length in bytes, as it is stored.
	Size int
	// Raw is the header as it is stored.
	Raw map[string][]string
}

// Failed is when the message was given up: FailedAt, else when it was stored.
func (s Stored) Failed() time.Time {
	if s.FailedAt.IsZero() {
		return s.At
	}
	return s.FailedAt
}

// leastPrefix is how many digits of a hash name a letter, if no other begins alike.
const leastPrefix = 6

// Filter chooses dead letters: those that match in every field which is set.
// The zero value matches all.
type Filter struct {
	Routes  []string     // any of these
	Reasons []job.Reason // any of these
	// IDs are any of these request ids, hashes, or first digits of hashes (at
	// least six).
	IDs []string
	// Before and After bound when the message was given up, Before exclusive.
	Before, After time.Time
}

// IsZero reports whether the filter matches everything.
func (f Filter) IsZero() bool {
	return len(f.Routes) == 0 && len(f.Reasons) == 0 && len(f.IDs) == 0 && f.Before.IsZero() && f.After.IsZero()
}

// Match reports whether the letter is chosen.
func (f Filter) Match(s Stored) bool {
	switch {
	case len(f.Routes) > 0 && !slices.Contains(f.Routes, s.Route):
		return false
	case len(f.Reasons) > 0 && !slices.Contains(f.Reasons, s.Reason):
		return false
	case len(f.IDs) > 0 && !slices.ContainsFunc(f.IDs, s.Named):
		return false
	case !f.Before.IsZero() && !s.Failed().Before(f.Before):
		return false
	}
	return f.After.IsZero() || !s.Failed().Before(f.After)
}

// Named reports whether id is the letter's request id, its hash, or enough of
// the hash's first digits.
func (s Stored) Named(id string) bool {
	return id != "" && (id == s.RequestID || len(id) >= leastPrefix && strings.HasPrefix(s.Hash, strings.ToLower(id)))
}
