package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// operationLimit bounds one operation on the bucket.
	operationLimit = 2 * time.Second
	// markerTTL is how long the bucket remembers that a key was deleted.
	markerTTL = time.Minute
)

// Ledger is the bucket. It is safe for concurrent use. Each operation takes at
// most 2 seconds, less if its context ends sooner, and tries once; only what no
// server took is sent again within that time. While the connection is down every
// operation fails at once with [ErrDisconnected]: a write must not lie in a
// buffer and take effect minutes later.
type Ledger struct {
	kv      jetstream.KeyValue
	js      jetstream.JetStream
	nc      *nats.Conn
	subject string // what a key's subject begins with
	limit   time.Duration
}

// Open is the ledger in a bucket that exists; an error wraps
// [jetstream.ErrBucketNotFound] where it does not. It stays good when the
// bucket is deleted and made again.
func Open(ctx context.Context, js jetstream.JetStream, bucket string) (*Ledger, error) {
	ctx, cancel := context.WithTimeout(ctx, operationLimit)
	defer cancel()
	kv, err := js.KeyValue(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("ledger: open %s: %w", bucket, err)
	}
	return &Ledger{kv: kv, js: js, nc: js.Conn(), subject: subjectPrefix(js.Options()) + bucket + ".", limit: operationLimit}, nil
}

// subjectPrefix is where a bucket's subjects are published to: below the prefix
// of the JetStream API where that is not the usual one (NATS ADR-8, JetStream
// based Key-Value Stores).
func subjectPrefix(o jetstream.JetStreamOptions) string {
	const own = "$KV."
	api := strings.TrimSuffix(o.APIPrefix, ".") + "."
	if o.Domain != "" {
		api = "$JS." + o.Domain + ".API."
	}
	if api == "." || api == jetstream.DefaultAPIPrefix {
		return own
	}
	return api + own
}

func load[T any](ctx context.Context, l *Ledger, key Key, decode func([]byte) (T, error)) (value T, revision uint64, err error) {
	if !l.nc.IsConnected() {
		return value, 0, fmt.Errorf("ledger: load %s: %w", key, ErrDisconnected)
	}
	ctx, cancel := context.WithTimeout(ctx, l.limit)
	defer cancel()
	got, err := l.kv.Get(ctx, key.name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return value, 0, nil
	}
	if err == nil {
		revision = got.Revision()
		value, err = decode(got.Value())
	}
	if err != nil {
		var none T
		return none, 0, fmt.Errorf("ledger: load %s: %w", key, err)
	}
	return value, revision, nil
}

// Bucket is the bucket's name.
func (l *Ledger) Bucket() string { return l.kv.Bucket() }

// Made is when the bucket was made: what was noted before is lost.
func (l *Ledger) Made(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, l.limit)
	defer cancel()
	stream, err := l.js.Stream(ctx, "KV_"+l.kv.Bucket())
	if err != nil {
		return time.Time{}, fmt.Errorf("ledger: made: %w", err)
	}
	return stream.CachedInfo().Created, nil
}

// store writes the value, which the bucket forgets after ttl; 0: never.
func (l *Ledger) store(ctx context.Context, key Key, revision uint64, value []byte, ttl time.Duration) (written uint64, err error) {
	if !l.nc.IsConnected() {
		return 0, fmt.Errorf("ledger: store %s: %w", key, ErrDisconnected)
	}
	ctx, cancel := context.WithTimeout(ctx, l.limit)
	defer cancel()
	if revision == 0 {
		written, err = l.kv.Create(ctx, key.name, value, jetstream.KeyTTL(ttl))
	} else {
		written, err = l.update(ctx, key, revision, value, ttl)
	}
	if err != nil {
		return 0, fmt.Errorf("ledger: store %s: %w", key, writeError(err))
	}
	return written, nil
}

// update is what the library's Update does, with a time to live, which that one
// does not offer.
func (l *Ledger) update(ctx context.Context, key Key, revision uint64, value []byte, ttl time.Duration) (uint64, error) {
	if key == (Key{}) {
		return 0, jetstream.ErrInvalidKey
	}
	ack, err := l.js.PublishMsg(ctx, &nats.Msg{Subject: l.subject + key.name, Data: value},
		jetstream.WithExpectLastSequencePerSubject(revision), jetstream.WithMsgTTL(ttl))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// Delete forgets the record or the claim, which had the given revision when it
// was loaded. A key that is missing is fine, and revision 0 does nothing at all.
// Errors are those of Store; after [ErrConflict] the key is still there.
func (l *Ledger) Delete(ctx context.Context, key Key, revision uint64) error {
	if revision == 0 {
		return nil
	}
	if !l.nc.IsConnected() {
		return fmt.Errorf("ledger: delete %s: %w", key, ErrDisconnected)
	}
	ctx, cancel := context.WithTimeout(ctx, l.limit)
	defer cancel()
	err := l.kv.Purge(ctx, key.name, jetstream.LastRevision(revision), jetstream.PurgeTTL(markerTTL))
	if err == nil {
		return nil
	}
	err = writeError(err)
	if errors.Is(err, ErrConflict) && l.missing(ctx, key) {
		return nil
	}
	return fmt.Errorf("ledger: delete %s: %w", key, err)
}

func (l *Ledger) missing(ctx context.Context, key Key) bool {
	_, err := l.kv.Get(ctx, key.name)
	return errors.Is(err, jetstream.ErrKeyNotFound)
}
