package authpool

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

// renewing is a grant whose tokens can be renewed and logged out. Its tokens end
// in -r1, -r2 … where they came by a renewal.
type renewing struct {
	sessionGrant
	renewErr error
	hangs    bool    // a renewal is never answered
	same     bool    // a renewal brings the same token
	live     []Token // what was to be renewed
	given    []Token // every token
}

func (g *renewing) Token(ctx context.Context) (Token, error) {
	token, err := g.fakeGrant.Token(ctx)
	token.Refresh = "refresh-" + token.Value
	if err == nil {
		g.give(token)
	}
	return token, err
}

func (g *renewing) Renew(ctx context.Context, live Token) (Token, error) {
	if g.busy.Add(1) != 1 {
		panic("two log-ins at a time")
	}
	defer g.busy.Add(-1)
	g.mu.Lock()
	g.live = append(g.live, live)
	value, err, same, took, life := fmt.Sprintf("%s-r%d", g.name, len(g.live)), g.renewErr, g.same, g.took, g.life
	hangs := g.hangs
	g.mu.Unlock()
	born := time.Now()
	if hangs {
		took = 24 * time.Hour
	}
	select {
	case <-time.After(took):
	case <-ctx.Done():
		return Token{}, ctx.Err()
	}
	if err != nil {
		return Token{}, err
	}
	if same {
		return live, nil
	}
	token := Token{Value: value, Refresh: "refresh-" + value}
	if life != 0 {
		token.Expiry = born.Add(life)
	}
	g.give(token)
	return token, nil
}

func (g *renewing) give(token Token) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.given = append(g.given, token)
}

func (g *renewing) renewals() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.live)
}

func renewingPool(g *renewing, files ...string) (*Pool, *eventLog) {
	events := &eventLog{}
	return New(Settings{Observe: events.observe, Credentials: []Credential{{Name: g.name, Grant: g, SecretFiles: files}}}), events
}

func newRenewing(life time.Duration) *renewing {
	return &renewing{sessionGrant: sessionGrant{fakeGrant: fakeGrant{name: "a", life: life}}}
}

func TestRenewedWhileCallsAreUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newRenewing(20 * time.Minute)
		g.took = 2 * time.Second
		p, events := renewingPool(g)
		run(t, p)
		mustLease(t, p).Release()
		var wg sync.WaitGroup
		for i := range 256 {
			wg.Go(func() {
				for end := time.Now().Add(2 * time.Hour); time.Now().Before(end); {
					begun := time.Now()
					l, err := p.Lease(t.Context())
					if d := time.Since(begun); err != nil || d != 0 {
						t.Errorf("Lease = %v after %s", err, d)
						return
					}
					time.Sleep(20*time.Second + time.Duration(i)*time.Millisecond)
					if left := time.Until(l.session.expiry); left < 0 {
						t.Errorf("the token ended %s before the call did", -left)
					}
					l.Release()
				}
			})
		}
		wg.Wait()
		if g.logins() != 1 || g.renewals() < 6 || g.renewals() > 9 {
			t.Errorf("%d log-ins, %d renewals", g.logins(), g.renewals())
		}
		for i, live := range g.live {
			want := "a-1"
			if i > 0 {
				want = fmt.Sprintf("a-r%d", i)
			}
			if live.Value != want || live.Refresh != "refresh-"+want || time.Until(live.Expiry) > 20*time.Minute {
				t.Errorf("renewal %d is of %s", i, live.Value)
			}
		}
		wantLines(t, events, slices.Repeat([]string{Renewed}, 1+g.renewals())...)
	})
}

func TestARenewalThatDoesNotWork(t *testing.T) {
	for name, tc := range map[string]struct {
		set      func(*renewing)
		renewals int
		within   time.Duration // from the first renewal to the log-in
		lines    []string
	}{
		"refused":         {func(g *renewing) { g.renewErr = errRefused }, 1, 0, []string{Renewed, Renewed}},
		"no secret":       {func(g *renewing) { g.renewErr = &Error{Reason: job.CredentialsRefused, Code: codeSecretMissing} }, 1, 0, []string{Renewed, Renewed}},
		"the same token":  {func(g *renewing) { g.same = true }, 1, 0, []string{Renewed, Renewed}},
		"no answer":       {func(g *renewing) { g.renewErr = errDown }, 3, 7 * time.Second, []string{Renewed, "token.refused identity_unavailable", Renewed}},
		"unknown trouble": {func(g *renewing) { g.renewErr = context.DeadlineExceeded }, 3, 7 * time.Second, []string{Renewed, "token.refused identity_unavailable", Renewed}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				g := newRenewing(time.Hour)
				tc.set(g)
				p, events := renewingPool(g)
				run(t, p)
				mustLease(t, p).Release()
				for g.renewals() == 0 {
					time.Sleep(time.Second)
				}
				begun := time.Now()
				for g.logins() == 1 {
					if l := mustLease(t, p); l.Token() != "a-1" { // serves on
						t.Fatalf("leased %q", l.Token())
					}
					time.Sleep(100 * time.Millisecond)
				}
				if d := time.Since(begun); d < tc.within-time.Second || d > tc.within+time.Second || g.renewals() != tc.renewals {
					t.Errorf("logged in %s after the first of %d renewals, want %s, %d", d, g.renewals(), tc.within, tc.renewals)
				}
				wantLines(t, events, tc.lines...)
			})
		})
	}
}

