package uipath

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// The limits of what is looked up with one request.
const (
	// mostRows is how many rows a request asks for: the largest $top of a list of
	// queue items (UiPath Orchestrator API guide, Queue items requests).
	mostRows = 100
	// mostReferences is what a $filter of 100 nodes has room for: the API counts
	// four for a comparison and one for each and, or.
	mostReferences = 19
	// longestFilter is in bytes, escaped: with the rest of it the URL stays well
	// under 2,000. The longest reference alone fits.
	longestFilter = 1400
	// mostContent keeps the answer below the longest that is read, in bytes of
	// what was sent.
	mostContent = 1 << 20
)

// group is what look-ups must have in common to be made together: items are of
// one queue, jobs of none.
type group struct {
	folder string
	queue  code
}

// lookUps makes look-ups of a group that come together with one request, which
// costs one of the budget. S is what a request shows of one reference. It is
// safe for concurrent use.
type lookUps[S any] struct {
	budget *budget
	doubt  string // why there is something to look up
	seats  int    // how many references a request has room for
	room   int    // and how long they may be in its filter; one alone always fits
	// same gives the same text for references that are looked up as one.
	same func(reference string) string
	// list makes the request. cut tells that rows of some references may be
	// missing because there are so many of others. Where no list came, stop is what
	// to return instead.
	list func(ctx context.Context, of group, references []string) (seen map[string]S, cut bool, stop *orchestrator.Result)
	tell func(orchestrator.LookUp)

	mu        sync.Mutex
	gathering map[group]*flight[S]
}

// look is what became of looking for one reference.
type look[S any] struct {
	seen S
	stop *orchestrator.Result // where nothing was seen
}

// lookUp looks for the request's reference. Where it cannot be looked for now,
// stop is what to return instead.
func (l *lookUps[S]) lookUp(ctx context.Context, of group, r *job.Request) (seen S, stop *orchestrator.Result) {
	f, leads, wait := l.join(ctx, of, r)
	if f == nil {
		return seen, l.limited(wait)
	}
	if err := l.await(ctx, f); err != nil {
		left := orchestrator.Classify(orchestrator.Answer{Err: err, Written: true}, false, false)
		return seen, &left
	}
	found, asked := f.found[l.same(r.Reference)]
	switch {
	case !asked: // nothing seen is not the same as nothing there
		return seen, l.limited(time.Second)
	case found.stop == nil:
		return found.seen, nil
	}
	l.tell(orchestrator.Failed)
	mine := *found.stop
	switch {
	case mine.Wait > 0:
		mine.Wait = l.budget.book(of, l.seats, mine.Wait)
	case !leads: // one call failed, not as many as wait for it
		mine.Health, mine.RetryAfter = orchestrator.Untold, 0
	}
	return seen, &mine
}

// limited is the result of a look-up that the budget does not allow now.
func (l *lookUps[S]) limited(wait time.Duration) *orchestrator.Result {
	r := orchestrator.Later(job.LookUpsLimited, wait, l.doubt+", and no more look-ups may be made now")
	return &r
}

// ask makes the request, and makes it again in halves if it was cut off: many
// rows of one reference shall not hide those of the others.
func (l *lookUps[S]) ask(ctx context.Context, of group, references []string) map[string]look[S] {
	seen, cut, stop := l.list(ctx, of, references)
	if half := len(references) / 2; cut && half > 0 {
		found := l.askHalf(ctx, of, references[:half])
		maps.Copy(found, l.askHalf(ctx, of, references[half:]))
		return found
	}
	if stop != nil && stop.Health == orchestrator.Throttled {
		status := stop.Status
		stop = l.limited(l.budget.throttled(time.Now(), stop.RetryAfter))
		stop.Status = status
	}
	found := make(map[string]look[S], len(references))
	for _, reference := range references {
		found[l.same(reference)] = look[S]{seen[reference], stop}
	}
	return found
}

func (l *lookUps[S]) askHalf(ctx context.Context, of group, references []string) map[string]look[S] {
	if wait := l.budget.take(time.Now()); wait > 0 {
		found := make(map[string]look[S], len(references))
		for _, reference := range references {
			found[l.same(reference)] = look[S]{stop: l.limited(wait)}
		}
		return found
	}
	return l.ask(ctx, of, references)
}

// anyReference selects rows by their references.
func anyReference(references []string) string {
	wanted := make([]string, len(references))
	for i, reference := range references {
		wanted[i] = "Reference eq " + quote(reference)
	}
	return strings.Join(wanted, " or ")
}

// whole reports whether a list of so many rows has all that there are. A server
// may end its pages where it likes: then it links to the next.
func whole(a orchestrator.Answer, rows int) bool {
	return rows < mostRows && !bytes.Contains(a.Body, []byte("@odata.nextLink"))
}

// tooLong reports whether there is a list, of more than is read.
func tooLong(a orchestrator.Answer) bool { return errors.Is(a.Err, orchestrator.ErrAnswerTooLong) }

// alike gives every reference the same.
func alike[S any](references []string, s S) map[string]S {
	seen := make(map[string]S, len(references))
	for _, reference := range references {
		seen[reference] = s
	}
	return seen
}

func (c *Connector) tell(what orchestrator.LookUp) {
	if c.LookedUp != nil {
		c.LookedUp(what)
	}
}
