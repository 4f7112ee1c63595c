package authpool

import (
	"sync/atomic"
	"time"
)

// session is one token in use. All but what says otherwise is fixed when it is made.
type session struct {
	// reveal is a closure, because fmt prints the text of unexported fields, and
	// with some verbs also that behind a pointer.
	reveal     func() (token Token, bearer []string) // bearer: the header's values
	generation uint64
	born       time.Time // the moment before the log-in was sent
	expiry     time.Time
	usable     time.Time   // from here on it is not handed out: expiry less the floor
	renew      time.Time   // from here on a new one is wanted
	files      uint64      // fingerprint of the secret's files before the log-in
	accepted   atomic.Bool // the API took it
	turned     atomic.Bool // the API answered 401 to it
	guessed    bool        // nobody told how long it lives
	renewals   int         // how often its renewal was tried; only the log-in under way touches it
}

// freshFor is how long a token counts as fresh from the log-in, even though the
// API took it once: one call that is always answered 401 must not cause a log-in
// each time that it is made.
const freshFor = time.Minute

// newSession puts a token to use that came at now and was asked for at born. Its
// renewal is at least a second off, whatever its life.
func newSession(token Token, generation uint64, born, now time.Time, fallback time.Duration, r float64) *session {
	life := lifeOf(token, born, fallback)
	_, told := toldLife(token, born)
	bearer := []string{"Bearer " + token.Value}
	token.Expiry = born.Add(life)
	s := &session{
		reveal:     func() (Token, []string) { return token, bearer },
		generation: generation,
		guessed:    token.Guessed || !told,
		born:       born,
		expiry:     token.Expiry,
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

// over reports whether nothing is left of the token to log out. One whose life
// was guessed, or cut down to maxLife, may live for longer than its expiry says.
func (s *session) over(now time.Time) bool {
	return s.turned.Load() || !s.guessed && !now.Before(s.expiry) && s.expiry.Sub(s.born) < maxLife
}

// fresh reports whether a 401 says something about the log-in and not about a
// token that was good and has been revoked since.
func (s *session) fresh(now time.Time) bool {
	return !s.accepted.Load() || now.Sub(s.born) < freshFor
}
