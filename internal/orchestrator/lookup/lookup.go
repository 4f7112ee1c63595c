// Package lookup holds what connectors share that look up what may have been
// carried out: look-ups that are made together, a budget for them, and what they
// prove. It knows no product.
package lookup

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// Settings say how look-ups are made. G is what those must have in common that are
// made together, as a queue. S is what a request shows of one reference.
type Settings[G comparable, S any] struct {
	Budget *Budget
	Doubt  string // why there is something to look up
	// Seats is how many references a request has room for, at least 1, and Room
	// how long they may be together as Length counts them; one alone always fits.
	Seats, Room int
	Length      func(reference string) int
	// Same gives the same text for references that are looked up as one.
	Same func(reference string) string
	// List makes the request. cut tells that rows of some references may be
	// missing because there are so many of others. Where no list came, stop is what
	// to return instead.
	List func(ctx context.Context, of G, references []string) (seen map[string]S, cut bool, stop *orchestrator.Result)
	// Tell, if set, is told of every look-up that failed. What the others found the
	// connector tells itself.
	Tell func(orchestrator.LookUp)
}

// MostContent keeps the answer below the longest that is read, in bytes of what
// was sent.
const MostContent = 1 << 20

// LookUps makes look-ups of a group that come together with one request, which
// costs one of the budget. It is safe for concurrent use.
type LookUps[G comparable, S any] struct {
	Settings[G, S]

	mu        sync.Mutex
	gathering map[G]*flight[G, S]
}

// New makes look-ups. It makes no request.
func New[G comparable, S any](s Settings[G, S]) *LookUps[G, S] {
	return &LookUps[G, S]{Settings: s, gathering: map[G]*flight[G, S]{}}
}

// look is what became of looking for one reference.
type look[S any] struct {
	seen S
	stop *orchestrator.Result // where nothing was seen
}

// LookUp looks for the request's reference. Where it cannot be looked for now,
// stop is what to return instead.
func (l *LookUps[G, S]) LookUp(ctx context.Context, of G, r *job.Request) (seen S, stop *orchestrator.Result) {
	f, leads, wait := l.join(ctx, of, r)
	if f == nil {
		return seen, l.Limited(wait)
	}
	if err := l.await(ctx, f); err != nil {
		left := orchestrator.Classify(orchestrator.Answer{Err: err, Written: true}, false, false)
		return seen, &left
	}
	found, asked := f.found[l.Same(r.Reference)]
	switch {
	case !asked: // nothing seen is not the same as nothing there
		return seen, l.Limited(time.Second)
	case found.stop == nil:
		return found.seen, nil
	}
	if l.Tell != nil {
		l.Tell(orchestrator.Failed)
	}
	mine := *found.stop
	switch {
	case mine.Wait > 0:
		mine.Wait = l.Budget.book(of, l.Seats, mine.Wait)
	case !leads: // one call failed, not as many as wait for it
		mine.Health, mine.RetryAfter = orchestrator.Untold, 0
	}
	return seen, &mine
}

// Limited is the result of a look-up that the budget does not allow now.
func (l *LookUps[G, S]) Limited(wait time.Duration) *orchestrator.Result {
	r := orchestrator.Later(job.LookUpsLimited, wait, l.Doubt+", and no more look-ups may be made now")
	return &r
}

// ask makes the request, and makes it again in halves if it was cut off: many
// rows of one reference shall not hide those of the others.
func (l *LookUps[G, S]) ask(ctx context.Context, of G, references []string) map[string]look[S] {
	seen, cut, stop := l.List(ctx, of, references)
	if half := len(references) / 2; cut && half > 0 {
		found := l.askHalf(ctx, of, references[:half])
		maps.Copy(found, l.askHalf(ctx, of, references[half:]))
		return found
	}
	if stop != nil && stop.Health == orchestrator.Throttled {
		status := stop.Status
		stop = l.Limited(l.Budget.throttled(time.Now(), stop.RetryAfter))
		stop.Status = status
	}
	found := make(map[string]look[S], len(references))
	for _, reference := range references {
		found[l.Same(reference)] = look[S]{seen[reference], stop}
	}
	return found
}

func (l *LookUps[G, S]) askHalf(ctx context.Context, of G, references []string) map[string]look[S] {
	if wait := l.Budget.Take(time.Now()); wait > 0 {
		found := make(map[string]look[S], len(references))
		for _, reference := range references {
			found[l.Same(reference)] = look[S]{stop: l.Limited(wait)}
		}
		return found
	}
	return l.ask(ctx, of, references)
}

// TooLong reports whether there is an answer, of more than is read.
func TooLong(a orchestrator.Answer) bool { return errors.Is(a.Err, orchestrator.ErrAnswerTooLong) }

// Alike gives every reference the same.
func Alike[S any](references []string, s S) map[string]S {
	seen := make(map[string]S, len(references))
	for _, reference := range references {
		seen[reference] = s
	}
	return seen
}
