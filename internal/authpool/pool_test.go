package authpool

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

func asError(t *testing.T, err error) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%v (%T) is no *Error", err, err)
	}
	return e
}

func TestOneLogInForAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", life: time.Hour, took: time.Second}
		p, events := newPool(g)
		var wg sync.WaitGroup
		leases := make([]Lease, 500)
		for i := range leases {
			wg.Go(func() { leases[i] = mustLease(t, p) })
		}
		wg.Wait()
		if g.logins() != 1 {
			t.Fatalf("%d log-ins, want 1", g.logins())
		}
		for _, l := range leases { // the burst of 401s, late ones included
			wg.Go(func() {
				p.Invalidate(l)
				l.Release()
				if got := mustLease(t, p); got.Token() != "a-2" {
					t.Errorf("leased %q, want a-2", got.Token())
				}
				p.Invalidate(l)
			})
		}
		wg.Wait()
		if g.logins() != 2 {
			t.Fatalf("%d log-ins, want 2", g.logins())
		}
		if got := p.State().Credentials[0].InFlight; got != 500 {
			t.Errorf("%d leases, want 500", got)
		}
		wantLines(t, events, Renewed, Renewed)
	})
}

func TestWaitersLeaveOnTheirOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", took: 10 * time.Second}
		p, _ := newPool(g)
		for _, d := range []time.Duration{0, 300 * time.Millisecond, 5 * time.Second} {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			begun := time.Now()
			_, err := p.Lease(ctx)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != d {
				t.Fatalf("Lease = %v after %s, want its own deadline after %s", err, time.Since(begun), d)
			}
		}
		mustLease(t, p) // of the log-in that the first one began
		if g.logins() != 1 {
			t.Errorf("%d log-ins, want 1", g.logins())
		}
	})
}

func TestHungIdentityServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, events := newPool(&fakeGrant{name: "a", took: time.Hour})
		begun := time.Now()
		_, err := p.Lease(t.Context())
		if e := asError(t, err); e.Reason != job.IdentityUnavailable || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Lease = %v", err)
		}
		if d := time.Since(begun); d != loginTimeout {
			t.Errorf("it took %s, want %s", d, loginTimeout)
		}
		wantError(t, p, job.IdentityUnavailable, time.Second)
		wantLines(t, events, "token.refused identity_unavailable")
	})
}

func TestFailuresAreRemembered(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		reason job.Reason
		gaps   []time.Duration // until the third log-in and so on
		result Result
	}{
		"refused":      {errRefused, job.CredentialsRefused, []time.Duration{30e9, 60e9, 120e9, 240e9, 480e9, 900e9, 900e9}, LoginRefused},
		"down":         {errDown, job.IdentityUnavailable, []time.Duration{1e9, 2e9, 4e9, 8e9, 15e9, 15e9}, LoginUnavailable},
		"unknown kind": {errors.New("no route"), job.IdentityUnavailable, []time.Duration{1e9, 2e9, 4e9, 8e9, 15e9, 15e9}, LoginUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				g := &fakeGrant{name: "a", err: tc.err, life: time.Hour}
				p, events := newPool(g)
				for i, gap := range tc.gaps {
					wantError(t, p, tc.reason, gap)
					time.Sleep(gap - 1)
					wantError(t, p, tc.reason, 1)
					if g.logins() != i+1 {
						t.Fatalf("%d log-ins, want %d", g.logins(), i+1)
					}
					time.Sleep(1)
				}
				g.fail(nil)
				mustLease(t, p).Release()
				if diff := cmp.Diff(tc.gaps, g.gaps()); diff != "" {
					t.Errorf("gaps (-want +got)\n%s", diff)
				}
				wantLines(t, events, "token.refused "+string(tc.reason), Renewed)
				if diff := cmp.Diff(map[Result]int{tc.result: len(tc.gaps), LoggedIn: 1}, events.results()); diff != "" {
					t.Errorf("results (-want +got)\n%s", diff)
				}
			})
		})
	}
}

func TestRetryAtOfTheServerCounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a"}
		g.fail(&Error{Reason: job.IdentityUnavailable, Status: 429, RetryAt: time.Now().Add(2 * time.Minute)})
		p, _ := newPool(g)
		wantError(t, p, job.IdentityUnavailable, 2*time.Minute)
	})
}

func TestRenewedAhead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", life: time.Hour, took: 2 * time.Second}
		p, events := newPool(g)
		run(t, p)
		time.Sleep(3 * time.Second)
		for range 24 * 60 * 12 { // a call every 5 s, never waiting
			begun := time.Now()
			mustLease(t, p).Release()
			if d := time.Since(begun); d != 0 {
				t.Fatalf("a lease waited %s", d)
			}
			time.Sleep(5 * time.Second)
		}
		for _, gap := range g.gaps() {
			if gap < 42*time.Minute || gap > 54*time.Minute {
				t.Errorf("renewed after %s", gap)
			}
		}
		if n := g.logins(); n < 26 || n > 35 {
			t.Errorf("%d log-ins in a day", n)
		}
		if n := len(events.lines()); n != g.logins() {
			t.Errorf("%d events of %d log-ins", n, g.logins())
		}
	})
}

func TestOldTokenServesWhileRenewalFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", life: time.Hour}
		p, events := newPool(g)
		run(t, p)
		mustLease(t, p).Release()
		g.fail(errDown)
		born := time.Now()
		time.Sleep(time.Hour - 5*time.Second - 1)
		l := mustLease(t, p)
		l.Release()
		if l.Token() != "a-1" {
			t.Errorf("leased %q", l.Token())
		}
		if s := p.State(); s.Status != OK || s.Reason != job.IdentityUnavailable || s.NextTry.IsZero() {
			t.Errorf("state %+v", s)
		}
		time.Sleep(1)
		if l, err := p.Lease(t.Context()); err == nil {
			t.Errorf("leased %q, %s after it came", l.Token(), time.Since(born))
		}
		for _, gap := range g.gaps()[1:] {
			if gap > 15*time.Second {
				t.Errorf("tried again after %s", gap)
			}
		}
		g.fail(nil)
		if err := p.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantLines(t, events, Renewed, "token.refused identity_unavailable", Renewed)
	})
}

func TestShortLives(t *testing.T) {
	for name, tc := range map[string]struct {
		life, took time.Duration
		works      bool
		most       int // log-ins in a minute
	}{
		"a second":                  {time.Second, 100 * time.Millisecond, true, 70},
		"a millisecond":             {time.Millisecond, 100 * time.Millisecond, true, 70},
		"shorter than the log-in":   {time.Second, 3 * time.Second, false, 8},
		"nearly as long as a login": {time.Second, 899 * time.Millisecond, true, 67},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				g := &fakeGrant{name: "a", life: tc.life, took: tc.took}
				p, _ := newPool(g)
				run(t, p)
				worked := false
				for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
					l, err := p.Lease(t.Context())
					worked = worked || err == nil
					l.Release()
				}
				if worked != tc.works || g.logins() > tc.most {
					t.Errorf("worked %v, %d log-ins in a minute; want %v, at most %d", worked, g.logins(), tc.works, tc.most)
				}
			})
		})
	}
}

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
			if s := p.State(); s.Status != Denied {
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

func TestA401DoesNotShortenTheWaitOfARefusedCredential(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", life: time.Hour}
		p, events := newPool(g)
		run(t, p)
		l := mustLease(t, p)
		g.fail(errRefused)
		time.Sleep(54*time.Minute + time.Second) // the renewal was refused
		p.Accept(l)
		before := g.logins()
		p.Refuse(l)
		_, err := p.Lease(t.Context())
		if e := asError(t, err); e.Reason != job.CredentialsRefused {
			t.Errorf("Lease = %v", err)
		}
		time.Sleep(29 * time.Second)
		if n := g.logins() - before; n > 1 { // one may have been due
			t.Errorf("%d log-ins in 29 s", n)
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
		p.Accept(Lease{})
		p.Refuse(Lease{})
		p.Invalidate(Lease{})
		Lease{}.Release()
	})
}

func TestSeveralCredentials(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &fakeGrant{name: "a", life: time.Hour}
		b := &fakeGrant{name: "b", life: time.Hour, took: time.Second}
		c := &fakeGrant{name: "c", err: errRefused}
		p, _ := newPool(a, b, c)
		run(t, p)
		time.Sleep(2 * time.Second)
		counts := map[string]int{}
		var leases []Lease
		for range 100 {
			l := mustLease(t, p)
			counts[l.Token()]++
			leases = append(leases, l)
		}
		if diff := cmp.Diff(map[string]int{"a-1": 50, "b-1": 50}, counts); diff != "" {
			t.Fatalf("leases (-want +got)\n%s", diff)
		}
		a.fail(errRefused)
		p.Invalidate(leases[0])
		time.Sleep(time.Second)
		if l := mustLease(t, p); l.Token() != "b-1" {
			t.Errorf("leased %q after a was refused", l.Token())
		}
		if s := p.State(); s.Status != OK || s.Credentials[0].Status != Denied || s.Credentials[2].Status != Denied {
			t.Errorf("state %+v", s)
		}
		b.fail(errDown)
		p.Invalidate(leases[1])
		_, err := p.Lease(t.Context())
		if e := asError(t, err); e.Credential != "b" || e.Reason != job.IdentityUnavailable {
			t.Errorf("Lease = %v, want the one that is tried first", err)
		}
		if s := p.State(); s.Status != Down || s.Reason != job.IdentityUnavailable {
			t.Errorf("state %+v", s)
		}
		c.fail(nil)
		if err := p.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if l := mustLease(t, p); !strings.HasPrefix(l.Token(), "c-") {
			t.Errorf("leased %q, want one of c", l.Token())
		}
	})
}

