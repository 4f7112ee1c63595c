package authpool

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// house is a product that knows one session of an account: a log-in ends the one
// before it.
type house struct {
	mu     sync.Mutex
	valid  string
	logins []time.Time
	good   int // calls with the valid token
	bad    int
}

func (h *house) Token(ctx context.Context) (Token, error) {
	born := time.Now()
	select {
	case <-time.After(80 * time.Millisecond):
	case <-ctx.Done():
		return Token{}, ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.logins = append(h.logins, born)
	h.valid = fmt.Sprintf("session-%d", len(h.logins))
	return Token{Value: h.valid, Expiry: born.Add(20 * time.Minute)}, nil
}

// takes reports whether the product takes the token.
func (h *house) takes(token string) bool {
	time.Sleep(20 * time.Millisecond)
	h.mu.Lock()
	defer h.mu.Unlock()
	if token == h.valid {
		h.good++
		return true
	}
	h.bad++
	return false
}

// call does what a Transport does with the answers, and reports success.
func (h *house) call(ctx context.Context, p *Pool) bool {
	for _, verdict := range []func(Lease){p.Invalidate, p.Refuse} {
		l, err := p.Lease(ctx)
		if err != nil {
			return false
		}
		taken := h.takes(l.Token())
		l.Release()
		if taken {
			p.Accept(l)
			return true
		}
		verdict(l)
	}
	return false
}

// busiest is the most log-ins in any minute.
func (h *house) busiest() int {
	most, from := 0, 0
	for i, at := range h.logins {
		for at.Sub(h.logins[from]) >= time.Minute {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

func sessionPool(name string, grant Grant, observe func(Event)) *Pool {
	return New(Settings{Connection: "acme", Observe: observe, Credentials: []Credential{{Name: name, Grant: grant, Session: true}}})
}

func TestPodsThatFightForAnAccount(t *testing.T) {
	for _, pods := range []int{2, 3, 5} {
		t.Run(fmt.Sprintf("%d pods", pods), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h, events := &house{}, &eventLog{}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				var wg sync.WaitGroup
				for pod := range pods {
					p := sessionPool("a", &grantOfPod{h}, events.observe)
					wg.Go(func() { _ = p.Run(ctx) })
					wg.Go(func() {
						time.Sleep(time.Duration(pod) * 7 * time.Millisecond)
						for ctx.Err() == nil {
							h.call(ctx, p)
							time.Sleep(250 * time.Millisecond)
						}
					})
				}
				wg.Wait()
				if n := h.busiest(); n > 2*pods {
					t.Errorf("%d log-ins in a minute, want at most %d", n, 2*pods)
				}
				if n := len(h.logins); n > pods*20 {
					t.Errorf("%d log-ins in an hour", n)
				}
				if !slices.Contains(events.lines(), "token.refused session_taken") {
					t.Errorf("nobody says why: %q", events.lines()[:min(20, len(events.lines()))])
				}
				if whole := int(time.Hour / (270 * time.Millisecond)); h.good < whole/2 {
					t.Errorf("%d calls worked, of %d that one pod alone would make", h.good, whole)
				}
				t.Logf("%d log-ins in an hour, %d in the busiest minute; %d calls worked, %d met a 401", len(h.logins), h.busiest(), h.good, h.bad)
			})
		})
	}
}

// grantOfPod logs one pod in.
type grantOfPod struct{ *house }

// worked leases a token and has the API take it.
func worked(t *testing.T, p *Pool) Lease {
	t.Helper()
	l := mustLease(t, p)
	l.Release()
	p.Accept(l)
	return l
}

// wantTaken leases and expects a wait, by half less or more.
func wantTaken(t *testing.T, p *Pool, wait time.Duration) time.Duration {
	t.Helper()
	_, err := p.Lease(t.Context())
	e := asError(t, err)
	in := time.Until(e.RetryAt)
	if e.Reason != job.SessionTaken || e.Status != 401 || in < wait/2 || in > wait*3/2 {
		t.Fatalf("Lease: %v, reason %s, retry in %s; want session_taken in about %s", err, e.Reason, in, wait)
	}
	return in
}

func TestASessionThatIsTaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, events := &fakeGrant{name: "a", life: 2 * time.Hour}, &eventLog{}
		p := sessionPool("a", g, events.observe)
		p.Invalidate(worked(t, p)) // once: logged in at once
		time.Sleep(30 * time.Second)
		apart := false // from the same wait of another pod
		for i, wait := range []time.Duration{1, 2, 4, 8, 15, 15} {
			l := worked(t, p)
			var wg sync.WaitGroup
			for range 500 {
				wg.Go(func() { p.Invalidate(l) })
			}
			wg.Wait()
			in := wantTaken(t, p, wait*time.Minute)
			apart = apart || in.Round(time.Second) != wait*time.Minute
			if s := p.State(); s.Status != Denied || s.Reason != job.SessionTaken || s.HTTPStatus != 401 || s.Detail == "" {
				t.Fatalf("state %+v", s)
			}
			time.Sleep(in)
			if n := g.logins(); n != i+2 {
				t.Fatalf("%d log-ins, want %d", n, i+2)
			}
		}
		if !apart {
			t.Error("the waits are not by chance")
		}
		want := []string{Renewed, Renewed}
		for range 6 {
			want = append(want, "token.refused session_taken", Renewed)
		}
		l := worked(t, p)
		wantLines(t, events, want...)

		time.Sleep(calmAfter - time.Second)
		p.Invalidate(l) // not soon after its birth: at once, but the streak stands
		p.Invalidate(worked(t, p))
		time.Sleep(wantTaken(t, p, 15*time.Minute))
		l = worked(t, p)
		time.Sleep(calmAfter)
		p.Invalidate(l) // it lived for long: the streak has ended
		p.Invalidate(worked(t, p))
		p.Invalidate(worked(t, p))
		wantTaken(t, p, time.Minute)
	})
}

