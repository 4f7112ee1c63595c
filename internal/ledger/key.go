package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// Key names one record of the bucket. The zero value names none. Keys are made
// by the functions of this package alone, one for each kind of record.
type Key struct{ name string }

// String is the key as it stands in the bucket.
func (k Key) String() string { return k.name }

// MessageKey is the key of one message of the stream: m.<route>.<sequence>-<t in
// Unix nanoseconds>. The sequence alone would not do: after a store was rolled
// back it names another message. The route's name must be a valid one
// ([A-Za-z0-9_-]).
func MessageKey(route string, sequence uint64, t time.Time) Key {
	b := make([]byte, 0, len("m..-")+len(route)+20+20)
	b = append(b, "m."...)
	b = append(b, route...)
	b = append(b, '.')
	b = strconv.AppendUint(b, sequence, 10)
	b = append(b, '-')
	b = strconv.AppendInt(b, t.UnixNano(), 10)
	return Key{name: string(b)}
}

// RequestKey is the key of one request, whichever messages ask for it:
// r.<connection>.<SHA-256 of its id in hex>. The connection's name must be a
// valid one ([A-Za-z0-9_-]).
func RequestKey(connection, id string) Key {
	sum := sha256.Sum256([]byte(id))
	return Key{name: "r." + connection + "." + hex.EncodeToString(sum[:])}
}

// PastKey is the key of what is known of a dead letter's earlier tries, for the
// message by which it is replayed: d.<the letter's hash>. Its [Record] has
// FirstTry and UnknownSince.
func PastKey(hash string) Key { return Key{name: "d." + hash} }

// ReplayKey is the key of the one [Replay] that may be under way: d.replay.
func ReplayKey() Key { return Key{name: "d.replay"} }