func TestAWaiterTakesTheFirstThatWorks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, _ := newPool(
			&fakeGrant{name: "a", err: errRefused},
			&fakeGrant{name: "b", took: time.Hour},
			&fakeGrant{name: "c", took: 2 * time.Second},
		)
		begun := time.Now()
		if l := mustLease(t, p); l.Token() != "c-1" || time.Since(begun) != 2*time.Second {
			t.Errorf("leased %q after %s", l.Token(), time.Since(begun))
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestALeaseWaitsForOneRoundOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &fakeGrant{name: "a", err: errDown, took: 3 * time.Second}
		b := &fakeGrant{name: "b", err: errDown, took: 5 * time.Second}
		p, _ := newPool(a, b)
		run(t, p) // goes on trying a while b is under way
		begun := time.Now()
		if _, err := p.Lease(t.Context()); asError(t, err).Reason != job.IdentityUnavailable {
			t.Error(err)
		}
		if d := time.Since(begun); d != 5*time.Second {
			t.Errorf("the lease took %s", d)
		}
	})
}

func TestReady(t *testing.T) {
	for name, running := range map[string]bool{"with Run": true, "without Run": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				g := &fakeGrant{name: "a", err: errRefused, life: time.Hour}
				p, _ := newPool(g)
				if running {
					run(t, p)
				}
				time.AfterFunc(100*time.Second, func() { g.fail(nil) })
				begun := time.Now()
				if err := p.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				if d := time.Since(begun); d != 210*time.Second { // 30 + 60 + 120 s
					t.Errorf("ready after %s", d)
				}
				if g.logins() != 4 {
					t.Errorf("%d log-ins, want 4", g.logins())
				}
				mustLease(t, p).Release()
			})
		})
	}
}

func TestReadyEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, _ := newPool(&fakeGrant{name: "a", err: errRefused})
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("enough"))
		defer cancel()
		if err := p.Ready(ctx); err == nil || !strings.Contains(err.Error(), "enough") {
			t.Errorf("Ready = %v", err)
		}
	})
}

func TestStartsNothingByItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a"}
		p, _ := newPool(g)
		time.Sleep(time.Hour)
		if s := p.State(); s.Status != Untried || g.logins() != 0 {
			t.Errorf("state %+v, %d log-ins", s, g.logins())
		}
	})
}

func TestRunEndsAndClosesThePool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", took: time.Hour}
		p, events := newPool(g)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		waiter := make(chan error, 1)
		go func() {
			_, err := p.Lease(t.Context())
			waiter <- err
		}()
		begun := time.Now()
		if err := p.Run(ctx); err != nil || time.Since(begun) != time.Second {
			t.Errorf("Run = %v after %s", err, time.Since(begun))
		}
		if err := <-waiter; !errors.Is(err, ErrClosed) {
			t.Errorf("the waiter got %v", err)
		}
		if err := p.Ready(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Ready = %v", err)
		}
		if _, err := p.Lease(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Lease = %v", err)
		}
		wantLines(t, events) // our own end is no refusal
	})
}

func TestTokensOutliveRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, _ := newPool(&fakeGrant{name: "a", life: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		mustLease(t, p).Release() // the drain still needs it
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Lease(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Lease = %v", err)
		}
	})
}

// sessionGrant is a grant of a product with sessions.
type sessionGrant struct {
	fakeGrant
	ended []string
	err   error
}

func (g *sessionGrant) Logout(_ context.Context, token Token) error {
	g.ended = append(g.ended, token.Value)
	return g.err
}

func TestCloseLogsOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &sessionGrant{fakeGrant: fakeGrant{name: "a"}}
		b := &sessionGrant{fakeGrant: fakeGrant{name: "b"}, err: &Error{Status: 500}}
		c := &sessionGrant{fakeGrant: fakeGrant{name: "c", err: errRefused}}
		p := New(Settings{Credentials: []Credential{{Name: "a", Grant: a}, {Name: "b", Grant: b}, {Name: "c", Grant: c}}})
		mustLease(t, p).Release()
		synctest.Wait()
		if err := p.Close(t.Context()); err == nil || err.Error() != `authpool: credential "b": log-out: status 500` {
			t.Errorf("Close = %v", err)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Errorf("second Close = %v", err)
		}
		if diff := cmp.Diff([][]string{{"a-1"}, {"b-1"}, nil}, [][]string{a.ended, b.ended, c.ended}); diff != "" {
			t.Errorf("ended (-want +got)\n%s", diff)
		}
	})
}

func TestCloseIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		p := New(Settings{Credentials: []Credential{{Name: "a", Grant: grantFunc(func(context.Context) (Token, error) {
			<-release // deaf to its context
			return Token{}, errors.New("late")
		})}}})
		defer close(release)
		go func() { _, _ = p.Lease(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v", err)
		}
	})
}
