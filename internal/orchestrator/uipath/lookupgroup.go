package uipath

import (
	"context"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// The limits of what is looked up with one request.
const (
	// gatherTime is how long a look-up waits for others that can come along.
	gatherTime = 20 * time.Millisecond
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

// group is what look-ups must have in common to be made together.
type group struct {
	folder string
	queue  code
}

// lookUps makes look-ups of the same queue that come together with one request,
// which costs one of the budget. It is safe for concurrent use.
type lookUps struct {
	budget *budget
	// list asks for items by their references; the answer is by folded reference.
	list func(context.Context, group, []string) map[string]sighting

	mu        sync.Mutex
	gathering map[group]*flight
	booked    bookings
}

// flight is one request for several who wait for it. It lives as long as one of
// them does: the last to leave ends it, and waits for its end.
type flight struct {
	of      group
	cancel  context.CancelFunc
	full    chan struct{} // closed when it need not gather any longer
	done    chan struct{} // closed when the fields below are final
	seen    map[string]sighting
	panicky any // what the request panicked with

	// Guarded by lookUps.mu; references are fixed once it is not gathering.
	references []string
	length     int // of the filter
	content    int
	waiting    int
}

// join takes a seat in a request that is about to be made. Without leave to make
// one there is no flight: wait is when to come again. leads tells whose request
// it is.
func (l *lookUps) join(ctx context.Context, of group, r *job.Request) (f *flight, leads bool, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.gathering[of]; f != nil && f.seat(r) {
		return f, false, 0
	}
	now := time.Now()
	if wait := l.budget.take(now); wait > 0 {
		return nil, false, l.booked.next(of, now, wait, l.budget.interval())
	}
	if before := l.gathering[of]; before != nil {
		close(before.full)
	}
	f = &flight{of: of, full: make(chan struct{}), done: make(chan struct{})}
	f.seat(r)
	if l.gathering == nil {
		l.gathering = map[group]*flight{}
	}
	l.gathering[of] = f
	// Not the first one's context: the others' look-up does not end with it.
	ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go l.run(ctx, f)
	return f, true, 0
}

// seat reports false if there is no room for one more.
func (f *flight) seat(r *job.Request) bool {
	name, length, content := fold(r.Reference), filterLength(r.Reference), contentLength(r.Content)
	known := false
	for _, other := range f.references {
		known = known || fold(other) == name
	}
	switch {
	case known:
	case len(f.references) > 0 &&
		(len(f.references) >= mostReferences || f.length+length > longestFilter || f.content+content > mostContent):
		return false
	default:
		f.references = append(f.references, r.Reference)
		f.length, f.content = f.length+length, f.content+content
	}
	f.waiting++
	return true
}

// filterLength is what a reference adds to the escaped filter.
func filterLength(reference string) int {
	return len("%20or%20Reference%20eq%20") + len(escape(quote(reference)))
}

func contentLength(content job.Fields) (n int) {
	for name, value := range content {
		n += len(name) + len(value)
	}
	return n
}

// run gathers references, and asks for them.
func (l *lookUps) run(ctx context.Context, f *flight) {
	defer close(f.done)
	defer f.cancel()
	defer func() { f.panicky = recover() }()
	gather := time.NewTimer(gatherTime)
	defer gather.Stop()
	select {
	case <-gather.C:
	case <-f.full:
	case <-ctx.Done():
	}
	if references := l.depart(f); ctx.Err() == nil {
		f.seen = l.list(ctx, f.of, references)
	}
}

// depart lets no one else join.
func (l *lookUps) depart(f *flight) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gathering[f.of] == f {
		delete(l.gathering, f.of)
	}
	return f.references
}

// await waits for the answer, or for the end of ctx, which is the error. A panic
// of the request is everybody's who waits for it.
func (l *lookUps) await(ctx context.Context, f *flight) error {
	select {
	case <-f.done:
		if f.panicky != nil {
			panic(f.panicky)
		}
		return nil
	case <-ctx.Done():
		l.leave(f)
		return ctx.Err()
	}
}

func (l *lookUps) leave(f *flight) {
	l.mu.Lock()
	f.waiting--
	last := f.waiting == 0
	if last && l.gathering[f.of] == f {
		delete(l.gathering, f.of)
	}
	l.mu.Unlock()
	if last {
		f.cancel()
		<-f.done
	}
}

// postpone spreads those who were told to wait.
func (l *lookUps) postpone(of group, wait time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.booked.next(of, time.Now(), wait, l.budget.interval())
}
