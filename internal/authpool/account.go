package authpool

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// account is one credential at work: its token, the log-in under way, and what
// is remembered of the last failure.
type account struct {
	pool  *Pool
	name  string
	grant Grant
	files []string
	// session: another log-in of the account may end ours. It is rivals' to judge.
	session bool

	current  atomic.Pointer[session] // nil: no token. Written under mu, read without
	inFlight atomic.Int64            // leases not yet released

	mu       sync.Mutex // guards what follows; never held over I/O or a callback
	flight   *flight    // nil: no log-in under way
	failure  *Error     // why the last log-in, or the token that it gave, failed; nil once one worked
	seen     uint64     // fingerprint of the files that failure is about
	streak   int        // failed log-ins in a row for the same reason
	kind     job.Reason // that reason
	refusal  *Error     // the API refused a fresh token and has accepted none since
	refused  int        // how often in a row
	young    int        // tokens in a row that were dropped soon: within freshFor and half of their life
	rivals   rivalry    // what is known of other log-ins of the account
	replaced []*session // tokens to log out at the end, the oldest first
	told     job.Reason // the reason of the last Refused event; empty after Renewed
	toldFor  string     // its code
	since    time.Time  // when told became what it is; zero: before the first log-in
}

// flight is a log-in under way. done is closed once its result is in the account.
type flight struct{ done chan struct{} }

// due is when the next log-in should begin. The caller holds mu.
func (a *account) due(now time.Time) time.Time {
	at := now
	if s := a.current.Load(); s.good(now) {
		at = s.renew
	}
	if a.failure != nil && a.failure.RetryAt.After(at) {
		at = a.failure.RetryAt
	}
	return at
}

// begin starts a log-in, unless the pool is closed. The caller holds mu and
// found no flight.
func (a *account) begin() {
	f := &flight{done: make(chan struct{})}
	if a.pool.launch(func() { a.logIn(f) }) {
		a.flight = f
	}
}

// board is the log-in under way for a caller that has no token to go on with; it
// starts one if that is due. Nil: there is none, and failure says why.
func (a *account) board(now time.Time) *flight {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.flight == nil && !a.current.Load().good(now) && !a.due(now).After(now) {
		a.begin()
	}
	return a.flight
}

// tend starts the log-in that is due, if any, and says after what time to look
// again. It reads the secret's files while the credential is refused.
func (a *account) tend(now time.Time) time.Duration {
	wait, failure, seen := a.outlook(now)
	if failure == nil || len(a.files) == 0 || failure.Reason == job.IdentityUnavailable {
		return wait
	}
	if fingerprint(a.files) != seen {
		a.forgive(failure)
		return idle
	}
	return min(wait, lookAgain)
}

// idle is for how long nothing needs to be looked at. Any change rings the bell.
const idle = time.Hour

// outlook starts the log-in if it is due. Otherwise it says when it will be, and
// which failure it waits for, with the fingerprint of the files behind it.
func (a *account) outlook(now time.Time) (time.Duration, *Error, uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.flight != nil {
		return idle, nil, 0
	}
	if wait := a.due(now).Sub(now); wait > 0 {
		return min(wait, idle), a.failure, a.seen
	}
	a.begin()
	return idle, nil, 0
}

// forgive starts a log-in before its time, because the secret that failure is
// about has changed.
func (a *account) forgive(failure *Error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.flight == nil && a.failure == failure {
		a.begin()
	}
}

// renewed puts a token to use. The caller holds mu.
func (a *account) renewed(token Token, born, now time.Time, files uint64) Event {
	if !headerSafe(token.Value) {
		return a.failed(&Error{Reason: job.IdentityUnavailable, Code: codeTokenMalformed}, now, files)
	}
	s := newSession(token, a.pool.generation.Add(1), born, now, a.pool.defaultLife, rand.Float64())
	s.files = files
	if !s.good(now) {
		return a.failed(&Error{Reason: job.IdentityUnavailable, Code: codeTokenEnded}, now, files)
	}
	a.rivals.outlived(a.current.Load(), now)
	a.rivals.began(born)
	a.replace(s, now)
	a.failure, a.streak = nil, 0
	ev := Event{Result: LoggedIn, Generation: s.generation, Expiry: s.expiry}
	if a.refusal == nil { // else it is news only once the API takes the token
		a.tell("", "", now)
		ev.Name = Renewed
	}
	return a.sign(ev)
}

// failed remembers a log-in that gave no token. The caller holds mu.
func (a *account) failed(err error, now time.Time, files uint64) Event {
	e := failureOf(a.name, err)
	missing := e.Code == codeSecretMissing
	if a.kind != e.Reason {
		a.streak, a.kind = 0, e.Reason
	}
	wait, result := lookAgain, Result("")
	switch {
	case missing:
	case e.Reason == job.CredentialsRefused:
		a.streak++
		wait, result = credentialBackoff.wait(a.streak), LoginRefused
	default:
		a.streak++
		wait, result = identityBackoff.wait(a.streak), LoginUnavailable
	}
	if at := now.Add(wait); at.After(e.RetryAt) {
		e.RetryAt = at
	}
	a.failure, a.seen = e, files
	return a.report(e, result, now)
}

// report makes the event of a failure; it has a name if it is news. The caller
// holds mu.
func (a *account) report(e *Error, result Result, now time.Time) Event {
	ev := Event{Result: result, Reason: e.Reason, Status: e.Status, Code: e.Code, Detail: e.detail(), RetryAt: e.RetryAt}
	if a.tell(e.Reason, e.Code, now) {
		ev.Name = Refused
	}
	return a.sign(ev)
}

// tell notes what the outside knows, and reports whether that is news.
func (a *account) tell(reason job.Reason, code string, now time.Time) bool {
	if a.told == reason && a.toldFor == code && !a.since.IsZero() {
		return false
	}
	a.told, a.toldFor, a.since = reason, code, now
	return true
}

func (a *account) sign(ev Event) Event {
	ev.Connection, ev.Credential = a.pool.connection, a.name
	return ev
}
