package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// operationLimit bounds one operation on the bucket.
	operationLimit = 2 * time.Second
	// markerTTL is how long the bucket remembers that a record was deleted.
	markerTTL = time.Minute
)

var (
	// ErrConflict means that someone else wrote the key since it was loaded:
	// nothing was changed. Load it again.
	ErrConflict = errors.New("written by someone else")
	// ErrUncertain means that the answer is missing: the record may have been
	// written or not, and may still be written later. The caller must not go on
	// as if it had been, and must load it before the next write.
	ErrUncertain = errors.New("may or may not have been written")
	// ErrDisconnected means that there is no connection: nothing was sent, and
	// nothing was changed.
	ErrDisconnected = errors.New("not connected to NATS")
)

// Ledger is the bucket. It is safe for concurrent use. Each operation takes at
// most 2 seconds, less if its context ends sooner, and tries once. While the
// connection is down every operation fails at once with [ErrDisconnected]: a
// write must not lie in a buffer and take effect minutes later.
type Ledger struct {
	kv    jetstream.KeyValue
	nc    *nats.Conn
	limit time.Duration
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
	return &Ledger{kv: kv, nc: js.Conn(), limit: operationLimit}, nil
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
	if !l.nc.IsConnected() {
		return Entry{}, fmt.Errorf("ledger: load %s: %w", key, ErrDisconnected)
	}
	ctx, cancel := context.WithTimeout(ctx, l.limit)
	defer cancel()
	got, err := l.kv.Get(ctx, key.name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Entry{}, nil
	}
	if err != nil {
		return Entry{}, fmt.Errorf("ledger: load %s: %w", key, err)
	}
	r, err := decode(got.Value())
	if err != nil {
		return Entry{}, fmt.Errorf("ledger: load %s: %w", key, err)
	}
	return Entry{Record: r, Revision: got.Revision()}, nil
}

// Store writes the record if the key still has the given revision, 0 meaning
// that there is none, and returns the new revision. The error wraps
// [ErrConflict] if someone else wrote it, and [ErrUncertain] if no answer came;
// after any other error nothing was written.
func (l *Ledger) Store(ctx context.Context, key Key, revision uint64, r Record) (uint64, error) {
	value, err := encode(r)
	if err != nil {
		return 0, fmt.Errorf("ledger: store %s: %w", key, err)
	}
	if !l.nc.IsConnected() {
		return 0, fmt.Errorf("ledger: store %s: %w", key, ErrDisconnected)
	}
	ctx, cancel := context.WithTimeout(ctx, l.limit)
	defer cancel()
	var written uint64
	if revision == 0 {
		written, err = l.kv.Create(ctx, key.name, value)
	} else {
		written, err = l.kv.Update(ctx, key.name, value, revision)
	}
	if err != nil {
		return 0, fmt.Errorf("ledger: store %s: %w", key, writeError(err))
	}
	return written, nil
}

// Delete forgets the record, which had the given revision when it was loaded. A
// key that is missing is fine, and revision 0 does nothing at all. Errors are
// those of Store; after [ErrConflict] the record is still there.
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

// writeError tells a write that was refused from one of which nobody knows.
func writeError(err error) error {
	if isConflict(err) {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	if refused(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUncertain, err)
}

// isConflict knows both codes of a failed comparison: replicated streams answer
// with their own, and not every path of the library maps it.
func isConflict(err error) bool {
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return true
	}
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// refused reports that the server said no, or that nothing was sent.
func refused(err error) bool {
	if _, ok := errors.AsType[*jetstream.APIError](err); ok {
		return true
	}
	return errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, jetstream.ErrInvalidKey) ||
		errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrReconnectBufExceeded)
}
