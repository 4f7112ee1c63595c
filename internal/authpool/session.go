package authpool

import (
	"sync/atomic"
	"time"
)

// session is one token in use. All but accepted is fixed when it is made.
type session struct {
	// reveal is a closure, because fmt prints the text of unexported fields, and
	// with some verbs also that behind a pointer.
	reveal     func() (token, bearer string)
	generation uint64
	born       time.Time // the moment before the log-in was sent
	expiry     time.Time
	usable     time.Time // from here on it is not handed out: expiry less the floor
	renew      time.Time // from here on a new one is wanted
	files      uint64    // fingerprint of the secret's files before the log-in
	accepted   atomic.Bool
}

// freshFor is how long a token counts as fresh from the log-in, even though the
// API took it once: one call that is always answered 401 must not cause a log-in
// each time that it is made.
const freshFor = time.Minute

// newSession puts a token to use that came at now and was asked for at born. Its
// renewal is at least a second off, whatever its life.
func newSession(token Token, generation uint64, born, now time.Time, fallback time.Duration, r float64) *session {
	life := lifeOf(token, born, fallback)
	value, bearer := token.Value, "Bearer "+token.Value
	s := &session{
		reveal:     func() (string, string) { return value, bearer },
		generation: generation,
		born:       born,
		expiry:     born.Add(life),
		usable:     born.Add(life - floor(life)),
		renew:      born.Add(renewAfter(life, r)),
	}
	if soonest := now.Add(time.Second); s.renew.Before(soonest) {
		s.renew = soonest
	}
	return s
}

// good reports whether the token may be handed out. A nil session may not.
func (s *session) good(now time.Time) bool { return s != nil && now.Before(s.usable) }

// fresh reports whether a 401 says something about the log-in and not about a
// token that was good and has been revoked since.
func (s *session) fresh(now time.Time) bool {
	return !s.accepted.Load() || now.Sub(s.born) < freshFor
}