func TestTakenOnceInAWhileIsNoFight(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, events := &fakeGrant{name: "a", life: time.Hour}, &eventLog{}
		p := sessionPool("a", g, events.observe)
		for range 10 {
			l := worked(t, p)
			time.Sleep(50 * time.Second)
			p.Refuse(l)
			worked(t, p)
			time.Sleep(61 * time.Second)
			p.Invalidate(worked(t, p))
		}
		synctest.Wait()
		if lines := events.lines(); slices.ContainsFunc(lines, func(s string) bool { return s != Renewed }) {
			t.Errorf("events %q", lines)
		}
	})
}

func TestTheStreakEndsWithARenewal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", life: 5 * time.Minute}
		p := sessionPool("a", g, nil)
		run(t, p)
		p.Invalidate(worked(t, p))
		p.Invalidate(worked(t, p))
		time.Sleep(wantTaken(t, p, time.Minute))
		p.Invalidate(worked(t, p))
		time.Sleep(wantTaken(t, p, 2*time.Minute))
		worked(t, p)
		time.Sleep(6 * time.Minute) // its renewal, at the latest
		p.Invalidate(worked(t, p))  // not soon after its birth
		p.Invalidate(worked(t, p))
		p.Invalidate(worked(t, p))
		wantTaken(t, p, time.Minute)
	})
}

func TestFreshTokensThatNeverWorkWereNotTaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", life: time.Hour}
		p := sessionPool("a", g, nil)
		for range 20 {
			l, err := p.Lease(t.Context())
			if err != nil {
				e := asError(t, err)
				if e.Reason != job.TokenRefused {
					t.Fatalf("Lease: %v", err)
				}
				time.Sleep(time.Until(e.RetryAt))
				continue
			}
			p.Invalidate(l)
		}
		for i, gap := range g.gaps()[1:] {
			if two := gap + g.gaps()[i]; two < time.Minute {
				t.Errorf("three log-ins within %s", two)
			}
		}
	})
}

func TestOthersAreNotTaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", life: time.Hour}
		p, _ := newPool(g)
		for range maxYoung + 1 {
			p.Invalidate(worked(t, p))
		}
		wantError(t, p, job.TokenRefused, 5*time.Second)
	})
}

func TestTheNextSessionMayBeTakenBeforeItsFirstCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := sessionPool("a", &fakeGrant{name: "a", life: time.Hour}, nil)
		p.Invalidate(worked(t, p))
		p.Refuse(mustLease(t, p))
		wantTaken(t, p, time.Minute)
	})
}
