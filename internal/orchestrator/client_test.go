package orchestrator

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

func client(t *testing.T, url string) *Client {
	return &Client{Transport: transport(t, TransportSettings{MaxConcurrent: 4}), BaseURL: url, Timeout: 5 * time.Second}
}

var post = Call{Operation: "AddQueueItem", Method: http.MethodPost, Path: "/odata/Add", Body: []byte(`{"a":1}`), Acts: true}

// A POST goes out once, also where net/http would like to repeat it: on a
// connection that was kept alive and dies after the request was written.
func TestPostIsWrittenOnce(t *testing.T) {
	t.Parallel()
	replayed := http.Header{"Idempotency-Key": {"1"}, "X-Idempotency-Key": {"1"}, "x-idempotency-key": {"1"}}
	tests := map[string]struct {
		header http.Header
		end    func(*net.TCPConn)
	}{
		"closed":                             {nil, hangUp},
		"reset":                              {nil, reset},
		"closed, and a caller asks for more": {replayed, hangUp},
		"reset, and a caller asks for more":  {replayed, reset},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, func(n int, c *net.TCPConn) {
				if n == 1 {
					say(c, created)
				} else {
					tt.end(c)
				}
			})
			c := client(t, w.URL)
			call := func() Call {
				own := post
				own.Header = maps.Clone(tt.header)
				return own
			}
			if a := c.Do(t.Context(), call()); a.Status != 201 || a.Err != nil {
				t.Fatalf("first call: %+v", a)
			}
			a := c.Do(t.Context(), call())
			if a.Status != 0 || !a.Written || a.Err == nil {
				t.Errorf("second call: %+v", a)
			}
			if r := Classify(a, true, false); r.Verdict != job.Unknown || r.Reason != job.ConnectionLost {
				t.Errorf("second call is %v %v", r.Verdict, r.Reason)
			}
			seen := w.seen()
			if len(seen) != 2 {
				t.Fatalf("the server saw %d requests for 2 calls", len(seen))
			}
			for _, request := range seen {
				if strings.Contains(strings.ToLower(request), "idempotency") {
					t.Errorf("request %q", request)
				}
			}
		})
	}
}

// The header names that make net/http repeat a POST are nowhere in the code but
// where they are kept out, and where the simulator complains of them.
func TestNoIdempotencyHeaderInTheCode(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		known := path == "../../internal/orchestrator/client.go" || strings.HasPrefix(path, "../../internal/simulator/")
		if !known && strings.Contains(strings.ToLower(string(source)), "idempotency-key") {
			t.Errorf("%s names it", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A connection that the server closed while it was idle costs no call that is not
// known to be lost, and never makes one of two.
func TestIdleConnectionClosed(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 8)
	w := newWire(t, func(_ int, c *net.TCPConn) {
		say(c, created)
		_ = c.Close()
		closed <- struct{}{}
	})
	c := client(t, w.URL)
	good := 0
	for range 8 {
		switch a := c.Do(t.Context(), post); {
		case a.Status == 201:
			good++
			<-closed
		case a.Status != 0 || a.Err == nil:
			t.Fatalf("%+v", a)
		}
	}
	if got := len(w.seen()); got != good || good == 0 {
		t.Errorf("the server saw %d requests, %d calls were good", got, good)
	}
}

func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(_ int, c *net.TCPConn) { say(c, created) })
	c := client(t, w.URL)
	call := post
	call.Header = http.Header{"X-UIPATH-FolderPath-Encoded": {"UwA="}}
	c.Do(t.Context(), call)
	c.Do(t.Context(), Call{Method: http.MethodGet, Path: "/odata/Q?$filter=Name%20eq%20%27a%27%27b%27"})
	host := strings.TrimPrefix(w.URL, "http://")
	want := []string{
		"POST /odata/Add HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: queueferry\r\nContent-Length: 7\r\nAccept: application/json\r\n" +
			"Content-Type: application/json\r\nX-UIPATH-FolderPath-Encoded: UwA=\r\nAccept-Encoding: gzip\r\n\r\n{\"a\":1}",
		"GET /odata/Q?$filter=Name%20eq%20%27a%27%27b%27 HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: queueferry\r\n" +
			"Accept: application/json\r\nAccept-Encoding: gzip\r\n\r\n",
	}
	if diff := cmp.Diff(want, w.seen()); diff != "" {
		t.Error(diff)
	}
}

// A byte order mark before an answer's JSON is no part of it.
func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "\xef\xbb\xbf{}")
	}))
	defer server.Close()
	if a := client(t, server.URL).Do(t.Context(), post); string(a.Body) != "{}" {
		t.Errorf("body %q", a.Body)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				elsewhere.Add(1)
			}
			http.Redirect(w, r, "/elsewhere", status)
		}))
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			call := post
			call.Method = method
			a := client(t, s.URL).Do(t.Context(), call)
			if a.Status != status || !a.Written {
				t.Errorf("%s: %+v", method, a)
			}
			if r := Classify(a, true, false); r.Verdict != job.Unavailable || r.Health != Ill {
				t.Errorf("%s %d is %v", method, status, r.Verdict)
			}
		}
		s.Close()
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// A context that ends for a reason of its own is told from a network's failure.
func TestCancelled(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 1)
	w := newWire(t, func(_ int, c *net.TCPConn) { begun <- struct{}{}; _, _ = io.Copy(io.Discard, c) })
	c := client(t, w.URL)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-begun
		cancel(errors.New("a cause of its own"))
	}()
	a := c.Do(ctx, post)
	if got, want := meaningOf(Classify(a, true, false)), (meant{job.Unknown, job.ConnectionLost, Untold}); got != want {
		t.Errorf("got %+v, want %+v (%v)", got, want, a.Err)
	}
	a = c.Do(ctx, post)
	if got, want := meaningOf(Classify(a, true, false)), (meant{job.Unavailable, job.ConnectionFailed, Untold}); got != want || a.Written {
		t.Errorf("got %+v, want %+v (%v)", got, want, a.Err)
	}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(n int, c *net.TCPConn) {
		if n == 1 {
			say(c, status(409, "{}"))
		} else {
			hangUp(c)
		}
	})
	c := client(t, w.URL)
	var got []int
	c.Observe = func(operation string, status int, took time.Duration) {
		if operation != "AddQueueItem" || took <= 0 {
			t.Errorf("%s took %s", operation, took)
		}
		got = append(got, status)
	}
	c.Do(t.Context(), post)
	c.Do(t.Context(), post)
	if diff := cmp.Diff([]int{409, 0}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRequestThatCannotBeMade(t *testing.T) {
	t.Parallel()
	c := &Client{BaseURL: "http://[::1", Timeout: time.Second}
	a := c.Do(t.Context(), Call{Method: http.MethodGet, Path: "/?token=" + canary})
	if a.Written || a.Err == nil {
		t.Fatalf("%+v", a)
	}
	if r := Classify(a, true, false); r.Verdict != job.Unavailable || strings.Contains(r.Detail, canary) {
		t.Errorf("%+v", r)
	}
}
