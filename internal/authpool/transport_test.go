package authpool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

// api is a fake of the API: it takes the tokens that good approves.
type api struct {
	good  func(header string) bool
	took  time.Duration
	mu    sync.Mutex
	calls []string // header and body of each
	open  atomic.Int32
}

type countedBody struct {
	io.Reader
	open *atomic.Int32
	once sync.Once
}

func (b *countedBody) Close() error {
	b.once.Do(func() { b.open.Add(-1) })
	return nil
}

func (a *api) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	header := r.Header.Get("Authorization") + r.Header.Get("X-Authorization")
	a.mu.Lock()
	a.calls = append(a.calls, header+" "+string(body))
	a.mu.Unlock()
	time.Sleep(a.took)
	status := 200
	if !a.good(header) {
		status = 401
	}
	resp := reply(status, header)
	a.open.Add(1)
	resp.Body = &countedBody{Reader: resp.Body, open: &a.open}
	return resp, nil
}

func (a *api) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.calls)
}

func post(ctx context.Context, t *testing.T, rt http.RoundTripper, body string) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://api.example.com/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: rt}).Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, nil
}

func (a *api) wantCalls(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, a.calls); diff != "" {
		t.Errorf("calls (-want +got)\n%s", diff)
	}
}

func wantAllReturned(t *testing.T, p *Pool, a *api) {
	t.Helper()
	for _, c := range p.State().Credentials {
		if c.InFlight != 0 {
			t.Errorf("%d leases of %s not released", c.InFlight, c.Name)
		}
	}
	if n := a.open.Load(); n != 0 {
		t.Errorf("%d bodies not closed", n)
	}
}

func TestTransportHeaders(t *testing.T) {
	for name, tc := range map[string]struct{ header, want string }{
		"default":       {"", "Bearer a-1 body"},
		"authorization": {"authorization", "Bearer a-1 body"},
		"other":         {"X-Authorization", "a-1 body"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p, _ := newPool(&fakeGrant{name: "a"})
				a := &api{good: func(string) bool { return true }}
				status, err := post(t.Context(), t, &Transport{Base: a, Pool: p, Header: tc.header}, "body")
				if status != 200 || err != nil {
					t.Errorf("%d, %v", status, err)
				}
				a.wantCalls(t, tc.want)
				wantAllReturned(t, p, a)
			})
		})
	}
}

func TestTransportLeavesTheRequestAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, _ := newPool(&fakeGrant{name: "a"})
		a := &api{good: func(string) bool { return true }}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example.com/", nil)
		req.Header = nil
		resp, err := (&Transport{Base: a, Pool: p}).RoundTrip(req)
		if err != nil || req.Header != nil {
			t.Fatalf("header %v, %v", req.Header, err)
		}
		if n := p.State().Credentials[0].InFlight; n != 1 {
			t.Errorf("%d leases while the body is open, want 1", n)
		}
		_ = resp.Body.Close()
		_ = resp.Body.Close()
		wantAllReturned(t, p, a)
	})
}

func TestTransportRepeatsOnceAfterA401(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a"}
		p, _ := newPool(g)
		a := &api{good: func(h string) bool { return h == "Bearer a-2" }}
		status, err := post(t.Context(), t, &Transport{Base: a, Pool: p}, "body")
		if status != 200 || err != nil {
			t.Errorf("%d, %v", status, err)
		}
		a.wantCalls(t, "Bearer a-1 body", "Bearer a-2 body")
		if s := p.State(); s.Status != OK || g.logins() != 2 {
			t.Errorf("state %+v, %d log-ins", s, g.logins())
		}
		wantAllReturned(t, p, a)
	})
}

func TestTransportGivesUpAfterTheSecond401(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, events := newPool(&fakeGrant{name: "a"})
		a := &api{good: func(string) bool { return false }}
		rt := &Transport{Base: a, Pool: p}
		status, err := post(t.Context(), t, rt, "body")
		if status != 401 || err != nil {
			t.Errorf("%d, %v", status, err)
		}
		a.wantCalls(t, "Bearer a-1 body", "Bearer a-2 body")
		_, err = post(t.Context(), t, rt, "body")
		if e := asError(t, err); e.Reason != job.TokenRefused {
			t.Errorf("%v", err)
		}
		if a.count() != 2 {
			t.Errorf("%d calls, want 2", a.count())
		}
		wantLines(t, events, Renewed, Renewed, "token.refused token_refused")
		time.Sleep(5 * time.Second)
		a.good = func(string) bool { return true }
		if status, err := post(t.Context(), t, rt, "body"); status != 200 || err != nil {
			t.Errorf("%d, %v", status, err)
		}
		if s := p.State(); s.Status != OK {
			t.Errorf("state %+v after the API took a token", s)
		}
		wantLines(t, events, Renewed, Renewed, "token.refused token_refused", Renewed)
		wantAllReturned(t, p, a)
	})
}