// TestARenewalThatHangsDelaysNobody: the log-in has its turn when the token ends,
// and not only when the time for both is up.
func TestARenewalThatHangsDelaysNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newRenewing(time.Minute)
		g.hangs = true
		p, events := renewingPool(g)
		run(t, p)
		for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			begun := time.Now()
			mustLease(t, p).Release()
			if d := time.Since(begun); d != 0 {
				t.Fatalf("a lease waited %s", d)
			}
		}
		if n := g.renewals(); g.logins() != 11 || n < 10 || n > 11 {
			t.Errorf("%d log-ins, %d renewals", g.logins(), g.renewals())
		}
		wantLines(t, events, slices.Repeat([]string{Renewed}, 11)...)
	})
}

func TestARefusedRenewalIsNotTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newRenewing(time.Hour)
		p, _ := renewingPool(g)
		run(t, p)
		mustLease(t, p).Release()
		g.renewErr = errRefused
		g.fail(errDown)
		time.Sleep(56 * time.Minute)
		if g.renewals() != 1 || g.logins() < 4 {
			t.Errorf("%d renewals, %d log-ins", g.renewals(), g.logins())
		}
		if l := mustLease(t, p); l.Token() != "a-1" {
			t.Errorf("leased %q", l.Token())
		}
	})
}

func TestWhatIsTurnedDownIsNotRenewed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newRenewing(time.Hour)
		p, _ := renewingPool(g)
		run(t, p)
		l := mustLease(t, p)
		var wg sync.WaitGroup
		for range 500 {
			wg.Go(func() {
				p.Invalidate(l)
				if got := mustLease(t, p); got.Token() != "a-2" {
					t.Errorf("leased %q", got.Token())
				}
			})
		}
		wg.Wait()
		p.Refuse(mustLease(t, p))
		time.Sleep(58 * time.Minute) // the API took no token since: the third is renewed by a log-in
		if g.renewals() != 0 || g.logins() != 4 {
			t.Errorf("%d renewals, %d log-ins", g.renewals(), g.logins())
		}
	})
}

func TestASwappedSecretIsNotRenewed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	bubble(t, func(t *testing.T) {
		g := newRenewing(time.Hour)
		p, _ := renewingPool(g, file)
		run(t, p)
		mustLease(t, p).Release()
		time.Sleep(time.Hour) // renewed once
		if err := os.WriteFile(file, []byte("two"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour - 5*time.Minute)
		if g.renewals() != 1 || g.logins() != 2 {
			t.Errorf("%d renewals, %d log-ins, want 1 and 2", g.renewals(), g.logins())
		}
	})
}

func TestCloseLogsOutWhatWasReplaced(t *testing.T) {
	for name, tc := range map[string]struct {
		life, open time.Duration
		turnDown   bool
		want       []string
	}{
		"still good":      {time.Hour, 55 * time.Minute, false, []string{"a-r1", "a-1"}},
		"has ended":       {time.Hour, 61 * time.Minute, false, []string{"a-r1"}},
		"was turned down": {time.Hour, 55 * time.Minute, true, []string{"a-r1"}},
		"lives for years": {1e5 * time.Hour, 7 * 24 * time.Hour, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				g := newRenewing(tc.life)
				p, _ := renewingPool(g)
				run(t, p)
				l := mustLease(t, p)
				time.Sleep(tc.open)
				if tc.turnDown {
					p.Invalidate(l)
				}
				if err := p.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				want := tc.want
				if want == nil { // every one that there was
					for i := g.renewals(); i > 0; i-- {
						want = append(want, fmt.Sprintf("a-r%d", i))
					}
					want = append(want, "a-1")
				}
				if diff := cmp.Diff(want, g.ended); diff != "" {
					t.Errorf("logged out (-want +got)\n%s", diff)
				}
			})
		})
	}
}

