package authpool

import (
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// Status is how log-ins stand.
type Status string

// The statuses.
const (
	// Untried: no log-in has ended, or the last token ended and none was asked for since.
	Untried Status = "unknown"
	// OK: there is a token, and the API has not refused it.
	OK Status = "ok"
	// Denied: the identity server refuses the credential, or the API fresh tokens.
	Denied Status = "refused"
	// Down: the identity server does not answer as it should.
	Down Status = "unavailable"
)

// CredentialState is how one credential stands. It holds no secret.
type CredentialState struct {
	Name   string
	Status Status
	// Since is when Status and Reason became what they are. Zero: never logged in.
	Since time.Time
	// Reason, Code, HTTPStatus and Detail are those of the failure that is
	// remembered; set also while Status is OK and the renewal fails.
	Reason     job.Reason
	Code       string
	HTTPStatus int
	Detail     string
	// NextTry is when the pool logs in next, by itself. Zero: when it is asked, or
	// once the API has judged the new token.
	NextTry time.Time
	// Age and Expiry are those of the token in use. Zero: there is none.
	Age    time.Duration
	Expiry time.Time
	// InFlight is the number of leases.
	InFlight int64
}

// State is how a pool stands: as its best credential does, or, where none has a
// token, as the one that is tried first. It holds no secret.
type State struct {
	Status     Status
	Since      time.Time
	Reason     job.Reason
	Code       string
	HTTPStatus int
	Detail     string
	NextTry    time.Time
	// Credentials are all of them, in the order of the settings.
	Credentials []CredentialState
}

// State reports how log-ins stand now.
func (p *Pool) State() State {
	now := time.Now()
	all := make([]CredentialState, len(p.accounts))
	best := CredentialState{Status: Untried}
	for i, a := range p.accounts {
		all[i] = a.state(now)
		if i == 0 || all[i].before(best) {
			best = all[i]
		}
	}
	return State{
		Status: best.Status, Since: best.Since, Reason: best.Reason, Code: best.Code, HTTPStatus: best.HTTPStatus,
		Detail: best.Detail, NextTry: best.NextTry, Credentials: all,
	}
}

// before reports whether c says more about the pool than other does.
func (c CredentialState) before(other CredentialState) bool {
	if c.rank() != other.rank() {
		return c.rank() < other.rank()
	}
	return c.rank() == rankFailing && c.NextTry.Before(other.NextTry)
}

const rankFailing = 3

func (c CredentialState) rank() int {
	switch {
	case c.Status == OK && c.Reason == "":
		return 0
	case c.Status == OK:
		return 1
	case c.Status == Untried:
		return 2
	}
	return rankFailing
}

func (a *account) state(now time.Time) CredentialState {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := CredentialState{Name: a.name, Status: Untried, Since: a.since, InFlight: a.inFlight.Load()}
	s, failure := a.current.Load(), a.failure
	if s.good(now) {
		c.Status, c.Age, c.Expiry, c.NextTry = OK, now.Sub(s.born), s.expiry, s.renew
	}
	switch {
	case failure != nil:
		c.NextTry = failure.RetryAt
	case a.refusal != nil: // there is a new token, which the next call tries
		failure, c.NextTry = a.refusal, time.Time{}
	default:
		return c
	}
	c.Reason, c.Code, c.HTTPStatus, c.Detail = failure.Reason, failure.Code, failure.Status, failure.detail()
	if failure.Reason == job.TokenRefused || c.Status != OK {
		c.Status = statusOf(failure.Reason)
	}
	return c
}

func statusOf(reason job.Reason) Status {
	if reason == job.IdentityUnavailable {
		return Down
	}
	return Denied
}
