package deadletter

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
)

// past is what is known of a request's earlier tries; zero: that none was
// carried out.
type past struct{ firstTry, unknownSince time.Time }

// past tells whether the letter's request may have been carried out. What the
// worker wrote into the letter counts; where an earlier version wrote nothing,
// the reason does.
func (s Stored) past() past {
	doubtful := !s.UnknownSince.IsZero() || s.Reason == job.UnknownOutcome
	if s.Reason == job.AttemptsExhausted || s.Reason == job.Panicked {
		doubtful = doubtful || !s.FirstTry.IsZero() && first(s.Raw, HeaderUnknownSince) != never
	}
	if !doubtful {
		return past{}
	}
	p := past{firstTry: s.FirstTry, unknownSince: s.UnknownSince}
	if p.firstTry.IsZero() {
		p.firstTry = time.Unix(0, 0) // whatever is found may be its work
	}
	if p.unknownSince.IsZero() {
		p.unknownSince = s.Failed()
	}
	return p
}

// with is both pasts in one: begun at the earliest, ended at the latest.
func (p past) with(other past) past {
	if p.firstTry.IsZero() || !other.firstTry.IsZero() && other.firstTry.Before(p.firstTry) {
		p.firstTry = other.firstTry
	}
	if other.unknownSince.After(p.unknownSince) {
		p.unknownSince = other.unknownSince
	}
	return p
}

// note tells the worker, before the letter is published, that it must look
// before it sends. With dry it only says whether it could.
func (r *Replay) note(ctx context.Context, hash string, p past, dry bool) error {
	if p == (past{}) {
		return nil
	}
	key := ledger.PastKey(hash)
	entry, err := r.Ledger.Load(ctx, key)
	if err != nil {
		return r.unread(key, err)
	}
	old := entry.Record
	p = p.with(past{old.FirstTry, old.UnknownSince})
	if dry || old.FirstTry.Equal(p.firstTry) && old.UnknownSince.Equal(p.unknownSince) {
		return nil
	}
	old.FirstTry, old.UnknownSince = p.firstTry, p.unknownSince
	if _, err := r.Ledger.Store(ctx, key, entry.Revision, old); err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	return nil
}

// errRefused is why one letter is left where it is; the ledger works.
type errRefused struct{ text string }

func (e *errRefused) Error() string { return "deadletter: " + e.text }

func refusef(format string, args ...any) error {
	return &errRefused{fmt.Sprintf(format, args...)}
}

// clear has the ledger forget that the letter's request may have been carried
// out. With dry it only says whether it would.
func (r *Replay) clear(ctx context.Context, s Stored, d Destination, dry bool) error {
	for _, connection := range []string{d.Connection, d.Origin} {
		if err := r.clearClaim(ctx, s, connection, d.RequestID, dry); err != nil {
			return err
		}
	}
	key := ledger.PastKey(s.Hash)
	entry, err := r.Ledger.Load(ctx, key)
	if err != nil {
		return r.unread(key, err)
	}
	if dry {
		return nil
	}
	if err := r.Ledger.Delete(ctx, key, entry.Revision); err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	return nil
}

// clearClaim deletes the claim that the letter's own message left behind. That
// of another message is none of its business: the worker settles between them.
func (r *Replay) clearClaim(ctx context.Context, s Stored, connection, id string, dry bool) error {
	if id == "" || connection == "" {
		return nil
	}
	key := ledger.RequestKey(connection, id)
	entry, err := r.Ledger.LoadClaim(ctx, key)
	if err != nil {
		return r.unread(key, err)
	}
	c := entry.Claim
	switch {
	case entry.Revision == 0 || !r.owns(s, c.Message):
		return nil
	case c.State == ledger.Done:
		return refusef("the ledger says that the request was carried out (%s): purge the letter", orNone(c.Receipt().String()))
	case wall().Before(c.Until):
		return refusef("worker %s has the request in hand until %s: try again later", c.Owner, c.Until.UTC().Format(time.RFC3339))
	case dry:
		return nil
	}
	err = r.Ledger.Delete(ctx, key, entry.Revision)
	if errors.Is(err, ledger.ErrConflict) {
		return refusef("a worker took the request in hand just now: try again later")
	}
	if err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	return nil
}

func orNone(receipt string) string {
	if receipt == "" {
		return "no receipt is known"
	}
	return "receipt " + receipt
}

// owns reports whether a message's key, m.<route>.<sequence>-<nanoseconds>, is
// of the message that became the letter.
func (r *Replay) owns(s Stored, key string) bool {
	stream := s.Stream
	if stream == "" {
		stream = r.Stream
	}
	sequence, at, ok := strings.Cut(key[strings.LastIndexByte(key, '.')+1:], "-")
	seq, err := strconv.ParseUint(sequence, 10, 64)
	ns, atErr := strconv.ParseInt(at, 10, 64)
	return ok && err == nil && atErr == nil && Hash(stream, seq, time.Unix(0, ns)) == s.Hash
}
