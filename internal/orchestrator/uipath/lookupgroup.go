package uipath

import (
	"context"
	"slices"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// gatherTime is how long a look-up waits for others that can come along.
const gatherTime = 20 * time.Millisecond

// flight is one request for several who wait for it. It lives as long as one of
// them does: the last to leave ends it, and waits for its end.
type flight[S any] struct {
	of      group
	cancel  context.CancelFunc
	full    chan struct{} // closed when it need not gather any longer
	done    chan struct{} // closed when the fields below are final
	found   map[string]look[S]
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
func (l *lookUps[S]) join(ctx context.Context, of group, r *job.Request) (f *flight[S], leads bool, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.gathering[of]; f != nil && l.seat(f, r) {
		return f, false, 0
	}
	if wait := l.budget.take(time.Now()); wait > 0 {
		return nil, false, l.budget.book(of, l.seats, wait)
	}
	if before := l.gathering[of]; before != nil {
		close(before.full)
	}
	f = &flight[S]{of: of, full: make(chan struct{}), done: make(chan struct{})}
	l.seat(f, r)
	if l.gathering == nil {
		l.gathering = map[group]*flight[S]{}
	}
	l.gathering[of] = f
	// Not the first one's context: the others' look-up does not end with it.
	ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go l.run(ctx, f)
	return f, true, 0
}

// seat reports false if there is no room for one more. It needs the lock.
func (l *lookUps[S]) seat(f *flight[S], r *job.Request) bool {
	name, length, content := l.same(r.Reference), filterLength(r.Reference), contentLength(r.Content)
	known := slices.ContainsFunc(f.references, func(other string) bool { return l.same(other) == name })
	switch {
	case known:
	case len(f.references) > 0 &&
		(len(f.references) >= l.seats || f.length+length > l.room || f.content+content > mostContent):
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
func (l *lookUps[S]) run(ctx context.Context, f *flight[S]) {
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
		f.found = l.ask(ctx, f.of, references)
	}
}

// depart lets no one else join.
func (l *lookUps[S]) depart(f *flight[S]) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gathering[f.of] == f {
		delete(l.gathering, f.of)
	}
	return f.references
}

// await waits for the answer, or for the end of ctx, which is the error. A panic
// of the request is everybody's who waits for it.
func (l *lookUps[S]) await(ctx context.Context, f *flight[S]) error {
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

func (l *lookUps[S]) leave(f *flight[S]) {
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