func TestCloseKeepsFewTokens(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newRenewing(1e5 * time.Hour)
		p, _ := renewingPool(g)
		run(t, p)
		mustLease(t, p).Release()
		time.Sleep(60 * 24 * time.Hour)
		_ = p.Close(t.Context())
		if len(g.ended) != maxReplaced+1 || g.ended[0] != fmt.Sprintf("a-r%d", g.renewals()) {
			t.Errorf("logged out %q", g.ended)
		}
	})
}

func TestALogInUnderWayIsLoggedOut(t *testing.T) {
	for name, tc := range map[string]struct {
		took, limit time.Duration
		lasts       time.Duration
		want        []string
	}{
		"quick":             {500 * time.Millisecond, time.Minute, 500 * time.Millisecond, []string{"a-1"}},
		"slow":              {3 * time.Second, time.Minute, time.Second, nil},
		"little time":       {3 * time.Second, time.Second, 500 * time.Millisecond, nil},
		"just in that time": {499 * time.Millisecond, time.Second, 499 * time.Millisecond, []string{"a-1"}},
	} {
		for how, running := range map[string]bool{"Close": false, "Run and Close": true} {
			t.Run(name+", "+how, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					g := newRenewing(time.Hour)
					g.took = tc.took
					p, _ := renewingPool(g)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					ended := make(chan struct{})
					go func() {
						defer close(ended)
						if running {
							_ = p.Run(ctx)
						}
					}()
					go func() { _, _ = p.Lease(t.Context()) }()
					synctest.Wait()
					begun := time.Now()
					cancel()
					limit, stop := context.WithTimeout(t.Context(), tc.limit)
					defer stop()
					err := p.Close(limit)
					if d := time.Since(begun); err != nil || d != tc.lasts {
						t.Errorf("Close = %v after %s, want %s", err, d, tc.lasts)
					}
					<-ended
					if diff := cmp.Diff(tc.want, g.ended); diff != "" {
						t.Errorf("logged out (-want +got)\n%s", diff)
					}
				})
			})
		}
	}
}

func TestARenewalThatIsRefusedAtTheEndLogsNobodyIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newRenewing(time.Hour)
		p, events := renewingPool(g)
		run(t, p)
		mustLease(t, p).Release()
		g.mu.Lock()
		g.took, g.renewErr = 500*time.Millisecond, errRefused
		g.mu.Unlock()
		for g.renewals() == 0 {
			time.Sleep(100 * time.Millisecond)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a-1"}, g.ended); diff != "" || g.logins() != 1 {
			t.Errorf("%d log-ins, logged out (-want +got)\n%s", g.logins(), diff)
		}
		wantLines(t, events, Renewed)
	})
}

func TestATokenThatIsDeadNeedsNoLogOut(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		fault string
	}{
		"it is not known":        {&Error{Status: 401}, ""},
		"a Control Room says so": {&Error{Status: 401, Code: "UM1111", Reason: job.CredentialsRefused}, ""},
		"the client is not":      {&Error{Status: 401, Code: "invalid_client"}, `authpool: credential "a": log-out: invalid_client: status 401`},
		"the server is not well": {&Error{Status: 503}, `authpool: credential "a": log-out: status 503`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				g := newRenewing(time.Hour)
				g.sessionGrant.err = tc.err
				p, _ := renewingPool(g)
				mustLease(t, p).Release()
				err := p.Close(t.Context())
				if (err == nil) != (tc.fault == "") || err != nil && err.Error() != tc.fault {
					t.Errorf("Close = %v, want %q", err, tc.fault)
				}
			})
		})
	}
}

// sameToken is a grant of an identity server that gives its token out again.
type sameToken struct{ sessionGrant }

func (g *sameToken) Token(ctx context.Context) (Token, error) {
	token, err := g.fakeGrant.Token(ctx)
	token.Value = "always"
	return token, err
}

func TestATokenThatIsGivenTwiceIsLoggedOutOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &sameToken{sessionGrant{fakeGrant: fakeGrant{name: "a", life: time.Hour}}}
		p := New(Settings{Credentials: []Credential{{Name: "a", Grant: g}}})
		run(t, p)
		mustLease(t, p).Release()
		time.Sleep(55 * time.Minute)
		if err := p.Close(t.Context()); err != nil || g.logins() != 2 || len(g.ended) != 1 {
			t.Errorf("Close = %v, %d log-ins, logged out %q", err, g.logins(), g.ended)
		}
	})
}
