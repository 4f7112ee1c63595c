package authpool

import (
	"sync"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

func TestAPIRefusesFreshTokens(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", life: time.Hour}
		p, events := newPool(g)
		l := mustLease(t, p)
		p.Invalidate(l) // a 401 …
		l = mustLease(t, p)
		var wg sync.WaitGroup
		for range 500 { // … and again, with a token fresh from the log-in
			wg.Go(func() { p.Refuse(l) })
		}
		wg.Wait()
		for i, wait := range []time.Duration{5e9, 10e9, 20e9, 40e9, 80e9, 160e9, 300e9, 300e9} {
			wantError(t, p, job.TokenRefused, wait)
			if s := p.State(); s.Status != Denied || s.Reason != job.TokenRefused || s.HTTPStatus != 401 {
				t.Fatalf("state %+v", s)
			}
			time.Sleep(wait)
			l = mustLease(t, p)
			if s := p.State(); s.Status != Denied || !s.NextTry.IsZero() { // the next call tries it, not the renewal
				t.Fatalf("a token that the API has yet to take: state %+v", s)
			}
			if g.logins() != i+3 {
				t.Fatalf("%d log-ins, want %d", g.logins(), i+3)
			}
			p.Invalidate(l) // on probation a single 401 is enough
		}
		time.Sleep(5 * time.Minute)
		l = mustLease(t, p)
		p.Accept(l)
		p.Accept(l)
		if s := p.State(); s.Status != OK || s.Reason != "" {
			t.Errorf("state %+v", s)
		}
		wantLines(t, events, Renewed, Renewed, "token.refused token_refused", Renewed)
		time.Sleep(2 * time.Minute)
		p.Refuse(l) // two minutes old and accepted: revoked, not refused
		l = mustLease(t, p)
		p.Refuse(l)
		wantError(t, p, job.TokenRefused, 5*time.Second)
	})
}

func TestATokenThatWasNeverTakenIsFresh(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, _ := newPool(&fakeGrant{name: "a", life: time.Hour})
		l := mustLease(t, p)
		time.Sleep(10 * time.Minute) // nobody called meanwhile
		p.Refuse(l)
		wantError(t, p, job.TokenRefused, 5*time.Second)
	})
}

func TestA401DoesNotShortenTheWaitOfARefusedCredential(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", life: time.Hour}
		p, events := newPool(g)
		run(t, p)
		l := mustLease(t, p)
		g.fail(errRefused)
		for g.logins() < 2 { // until the renewal is refused
			time.Sleep(time.Second)
		}
		p.Refuse(l)
		_, err := p.Lease(t.Context())
		if e := asError(t, err); e.Reason != job.CredentialsRefused {
			t.Errorf("Lease = %v", err)
		}
		time.Sleep(10 * time.Minute)
		if gap, err := g.hasty(); err != nil {
			t.Errorf("log-in %s after %v", gap, err)
		}
		wantLines(t, events, Renewed, "token.refused credentials_refused")
	})
}

func TestTokensThatAreTakenAndTurnedDownByTurns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", life: time.Hour}
		p, _ := newPool(g)
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if l, err := p.Lease(t.Context()); err == nil {
				p.Accept(l)
				p.Invalidate(l)
			}
		}
		if n := g.logins(); n > 4+12 {
			t.Errorf("%d log-ins in a minute", n)
		}
	})
}

// A token that dies a little early is not one that the API refuses: it is
// replaced at once, as often as that happens.
func TestTokensThatServedForMostOfTheirLife(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, events := newPool(&fakeGrant{name: "a", life: 3 * time.Second})
		for range 20 {
			l := mustLease(t, p)
			p.Accept(l)
			time.Sleep(1600 * time.Millisecond)
			p.Invalidate(l)
		}
		for _, line := range events.lines() {
			if line != Renewed {
				t.Fatal(line)
			}
		}
	})
}

func TestLateVerdictsHaveNoEffect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", life: time.Hour}
		p, _ := newPool(g)
		old := mustLease(t, p)
		p.Invalidate(old)
		l := mustLease(t, p)
		p.Invalidate(old)
		p.Refuse(old)
		if got := mustLease(t, p); got.Generation != l.Generation || old.Generation == l.Generation {
			t.Errorf("generation %d, then %d, then %d", old.Generation, l.Generation, got.Generation)
		}
		p.Refuse(l)
		p.Accept(old) // an answer that took long says nothing about the new token
		p.Accept(l)
		wantError(t, p, job.TokenRefused, 5*time.Second)
		time.Sleep(5 * time.Second)
		p.Refuse(mustLease(t, p))
		wantError(t, p, job.TokenRefused, 10*time.Second)
		p.Accept(Lease{})
		p.Refuse(Lease{})
		p.Invalidate(Lease{})
		Lease{}.Release()
	})
}
