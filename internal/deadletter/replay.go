package deadletter

import (
	"context"
	"errors"
	"iter"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/ledger"
)

// Destination is where a letter is replayed to.
type Destination struct {
	Subject string // of the stream of requests
	// RequestID is the id that the request keeps; empty: it is found again in the
	// payload.
	RequestID  string
	Connection string // of the route; where the request's claim is looked for
	// Elsewhere tells that the route is not the one that the letter came from. What
	// that one may have carried out would be looked for in the wrong place.
	Elsewhere bool
	// Origin is the connection of the route that the letter came from; empty: it is
	// not known, or is no other one.
	Origin string
}

// Replayed is what became of one letter.
type Replayed struct {
	Stored      Stored
	Destination Destination
	// Err says why the letter was left where it is, and what to do; nil: it is in
	// the stream of requests, and no letter any more.
	Err error
	// Unchosen tells that the filter does not choose it: a replay that was broken
	// off had published it, and what was left to do was to remove the letter.
	Unchosen bool
}

// Result counts what became of the letters: of those that were chosen, and of
// the [Replayed] that were not.
type Result struct{ Replayed, Left, Unchosen int }

// Replay puts letters back into the stream of requests.
type Replay struct {
	Store     *Store
	Ledger    *ledger.Ledger
	JetStream jetstream.JetStream
	Stream    string  // of requests
	Owner     string  // who replays: told to whoever tries at the same time
	Rate      float64 // letters per second; 0: no limit
	// Resend tells that somebody has made sure that the requests were not carried
	// out: they are sent without being looked up, and their claims are cleared.
	Resend bool
	// Target says where a letter belongs; its error is why the letter is left.
	Target func(Stored) (Destination, error)
	// Told is called for each letter once its fate is known; nil: nobody is.
	Told func(Replayed)

	batch int // letters at most; 0: 64
}

// Run replays the letters that the filter chooses. However it ends, by ctx, by
// an error or with the process, no letter is lost and none is replayed twice:
// run it again to go on. When ctx ends it finishes the batch under way, within
// 10 seconds. Its error wraps [ErrUnderWay] if another replay has the lock.
func (r *Replay) Run(ctx context.Context, f Filter) (Result, error) {
	u, end, err := r.start(ctx)
	if err != nil {
		return Result{}, err
	}
	defer end()
	err = u.settleDoubts(f)
	if err == nil {
		err = u.replay(f)
	}
	// What ended the run keeps the lock from being given back, too: it is told once.
	if release := u.journal.release(u.books); err == nil {
		err = release
	}
	return u.result, err
}

// Plan is what Run would do: Err says why a letter would be left. It changes
// nothing. What an earlier run left in doubt is not looked for.
func (r *Replay) Plan(ctx context.Context, f Filter) iter.Seq2[Replayed, error] {
	return func(yield func(Replayed, error) bool) {
		requests, err := stream(ctx, r.JetStream, r.Stream)
		if err != nil {
			yield(Replayed{}, err)
			return
		}
		from := sourceOf(requests.CachedInfo())
		for s, err := range r.Store.List(ctx, f, true) {
			planned := Replayed{Stored: s}
			switch {
			case err == nil:
				err = r.plan(ctx, &planned, from)
			case errors.Is(err, ErrPayload):
				planned.Err, err = err, nil
			}
			if err != nil {
				yield(Replayed{}, err)
				return
			}
			if !yield(planned, nil) {
				return
			}
		}
	}
}

func (r *Replay) plan(ctx context.Context, p *Replayed, from source) error {
	p.Destination, p.Err = r.destination(p.Stored)
	if p.Err != nil {
		return nil
	}
	err := r.setAside(ctx, p.Stored, from)
	switch {
	case err != nil:
	case r.Resend:
		err = r.clear(ctx, p.Stored, p.Destination, true)
	default:
		err = r.note(ctx, p.Stored.Hash, p.Stored.past(), true)
	}
	p.Err, err = parted(err)
	return err
}

func (r *Replay) destination(s Stored) (Destination, error) {
	if !isHash(s.Hash) {
		return Destination{}, refusef("its subject does not end in a hash as this program makes it: publish the payload by hand")
	}
	to, err := r.Target(s)
	if err == nil && to.Elsewhere && !r.Resend && s.past() != (past{}) {
		err = refusef("route %s may have carried it out, and another route would look for it in the wrong place: "+
			"look for it yourself, and if it is not there replay it with --resend", s.Route)
	}
	return to, err
}
