package orchestrator

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

func TestBodies(t *testing.T) {
	t.Parallel()
	page := "<html>" + strings.Repeat("x", 1000) + "</html>"
	tests := map[string]struct {
		handler http.HandlerFunc
		timeout time.Duration
		status  int
		body    string
		err     error
	}{
		"html": {handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(502)
			_, _ = io.WriteString(w, page)
		}, status: 502, body: page},
		"none": {handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, status: 204},
		"just not too long": {handler: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, MaxAnswer))
		}, status: 200, body: string(make([]byte, MaxAnswer))},
		"one byte too long": {handler: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, MaxAnswer+1))
		}, status: 200, err: ErrAnswerTooLong},
		"endless": {handler: func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, status: 200, err: ErrAnswerTooLong},
		"endless when unpacked": {handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
			_, _ = z.Write(make([]byte, MaxAnswer+1))
			_ = z.Close()
		}, status: 200, err: ErrAnswerTooLong},
		"endless and slow": {handler: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(201)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, timeout: 100 * time.Millisecond, status: 201, err: context.DeadlineExceeded},
		"truncated": {handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(201)
			_, _ = io.WriteString(w, `{"Id":`)
		}, status: 201, body: `{"Id":`, err: io.ErrUnexpectedEOF},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(tt.handler)
			defer s.Close()
			c := client(t, s.URL)
			if tt.timeout > 0 {
				c.Timeout = tt.timeout
			}
			a := c.Do(t.Context(), post)
			if a.Status != tt.status || string(a.Body) != tt.body || !a.Written || !errors.Is(a.Err, tt.err) {
				t.Errorf("status %d, %d bytes, written %t, error %v", a.Status, len(a.Body), a.Written, a.Err)
			}
			if r := Classify(a, true, false); tt.err != nil && r.Verdict != job.Unknown {
				t.Errorf("it is %v", r.Verdict)
			}
		})
	}
}

func TestWritten(t *testing.T) {
	t.Parallel()
	answered := func(text string) func(*testing.T) *Client {
		return func(t *testing.T) *Client {
			return client(t, newWire(t, func(_ int, c *net.TCPConn) { say(c, text); hangUp(c) }).URL)
		}
	}
	dials := func(dial func(context.Context) error) func(*testing.T) *Client {
		return func(t *testing.T) *Client {
			tr := transport(t, TransportSettings{MaxConcurrent: 1})
			tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Err: dial(ctx)}
			}
			return &Client{Transport: tr, BaseURL: "http://orchestrator.example", Timeout: 200 * time.Millisecond}
		}
	}
	silent := func(https bool) func(*testing.T) *Client {
		return func(t *testing.T) *Client {
			l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			c := client(t, map[bool]string{true: "https://", false: "http://"}[https]+l.Addr().String())
			c.Timeout = 200 * time.Millisecond
			return c
		}
	}
	// Nobody listens at port 1.
	closedPort := func(t *testing.T) *Client { return client(t, "http://127.0.0.1:1") }
	tests := map[string]struct {
		client  func(*testing.T) *Client
		written bool
		want    meant
	}{
		"dial refused":         {closedPort, false, meant{job.Unavailable, job.ConnectionFailed, Ill}},
		"no such host":         {dials(func(context.Context) error { return &net.DNSError{Name: "x", IsNotFound: true} }), false, meant{job.Unavailable, job.ConnectionFailed, Ill}},
		"dial reset":           {dials(func(context.Context) error { return syscall.ECONNRESET }), false, meant{job.Unavailable, job.ConnectionFailed, Ill}},
		"dial takes too long":  {dials(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }), false, meant{job.Unavailable, job.ConnectionFailed, Ill}},
		"TLS takes too long":   {silent(true), false, meant{job.Unavailable, job.ConnectionFailed, Ill}},
		"no answer in time":    {silent(false), true, meant{job.Unknown, job.TimedOut, Ill}},
		"closed after written": {answered(""), true, meant{job.Unknown, job.ConnectionLost, Ill}},
		"half a header":        {answered("HTTP/1.1 201 Cre"), true, meant{job.Unknown, job.ConnectionLost, Ill}},
		"no HTTP at all":       {answered("220 smtp.example.com ESMTP\r\n"), true, meant{job.Unknown, job.ConnectionLost, Ill}},
		"header without end":   {answered("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxHeader)), true, meant{job.Unknown, job.ConnectionLost, Ill}},
		"a status of 000":      {answered("HTTP/1.1 000 Nothing\r\nContent-Length: 0\r\n\r\n"), true, meant{job.Unknown, job.ConnectionLost, Ill}},
		"switching protocols":  {answered("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), true, meant{job.Unknown, job.UnexpectedAnswer, Ill}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := tt.client(t).Do(t.Context(), post)
			if a.Written != tt.written {
				t.Errorf("written %t: %v", a.Written, a.Err)
			}
			if got := meaningOf(Classify(a, true, false)); got != tt.want {
				t.Errorf("got %+v, want %+v (%v)", got, tt.want, a.Err)
			}
		})
	}
}

// deadConn takes nothing any more once it is dead.
type deadConn struct {
	net.Conn
	dead *atomic.Bool
}

func (c deadConn) Write(b []byte) (int, error) {
	if c.dead.Load() {
		return 0, syscall.EPIPE
	}
	return c.Conn.Write(b)
}

// net/http itself tries again where nothing was written; if there is no other
// connection to be had then nothing was.
func TestNothingWritten(t *testing.T) {
	t.Parallel()
	w := newWire(t, func(_ int, c *net.TCPConn) { say(c, created) })
	var dead atomic.Bool
	tr := transport(t, TransportSettings{MaxConcurrent: 1})
	tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dead.Load() {
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return deadConn{c, &dead}, err
	}
	c := &Client{Transport: tr, BaseURL: w.URL, Timeout: 5 * time.Second}
	if a := c.Do(t.Context(), post); a.Status != 201 {
		t.Fatalf("%+v", a)
	}
	dead.Store(true)
	a := c.Do(t.Context(), post)
	if got, want := meaningOf(Classify(a, true, false)), (meant{job.Unavailable, job.ConnectionFailed, Ill}); got != want || a.Written {
		t.Errorf("got %+v, want %+v, written %t (%v)", got, want, a.Written, a.Err)
	}
}
