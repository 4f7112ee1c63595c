package orchestrator

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/job"
)

type grantFunc func(context.Context) (authpool.Token, error)

func (f grantFunc) Token(ctx context.Context) (authpool.Token, error) { return f(ctx) }

// logIn is the n-th log-in, from 1.
type logIn func(ctx context.Context, n int) error

func anyLogIn(context.Context, int) error { return nil }

func firstLogIn(otherwise func(context.Context) error) logIn {
	return func(ctx context.Context, n int) error {
		if n == 1 {
			return nil
		}
		return otherwise(ctx)
	}
}

func hang(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// signing is a client with a token pool before a transport of our own.
func signing(t *testing.T, base *http.Transport, url string, l logIn) *Client {
	t.Helper()
	var n atomic.Int32
	pool := authpool.New(authpool.Settings{Credentials: []authpool.Credential{{Name: "1", Grant: grantFunc(func(ctx context.Context) (authpool.Token, error) {
		n := int(n.Add(1))
		if err := l(ctx, n); err != nil {
			return authpool.Token{}, err
		}
		return authpool.Token{Value: canary + "-" + strconv.Itoa(n), Expiry: time.Now().Add(time.Hour)}, nil
	})}}})
	t.Cleanup(func() {
		if err := pool.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &Client{Transport: &authpool.Transport{Base: base, Pool: pool}, BaseURL: url, Timeout: 300 * time.Millisecond}
}

func TestCallsWithATokenPool(t *testing.T) {
	t.Parallel()
	denied := &authpool.Error{Reason: job.CredentialsRefused, Code: "invalid_client", Status: 400}
	refuse := func(_ int, c *net.TCPConn) { say(c, status(401, "")) }
	firstRefused := func(otherwise func(*net.TCPConn)) func(int, *net.TCPConn) {
		return func(n int, c *net.TCPConn) {
			if n == 1 {
				say(c, status(401, ""))
			} else {
				otherwise(c)
			}
		}
	}
	silent := func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) }
	tests := map[string]struct {
		logIn   logIn
		answer  func(int, *net.TCPConn)
		dials   int // that work; 0: all
		status  int
		written bool
		want    meant
		calls   int
	}{
		"no token in time":            {logIn: func(ctx context.Context, _ int) error { return hang(ctx) }, want: meant{job.Unavailable, job.IdentityUnavailable, Refused}},
		"credential refused":          {logIn: func(context.Context, int) error { return denied }, want: meant{job.Unavailable, job.CredentialsRefused, Refused}},
		"dial refused":                {logIn: anyLogIn, dials: -1, want: meant{job.Unavailable, job.ConnectionFailed, Ill}},
		"lost":                        {logIn: anyLogIn, answer: func(_ int, c *net.TCPConn) { reset(c) }, written: true, want: meant{job.Unknown, job.ConnectionLost, Ill}, calls: 1},
		"no answer in time":           {logIn: anyLogIn, answer: func(_ int, c *net.TCPConn) { silent(c) }, written: true, want: meant{job.Unknown, job.TimedOut, Ill}, calls: 1},
		"401 twice":                   {logIn: anyLogIn, answer: refuse, status: 401, written: true, want: meant{job.Unavailable, job.TokenRefused, Refused}, calls: 2},
		"401, then the dial fails":    {logIn: anyLogIn, answer: firstRefused(nil), dials: 1, want: meant{job.Unavailable, job.ConnectionFailed, Ill}, calls: 1},
		"401, then no token in time":  {logIn: firstLogIn(hang), answer: refuse, want: meant{job.Unavailable, job.IdentityUnavailable, Refused}, calls: 1},
		"401, then refused":           {logIn: firstLogIn(func(context.Context) error { return denied }), answer: refuse, want: meant{job.Unavailable, job.CredentialsRefused, Refused}, calls: 1},
		"401, then lost":              {logIn: anyLogIn, answer: firstRefused(reset), written: true, want: meant{job.Unknown, job.ConnectionLost, Ill}, calls: 2},
		"401, then no answer in time": {logIn: anyLogIn, answer: firstRefused(silent), written: true, want: meant{job.Unknown, job.TimedOut, Ill}, calls: 2},
		"401, then 409":               {logIn: anyLogIn, answer: firstRefused(func(c *net.TCPConn) { say(c, status(409, "{}")) }), status: 409, written: true, want: meant{job.Rejected, job.RejectedByTarget, Well}, calls: 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, tt.answer)
			base := transport(t, TransportSettings{MaxConcurrent: 1})
			base.DisableKeepAlives = true // each try dials
			var dials atomic.Int32
			base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				if n := int(dials.Add(1)); tt.dials < 0 || tt.dials > 0 && n > tt.dials {
					return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
				}
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			a := signing(t, base, w.URL, tt.logIn).Do(t.Context(), post)
			if a.Status != tt.status || a.Written != tt.written {
				t.Errorf("status %d, written %t: %v", a.Status, a.Written, a.Err)
			}
			r := Classify(a, true, true)
			if got := meaningOf(r); got != tt.want {
				t.Errorf("got %+v, want %+v (%v)", got, tt.want, a.Err)
			}
			if r.Called != tt.written || strings.Contains(r.Detail, canary) {
				t.Errorf("called %t, detail %q", r.Called, r.Detail)
			}
			seen := w.seen()
			if len(seen) != tt.calls {
				t.Errorf("the server saw %d calls, want %d", len(seen), tt.calls)
			}
			for i, request := range seen {
				if !strings.Contains(request, "Authorization: Bearer "+canary+"-"+strconv.Itoa(i+1)) {
					t.Errorf("call %d bears another token: %q", i+1, request)
				}
			}
		})
	}
}

// A worker that stops while it waits for a token has not called.
func TestCancelledWhileWaitingForAToken(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	waiting := make(chan struct{})
	c := signing(t, transport(t, TransportSettings{}), "http://127.0.0.1:1", func(ctx context.Context, _ int) error {
		close(waiting)
		return hang(ctx)
	})
	c.Timeout = time.Minute
	go func() {
		<-waiting
		cancel(errors.New("stopping"))
	}()
	a := c.Do(ctx, post)
	if got, want := meaningOf(Classify(a, true, false)), (meant{job.Unavailable, job.ConnectionFailed, Untold}); got != want || a.Written {
		t.Errorf("got %+v, want %+v (%v)", got, want, a.Err)
	}
}
