package authpool

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

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
		time.Sleep(time.Nanosecond)
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

// A server that counts in whole seconds ends a token up to a second before its
// life is over: it is not handed out any more then, and nobody waits for the next.
func TestNoTokenOutlivesWholeSeconds(t *testing.T) {
	for _, life := range []time.Duration{3 * time.Second, 5 * time.Second, 10 * time.Second, time.Minute} {
		t.Run(life.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var ends sync.Map // by token
				g := grantFunc(func(context.Context) (Token, error) {
					now := time.Now()
					token := Token{Value: now.Format("150405.000000000"), Expiry: now.Add(life)}
					ends.Store(token.Value, now.Truncate(time.Second).Add(life))
					return token, nil
				})
				p := New(Settings{Credentials: []Credential{{Name: "a", Grant: g}}})
				run(t, p)
				mustLease(t, p).Release()
				for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(7 * time.Millisecond) {
					l, ok := p.pick(time.Now())
					if !ok {
						t.Fatal("no token is there")
					}
					l.Release()
					end, _ := ends.Load(l.Token())
					if late := time.Since(end.(time.Time)); late >= 0 {
						t.Fatalf("a token was handed out %v after its end", late)
					}
				}
			})
		})
	}
}
