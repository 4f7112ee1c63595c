package lookup

import (
	"context"
	"slices"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// How long a look-up with room left waits for others to come along.
const (
	// GatherTime is for as long as there are look-ups enough.
	GatherTime = 20 * time.Millisecond
	// ScarceGatherTime is for when more than half of those are spent that may be made
	// at once. The others come after calls of their own, whose answers take more or
	// less long; and one look-up too many keeps some waiting for seconds.
	ScarceGatherTime = 250 * time.Millisecond
)

// flight is one request for several who wait for it. It lives as long as one of
// them does: the last to leave ends it, and waits for its end.
type flight[G comparable, S any] struct {
	of      G
	cancel  context.CancelFunc
	full    chan struct{} // closed when it need not gather any longer
	done    chan struct{} // closed when the fields below are final
	found   map[string]look[S]
	panicky any // what the request panicked with

	// Guarded by LookUps.mu; references are fixed once it is not gathering.
	references []string
	length     int // of the filter
	content    int
	waiting    int
}

// join takes a seat in a request that is about to be made. Without leave to make
// one there is no flight: wait is when to come again. leads tells whose request
// it is.
func (l *LookUps[G, S]) join(ctx context.Context, of G, r *job.Request) (f *flight[G, S], leads bool, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.gathering[of]; f != nil && l.seat(f, r) {
		l.departFull(f)
		return f, false, 0
	}
	if wait := l.Budget.Take(time.Now()); wait > 0 {
		return nil, false, l.Budget.book(of, l.Seats, wait)
	}
	if before := l.gathering[of]; before != nil {
		close(before.full)
	}
	f = &flight[G, S]{of: of, full: make(chan struct{}), done: make(chan struct{})}
	l.seat(f, r)
	l.gathering[of] = f
	// Not the first one's context: the others' look-up does not end with it.
	ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go l.run(ctx, f)
	l.departFull(f)
	return f, true, 0
}

// departFull has a flight that gathers wait no longer if nobody else fits it. It
// needs the lock.
func (l *LookUps[G, S]) departFull(f *flight[G, S]) {
	if len(f.references) >= l.Seats || f.length >= l.Room || f.content >= MostContent {
		delete(l.gathering, f.of)
		close(f.full)
	}
}

// seat reports false if there is no room for one more. It needs the lock.
func (l *LookUps[G, S]) seat(f *flight[G, S], r *job.Request) bool {
	name, length, content := l.Same(r.Reference), l.Length(r.Reference), r.Content.Size()
	known := slices.ContainsFunc(f.references, func(other string) bool { return l.Same(other) == name })
	switch {
	case known:
	case len(f.references) > 0 &&
		(len(f.references) >= l.Seats || f.length+length > l.Room || f.content+content > MostContent):
		return false
	default:
		f.references = append(f.references, r.Reference)
		f.length, f.content = f.length+length, f.content+content
	}
	f.waiting++
	return true
}

// run gathers references, and asks for them.
func (l *LookUps[G, S]) run(ctx context.Context, f *flight[G, S]) {
	defer close(f.done)
	defer f.cancel()
	defer func() { f.panicky = recover() }()
	wait := GatherTime
	if l.Budget.scarce(time.Now()) {
		wait = ScarceGatherTime
	}
	gather := time.NewTimer(wait)
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
func (l *LookUps[G, S]) depart(f *flight[G, S]) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gathering[f.of] == f {
		delete(l.gathering, f.of)
	}
	return f.references
}

// await waits for the answer, or for the end of ctx, which is the error. A panic
// of the request is everybody's who waits for it.
func (l *LookUps[G, S]) await(ctx context.Context, f *flight[G, S]) error {
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

func (l *LookUps[G, S]) leave(f *flight[G, S]) {
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
