package deadletter

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Purge deletes the letters that the filter chooses, of those that are there
// when it begins: one that comes later stays. removed, which may be nil, is told
// how many are deleted so far. When ctx ends, or after an error, n is how many
// were deleted.
func (s *Store) Purge(ctx context.Context, f Filter, removed func(n int)) (n int, err error) {
	if removed == nil {
		removed = func(int) {}
	}
	if f.onlyRoutes() {
		return s.purgeSubjects(ctx, f, removed)
	}
	for l, err := range s.List(ctx, f, false) {
		deleted := false
		if err == nil {
			deleted, err = s.delete(ctx, l.Place)
		}
		if err != nil {
			return n, err
		}
		if deleted { // else somebody replayed or purged it meanwhile
			n++
			removed(n)
		}
	}
	return n, ctx.Err()
}

// onlyRoutes reports whether the filter is one of subjects.
func (f Filter) onlyRoutes() bool {
	f.Routes = nil
	return f.IsZero()
}

// purgeSubjects has the server delete what a subject holds, which takes one
// request for any number of letters.
func (s *Store) purgeSubjects(ctx context.Context, f Filter, removed func(n int)) (n int, err error) {
	info, err := s.info(ctx)
	if err != nil {
		return 0, err
	}
	subjects, err := s.subjects(ctx, f)
	if err != nil {
		return 0, err
	}
	for _, subject := range subjects {
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
		purged, err := s.purgeSubject(ctx, subject, info.State.LastSeq)
		n += purged
		if err != nil {
			return n, fmt.Errorf("deadletter: purge %s: %w", subject, err)
		}
		removed(n)
	}
	return n, nil
}

// purgeSubject asks by itself, because the library drops the count.
func (s *Store) purgeSubject(ctx context.Context, subject string, last uint64) (int, error) {
	var answer struct {
		Error  *jetstream.APIError `json:"error"`
		Purged int                 `json:"purged"`
	}
	// The server purges what lies before the sequence.
	purge := jetstream.StreamPurgeRequest{Subject: subject, Sequence: last + 1}
	if err := ask(ctx, s.js, "STREAM.PURGE."+s.name, purge, &answer); err != nil {
		return 0, err
	}
	if answer.Error != nil {
		return 0, answer.Error
	}
	return answer.Purged, nil
}
