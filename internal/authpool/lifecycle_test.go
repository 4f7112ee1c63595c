package authpool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

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

func TestRunWaitsForALogInThatEndsLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		over := false
		p := New(Settings{Credentials: []Credential{{Name: "a", Grant: grantFunc(func(ctx context.Context) (Token, error) {
			<-ctx.Done()
			time.Sleep(3 * time.Second)
			over = true
			return Token{}, ctx.Err()
		})}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Run(ctx); err != nil || !over {
			t.Errorf("Run = %v, log-in over: %v", err, over)
		}
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
