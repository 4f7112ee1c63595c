package authpool

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// lingerFor bounds how long a log-in under way may take once the pool stops, if
// its token could be logged out: cut off, it might leave a live token behind.
const lingerFor = time.Second

// maxReplaced bounds the tokens that are kept only to be logged out. With lives
// of minutes or hours there is one at a time, for the last part of its life; those
// whose life nobody told are kept until newer ones push them out.
const maxReplaced = 16

// Close stops the pool, as the end of Run's context does, takes the tokens out of
// use, and logs out, where the grant can, every one that is still good: those in
// use, and those that were replaced and have not ended; not those that the API
// answered 401 to. A log-in under way has a second to end, and its token is
// logged out too. Close does not wait beyond the end of ctx unless a grant does.
// A second Close does nothing.
func (p *Pool) Close(ctx context.Context) error {
	p.halt()
	defer p.giveUp()
	defer p.linger(ctx)()
	faults := make([]error, len(p.accounts))
	var wg sync.WaitGroup
	for i, a := range p.accounts {
		wg.Go(func() { faults[i] = a.close(ctx) })
	}
	wg.Wait()
	return errors.Join(faults...)
}

// linger gives up the log-ins under way after lingerFor, or when half of the time
// until ctx ends is over, so that the other half is there to log out. The result
// is called once they have ended.
func (p *Pool) linger(ctx context.Context) (over func()) {
	limit := lingerFor
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	stop := context.AfterFunc(ctx, p.giveUp)
	return func() {
		stop()
		cancel()
	}
}

// close waits for the log-in under way and logs out.
func (a *account) close(ctx context.Context) error {
	a.mu.Lock()
	f := a.flight
	a.mu.Unlock()
	if f != nil {
		select {
		case <-f.done:
		case <-ctx.Done():
			return fmt.Errorf("authpool: credential %.64q: the log-in under way does not end: %w", a.name, ctx.Err())
		}
	}
	grant, ok := a.grant.(Logout)
	live := a.leave(time.Now())
	if !ok {
		return nil
	}
	var faults []error
	for _, s := range live {
		token, _ := s.reveal()
		if err := grant.Logout(ctx, token); err != nil {
			e := failureOf(a.name, err)
			if e.Status == http.StatusUnauthorized && e.Code != codeInvalidClient {
				continue // its renewal, its own end or the log-out of another was first
			}
			if s.guessed && time.Now().After(s.expiry) {
				continue // it has most likely ended
			}
			faults = append(faults, &cause{fmt.Sprintf("authpool: credential %.64q: log-out: %s", a.name, e.facts()), e})
		}
	}
	return errors.Join(faults...)
}

// leave takes the token out of use, and gives those to log out: the newest first.
func (a *account) leave(now time.Time) []*session {
	a.mu.Lock()
	defer a.mu.Unlock()
	slices.Reverse(a.replaced)
	all := append([]*session{a.current.Swap(nil)}, a.replaced...)
	a.replaced = nil
	return slices.DeleteFunc(all, func(s *session) bool { return s == nil || s.over(now) })
}

// replace puts s to use in place of the token that is there, which is kept to be
// logged out as long as it is good. The caller holds mu.
func (a *account) replace(s *session, now time.Time) {
	old := a.current.Swap(s)
	if _, ok := a.grant.(Logout); !ok || old == nil {
		return
	}
	was, _ := old.reveal()
	if is, _ := s.reveal(); is.Value == was.Value {
		return // the identity server gave the same token once more
	}
	a.replaced = slices.DeleteFunc(append(a.replaced, old), func(s *session) bool { return s.over(now) })
	if more := len(a.replaced) - maxReplaced; more > 0 {
		a.replaced = slices.Delete(a.replaced, 0, more)
	}
}
