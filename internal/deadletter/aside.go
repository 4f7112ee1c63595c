package deadletter

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/ledger"
)

// source is the stream of requests, as far as it tells which letters' own
// messages it may still have.
type source struct {
	first uint64 // no message of it is older
	keeps bool   // it keeps what is settled: limits retention
}

func sourceOf(info *jetstream.StreamInfo) source {
	return source{first: max(info.State.FirstSeq, 1), keeps: info.Config.Retention == jetstream.LimitsPolicy}
}

const notAside = "its worker has not set it aside completely: start a worker, or wait a moment, and replay it again"

// setAside refuses a letter whose worker stored it and did not come as far as to
// terminate its message: the next worker stores the letter once more, whether it
// was replayed by then or not. Any other error concerns all letters.
func (r *Replay) setAside(ctx context.Context, s Stored, from source) error {
	if s.Stream != "" && s.Stream != r.Stream || s.Sequence < from.first {
		return nil
	}
	if !r.JetStream.Conn().IsConnected() {
		return fmt.Errorf("deadletter: %w", ErrDisconnected)
	}
	m, err := get(ctx, r.JetStream, r.Stream, question{Seq: s.Sequence})
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("deadletter: look for message %d of %s: %w", s.Sequence, r.Stream, err)
	case Hash(r.Stream, m.Sequence, m.Time) != s.Hash:
		return nil // another message has its place
	case !from.keeps:
		return refusef(notAside)
	}
	key := ledger.MessageKey(s.Route, m.Sequence, m.Time)
	entry, err := r.Ledger.Load(ctx, key)
	switch {
	case err != nil:
		return r.unread(key, err)
	case entry.Record.Dead == nil: // the worker forgets it once the message is terminated
		return nil
	}
	return refusef("%s; if it is left still when its route has nothing pending, delete its record: %s", notAside, r.deletion(key))
}

// parted tells why one letter is left from what concerns all letters.
func parted(err error) (left, fault error) {
	if refused, ok := errors.AsType[*errRefused](err); ok {
		return refused, nil
	}
	return nil, err
}

// unread is the error of a key of the ledger that was not read. One whose value
// is broken concerns the letter alone.
func (r *Replay) unread(key ledger.Key, err error) error {
	if !errors.Is(err, ledger.ErrCorrupt) {
		return fmt.Errorf("deadletter: %w", err)
	}
	return refusef("nobody can read what the ledger has under %s, so that the request may have been carried out: look for it yourself, "+
		"delete the key (%s), and replay it again, with --resend if it is not there", key, r.deletion(key))
}

// deletion is the command that deletes a key.
func (r *Replay) deletion(key ledger.Key) string {
	return fmt.Sprintf("nats kv del %s %s", r.Ledger.Bucket(), key)
}
