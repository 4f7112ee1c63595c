package authpool

import (
	"context"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// loginTimeout bounds one log-in, with the renewal before it, or its second try
// with a changed secret.
const loginTimeout = 20 * time.Second

// login is what a log-in brought.
type login struct {
	token Token
	err   error
	born  time.Time // the moment before it was sent
	files uint64    // fingerprint of the secret's files at that moment
}

// logIn runs in a goroutine of the pool's: no caller's context can end it, and it
// has a time limit of its own.
func (a *account) logIn(f *flight) {
	ctx := a.pool.ctx
	if _, ok := a.grant.(Logout); ok {
		ctx = a.pool.late
	}
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	got := a.ask(ctx)
	ev := a.land(got)
	close(f.done)
	a.pool.bell.ring()
	a.pool.observe(ev)
}

// ask renews the token, or else logs in. Before a refusal is believed the secret's
// files are compared: if one changed since they were read, it is asked once more,
// with the new secret.
func (a *account) ask(ctx context.Context) login {
	if got, ok := a.exchange(ctx); ok {
		return got
	}
	got := a.askOnce(ctx)
	if got.err == nil || len(a.files) == 0 || failureOf(a.name, got.err).Reason != job.CredentialsRefused {
		return got
	}
	if fingerprint(a.files) == got.files || a.pool.ctx.Err() != nil {
		return got
	}
	return a.askOnce(ctx)
}

func (a *account) askOnce(ctx context.Context) login {
	got := login{files: fingerprint(a.files), born: time.Now()}
	got.token, got.err = a.grant.Token(ctx)
	return got
}

// land puts the result into the account. What the pool's own end brought about
// is neither remembered nor told: the event is then empty.
func (a *account) land(got login) Event {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.flight = nil
	switch {
	case got.err == nil:
		return a.renewed(got.token, got.born, now, got.files)
	case a.pool.ctx.Err() != nil:
		return Event{}
	}
	return a.failed(got.err, now, got.files)
}
