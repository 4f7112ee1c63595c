package authpool

import "time"

// calmAfter is how long a token must live to show that nobody ends the session.
const calmAfter = 15 * time.Minute

// rivalry is what an account of a product with sessions knows of other log-ins of
// the same account: each of them may end our session, as ours ends theirs. It
// keeps the last of any three log-ins a minute away from the first while tokens
// are turned down, so that five pods together make ten a minute at most.
type rivalry struct {
	logins [2]time.Time // when the last two log-ins were sent, the older one first
	lost   time.Time    // when a token was last turned down within freshFor; zero: never
	worked bool         // whether the API had taken that one
	streak int          // waits since a token lived for long
}

// fate is what it means that a token was turned down.
type fate int

const (
	common fate = iota // what it means for every other account
	alone              // a session that worked has ended early: it may be chance
	again              // the second one within a minute, and neither worked
	taken              // the second one within a minute: another log-in ends them
)

// began notes a log-in.
func (r *rivalry) began(at time.Time) { r.logins = [2]time.Time{r.logins[1], at} }

// outlived ends the streak if s lived for long, or until its renewal was due.
func (r *rivalry) outlived(s *session, now time.Time) {
	if s != nil && (now.Sub(s.born) >= calmAfter || !now.Before(s.renew)) {
		r.streak, r.lost = 0, time.Time{}
	}
}

// judge says what it means that s was turned down now.
func (r *rivalry) judge(s *session, now time.Time) fate {
	r.outlived(s, now)
	if now.Sub(s.born) >= freshFor {
		return common
	}
	second := r.streak > 0 || !r.lost.IsZero() && now.Sub(r.lost) < freshFor
	worked, before := s.accepted.Load(), r.worked
	r.lost, r.worked = now, worked
	switch {
	case second && (worked || before):
		r.streak++
		return taken
	case second:
		return again
	case worked:
		return alone
	}
	return common
}

// retryAt is when to log in after a session was taken, by chance x in [0,1): half
// of the wait to half as much again, so that those who fight draw apart.
func (r *rivalry) retryAt(now time.Time, x float64) time.Time {
	wait := float64(takenBackoff.wait(r.streak)) * (0.5 + x)
	return r.notBefore(now.Add(time.Duration(wait)), x)
}

// notBefore is at, or later if two log-ins fall into the minute before it.
func (r *rivalry) notBefore(at time.Time, x float64) time.Time {
	soonest := r.logins[0].Add(time.Duration(float64(time.Minute) * (1 + x/2)))
	if at.Before(soonest) {
		return soonest
	}
	return at
}
