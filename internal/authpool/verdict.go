package authpool

import (
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// Invalidate tells that the API answered 401 to the lease's token. That token is
// dropped, if it is still the current one, and a new log-in is due at once; of
// any number of callers only the first has an effect. It counts as [Pool.Refuse]
// if the API refused the token before this one too, or if this is the fourth in a
// row that lived neither for a minute nor for half of its life. Where a log-in may end another session of
// the account, the second token that is turned down within a minute of its birth,
// after it or the one before had worked, was taken by another log-in: then the
// next one waits 1 m, doubling to 15 m, until a token lives for 15 m or until its
// renewal is due.
func (p *Pool) Invalidate(l Lease) {
	if l.session != nil {
		l.account.reject(l.session, false)
	}
}

// Refuse tells that the API answered 401 to a token fresh from the log-in. It is
// dropped, if it is still the current one, and the next log-in waits 5 s, doubling
// to 5 m, until [Pool.Accept]. A token that the API took for longer than a
// minute is not fresh, and is only dropped.
func (p *Pool) Refuse(l Lease) {
	if l.session != nil {
		l.account.reject(l.session, true)
	}
}

// Accept tells that the API took the lease's token. It is cheap enough for every
// good answer. It ends the waits that Refuse began.
func (p *Pool) Accept(l Lease) {
	if l.session == nil || l.session.accepted.Load() {
		return
	}
	l.account.accept(l.session)
}

// maxYoung is how many tokens in a row may be dropped soon after their log-in
// before the next one waits as if it was refused: an API that takes a token and
// turns it down by turns must not cause a log-in for each of its 401s.
const maxYoung = 3

func (a *account) reject(s *session, refused bool) {
	s.turned.Store(true)
	if a.current.Load() != s {
		return // someone was here before
	}
	ev, done := a.drop(s, refused, time.Now())
	if !done {
		return
	}
	a.pool.bell.ring()
	a.pool.observe(ev)
}

// drop takes the token out of use, and reports whether it was still in use.
func (a *account) drop(s *session, refused bool, now time.Time) (Event, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current.Load() != s {
		return Event{}, false
	}
	a.current.Store(nil)
	e := a.judge(s, refused, now)
	if e == nil {
		return Event{}, true
	}
	if a.failure != nil && a.failure.RetryAt.After(e.RetryAt) {
		return Event{}, true // the log-in does not work either, and waits for longer
	}
	a.failure, a.seen = e, s.files
	return a.report(e, "", now), true
}

// judge says why the next log-in waits, now that the API turned s down. Nil: it
// does not. The caller holds mu.
func (a *account) judge(s *session, refused bool, now time.Time) *Error {
	e := &Error{Credential: a.name, Reason: job.TokenRefused, Status: http.StatusUnauthorized}
	if a.session {
		switch a.rivals.judge(s, now) {
		case alone:
			return nil
		case taken:
			e.Reason, e.RetryAt = job.SessionTaken, a.rivals.retryAt(now, rand.Float64())
			return e
		case again:
			refused = true
		case common:
		}
	}
	a.young++
	if now.Sub(s.born) >= min(freshFor, s.expiry.Sub(s.born)/2) {
		a.young = 0
	}
	if a.refusal == nil && a.young <= maxYoung && !(refused && s.fresh(now)) {
		return nil
	}
	a.refused++
	e.RetryAt = now.Add(tokenBackoff.wait(a.refused))
	if a.session {
		e.RetryAt = a.rivals.notBefore(e.RetryAt, rand.Float64())
	}
	a.refusal = e
	return e
}

func (a *account) accept(s *session) {
	if !s.accepted.CompareAndSwap(false, true) {
		return
	}
	if ev, news := a.lift(s, time.Now()); news {
		a.pool.bell.ring()
		a.pool.observe(ev)
	}
}

// lift ends the API's refusal, if s is the token in use. It reports whether
// there was one.
func (a *account) lift(s *session, now time.Time) (Event, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refusal == nil || a.current.Load() != s {
		return Event{}, false
	}
	a.refusal, a.refused = nil, 0
	a.tell("", "", now)
	return a.sign(Event{Name: Renewed, Generation: s.generation, Expiry: s.expiry}), true
}
