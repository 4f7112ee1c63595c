// Package deadletter sets messages aside on the dead-letter stream, with their
// payload, their headers and the reason; and it lists, replays and purges what
// stands there. It does not know who decides that a message is dead, nor where
// a replayed one belongs.
package deadletter

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/job"
)

// hashDigits is the length of a letter's hash, in hex digits.
const hashDigits = 32

// Letter is one message to be set aside. It is not changed by this package.
type Letter struct {
	Route  string // the route's name, a valid subject token
	Reason job.Reason
	// Detail is a sentence for a person; at most 1 KiB of it is kept.
	Detail    string
	Status    int    // HTTP status; 0: none
	ErrorCode string // the product's own; empty: none
	Attempts  int
	// Stream, Sequence and Time name the message: no two messages share all
	// three, not even after a store was rolled back.
	Stream   string
	Sequence uint64
	Time     time.Time
	Subject  string // that the message was published to
	// RequestID is the request's id; empty where the message could not be decoded.
	RequestID string
	FirstTry  time.Time // zero: never tried
	FailedAt  time.Time
	// UnknownSince is when the last call ended of which nobody knows whether it
	// carried the request out; zero: there is none.
	UnknownSince time.Time
	Header       nats.Header // as it came
	Data         []byte      // as it came
}

// Hash is the letter's identity: 32 hex digits, the same for the same message
// whenever and wherever it is made.
func (l Letter) Hash() string { return Hash(l.Stream, l.Sequence, l.Time) }

// Hash is the first 32 hex digits of the SHA-256 of what names a message. The
// length before the stream's name keeps two different messages from being
// written alike. The time counts to the nanosecond, whatever its zone.
func Hash(stream string, sequence uint64, t time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s:%d:%d", len(stream), stream, sequence, t.UnixNano()))
	return hex.EncodeToString(sum[:])[:hashDigits]
}
