package authpool

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// Lease is the right to use a token for one call. Release it exactly once. The
// zero value holds no token, and may be released.
type Lease struct {
	// Generation tells this token from every other of the pool. 0: none.
	Generation uint64

	account *account
	session *session
}

// Token is the token, without a scheme such as Bearer.
func (l Lease) Token() string {
	if l.session == nil {
		return ""
	}
	token, _ := l.session.reveal()
	return token.Value
}

// Release tells that the call is over.
func (l Lease) Release() {
	if l.account != nil {
		l.account.inFlight.Add(-1)
	}
}

// Format prints the generation, whatever the verb.
func (l Lease) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, l.text()) }

// MarshalText is the generation, for JSON and for loggers.
func (l Lease) MarshalText() ([]byte, error) { return []byte(l.text()), nil }

func (l Lease) text() string { return fmt.Sprintf("lease of token %d", l.Generation) }

// Lease gives a token that has some life left, of the credential with the fewest
// leases. Without one it waits for the log-ins that are under way or due now, or
// until ctx ends. A failure that is remembered is returned at once as an
// [*Error]; of several, the one that is tried again first.
func (p *Pool) Lease(ctx context.Context) (Lease, error) {
	if l, ok := p.pick(time.Now()); ok {
		return l, nil
	}
	return p.await(ctx)
}

// pick takes the account with a good token and the fewest leases.
func (p *Pool) pick(now time.Time) (Lease, bool) {
	var best Lease
	fewest := int64(0)
	for _, a := range p.accounts {
		s := a.current.Load()
		if !s.good(now) {
			continue
		}
		if n := a.inFlight.Load(); best.session == nil || n < fewest {
			best, fewest = Lease{s.generation, a, s}, n
		}
	}
	if best.session == nil {
		return Lease{}, false
	}
	best.account.inFlight.Add(1)
	return best, true
}

// rounds is how often a lease goes through log-ins whose token is dropped by
// someone else before it is seen here.
const rounds = 3

func (p *Pool) await(ctx context.Context) (Lease, error) {
	for range rounds {
		l, err := p.ride(ctx, p.board(time.Now()))
		if err != nil || l.session != nil {
			return l, err
		}
		if e := p.failure(); e != nil {
			return Lease{}, e
		}
	}
	return Lease{}, &Error{Reason: job.TokenRefused, RetryAt: time.Now(), Err: errDropped}
}

var errDropped = &cause{text: "tokens are dropped as fast as they come"}

// board is the log-ins that are under way, after those that are due were started.
func (p *Pool) board(now time.Time) []*flight {
	var flights []*flight
	for _, a := range p.accounts {
		if f := a.board(now); f != nil {
			flights = append(flights, f)
		}
	}
	return flights
}

// ride waits until there is a token or all flights are over. In the second case
// the lease is zero.
func (p *Pool) ride(ctx context.Context, flights []*flight) (Lease, error) {
	for {
		rung := p.bell.wait()
		over := landed(flights)
		if l, ok := p.pick(time.Now()); ok {
			return l, nil
		}
		if p.ctx.Err() != nil {
			return Lease{}, ErrClosed
		}
		if over {
			return Lease{}, nil
		}
		select {
		case <-rung:
		case <-ctx.Done():
			return Lease{}, fmt.Errorf("authpool: waiting for a token: %w", context.Cause(ctx))
		}
	}
}

// landed reports whether every flight is over.
func landed(flights []*flight) bool {
	for _, f := range flights {
		select {
		case <-f.done:
		default:
			return false
		}
	}
	return true
}

// failure is the remembered failure that is tried again first. Nil: there is none.
func (p *Pool) failure() *Error {
	var first *Error
	for _, a := range p.accounts {
		a.mu.Lock()
		e := a.failure
		a.mu.Unlock()
		if e != nil && (first == nil || e.RetryAt.Before(first.RetryAt)) {
			first = e
		}
	}
	return first
}

// Ready blocks until a token can be leased, or ctx ends. It waits for log-ins and
// back-offs, tries when a try is due, and notices a changed or found secret file
// within about a second. Its error wraps the context's cause, or is [ErrClosed].
func (p *Pool) Ready(ctx context.Context) error {
	for {
		rung := p.bell.wait()
		now := time.Now()
		if p.usable(now) {
			return nil
		}
		if p.ctx.Err() != nil {
			return ErrClosed
		}
		if ctx.Err() != nil {
			return fmt.Errorf("authpool: waiting for a token: %w", context.Cause(ctx))
		}
		wait := idle
		for _, a := range p.accounts {
			wait = min(wait, a.tend(now))
		}
		p.pause(ctx, rung, wait)
	}
}

// usable reports whether a token could be leased.
func (p *Pool) usable(now time.Time) bool {
	for _, a := range p.accounts {
		if a.current.Load().good(now) {
			return true
		}
	}
	return false
}
