package authpool

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
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
					time.Sleep(time.Nanosecond)
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