func TestTransportWithoutAToken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", err: errRefused}
		p, _ := newPool(g)
		a := &api{good: func(string) bool { return true }}
		_, err := post(t.Context(), t, &Transport{Base: a, Pool: p}, "body")
		if e := asError(t, err); e.Reason != job.CredentialsRefused || a.count() != 0 {
			t.Errorf("%v, %d calls", err, a.count())
		}
		g.fail(nil)
		time.Sleep(30 * time.Second)
		a.good = func(string) bool {
			g.fail(errDown) // the log-in for the repeat does not work
			return false
		}
		_, err = post(t.Context(), t, &Transport{Base: a, Pool: p}, "body")
		if e := asError(t, err); e.Reason != job.IdentityUnavailable || a.count() != 1 {
			t.Errorf("%v, %d calls", err, a.count())
		}
		wantAllReturned(t, p, a)
	})
}

func TestTransportPassesFailuresOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, _ := newPool(&fakeGrant{name: "a"})
		broken := errors.New("broken")
		n := 0
		rt := &Transport{Pool: p, Base: tripper(func(*http.Request) (*http.Response, error) {
			if n++; n == 2 {
				return reply(401, ""), nil
			}
			return nil, broken
		})}
		for range 2 {
			if _, err := post(t.Context(), t, rt, "body"); !errors.Is(err, broken) {
				t.Errorf("%v", err)
			}
		}
		wantAllReturned(t, p, &api{})
	})
}

func TestTransportBodyThatCannotBeSentAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a"}
		p, _ := newPool(g)
		a := &api{good: func(string) bool { return false }}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.example.com/", io.NopCloser(bytes.NewBufferString("body")))
		resp, err := (&Transport{Base: a, Pool: p}).RoundTrip(req)
		if err != nil || resp.StatusCode != 401 {
			t.Fatalf("%v, %v", resp, err)
		}
		if b, _ := io.ReadAll(resp.Body); string(b) != "Bearer a-1" {
			t.Errorf("body %q", b)
		}
		_ = resp.Body.Close()
		a.wantCalls(t, "Bearer a-1 body")
		wantAllReturned(t, p, a)
		if l := mustLease(t, p); l.Token() != "a-2" {
			t.Errorf("leased %q", l.Token())
		}
	})
}

func TestTransportFollowsNoRedirect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, _ := newPool(&fakeGrant{name: "a"})
		calls := 0
		rt := &Transport{Pool: p, Base: tripper(func(*http.Request) (*http.Response, error) {
			calls++
			return reply(307, "", "Location", "https://evil.example.com/"), nil
		})}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example.com/", nil)
		resp, err := rt.RoundTrip(req)
		if err != nil || resp.StatusCode != 307 || calls != 1 {
			t.Fatalf("%v, %v, %d calls", resp, err, calls)
		}
		_ = resp.Body.Close()
	})
}

func TestStormOf401s(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", took: 100 * time.Millisecond, life: time.Hour}
		p, events := newPool(g)
		run(t, p)
		var revoked atomic.Bool
		a := &api{took: 50 * time.Millisecond, good: func(h string) bool { return !revoked.Load() || h != "Bearer a-1" }}
		rt := &Transport{Base: a, Pool: p}
		storm := func() {
			var wg sync.WaitGroup
			for i := range 500 {
				wg.Go(func() {
					time.Sleep(time.Duration(i) * time.Millisecond) // late ones too
					if status, err := post(t.Context(), t, rt, fmt.Sprint(i)); status != 200 || err != nil {
						t.Errorf("call %d: %d, %v", i, status, err)
					}
				})
			}
			wg.Wait()
		}
		storm()
		revoked.Store(true)
		storm()
		if g.logins() != 2 {
			t.Errorf("%d log-ins, want 2", g.logins())
		}
		wantLines(t, events, Renewed, Renewed)
		wantAllReturned(t, p, a)
	})
}

func TestStormOfRefusals(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := &fakeGrant{name: "a", took: 100 * time.Millisecond, life: time.Hour}
		p, events := newPool(g)
		run(t, p)
		a := &api{took: 50 * time.Millisecond, good: func(string) bool { return false }}
		rt := &Transport{Base: a, Pool: p}
		var wg sync.WaitGroup
		for range 500 {
			wg.Go(func() {
				for range 10 {
					status, err := post(t.Context(), t, rt, "x")
					if err != nil {
						if e := asError(t, err); e.Reason != job.TokenRefused {
							t.Errorf("%v", err)
						}
					} else if status != 401 {
						t.Errorf("status %d", status)
					}
					time.Sleep(time.Second)
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		if n := g.logins(); n > 3 { // two at once, one 5 s later, the next 10 s after that
			t.Errorf("%d log-ins in 10 s", n)
		}
		wantLines(t, events, Renewed, Renewed, "token.refused token_refused")
		wantAllReturned(t, p, a)
	})
}

func TestTransportKeepsTheCallersDeadline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, _ := newPool(&fakeGrant{name: "a", took: 10 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err := post(ctx, t, &Transport{Base: &api{}, Pool: p}, "x")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Second {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
