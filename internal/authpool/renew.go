package authpool

import (
	"context"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// maxRenewals is how often the renewal of one token is tried. Then the pool logs
// in instead, while the token is still good: what renews may be broken alone.
const maxRenewals = 3

// exchange renews the token in use, where the grant can and the token allows. It
// reports false if a log-in is to be made instead: also after a refusal, which
// is not that of the credential, after an answer with the same token, and if
// there is no answer before the token ends.
func (a *account) exchange(ctx context.Context) (login, bool) {
	grant, ok := a.grant.(Renewal)
	if !ok {
		return login{}, false
	}
	live := a.renewable(time.Now())
	if live == nil {
		return login{}, false
	}
	live.renewals++
	token, _ := live.reveal()
	got := login{files: live.files, born: time.Now()}
	renewal, cancel := context.WithDeadline(ctx, live.usable)
	defer cancel()
	got.token, got.err = grant.Renew(renewal, token)
	useless := got.err == nil && got.token.Value == token.Value ||
		got.err != nil && (failureOf(a.name, got.err).Reason == job.CredentialsRefused || !live.good(time.Now()))
	if useless && a.pool.ctx.Err() == nil {
		live.renewals = maxRenewals
		return login{}, false
	}
	return got, true
}

// renewable is the token in use, if it is good, the API has not refused those
// before it, and it came from the secret that the files still hold. Else nil.
func (a *account) renewable(now time.Time) *session {
	a.mu.Lock()
	s, probation := a.current.Load(), a.refusal != nil
	a.mu.Unlock()
	if !s.good(now) || probation || s.renewals >= maxRenewals || fingerprint(a.files) != s.files {
		return nil
	}
	return s
}
