package admin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var since = time.Date(2026, 1, 31, 3, 0, 0, 5, time.FixedZone("east", 3600))

// well is what a worker in good health shows.
func well() Settings {
	return Settings{
		Listen: "127.0.0.1:0",
		Live:   func() error { return nil },
		Ready:  func() Readiness { return Readiness{Ready: true} },
		Status: func() any { return map[string]any{"url": "https://a/?x=1&y=2", "routes": []string{"invoices"}} },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "queueferry_held 0\n")
		}),
		ErrorLog: log.New(io.Discard, "", 0),
	}
}

// start runs a server until the end of the test and returns its URL.
func start(t *testing.T, s Settings) string {
	t.Helper()
	server := New(s)
	if err := server.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return "http://" + server.Addr()
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask makes one request on a connection of its own and follows no redirect.
func ask(t *testing.T, method, url string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func TestPages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Settings)
		path   string
		status int
		body   string
	}{
		"live": {nil, "/livez", 200, "{\n  \"live\": true\n}\n"},
		"stuck": {func(s *Settings) {
			s.Live = func() error { return errors.Join(errors.New("fetch has stood still"), errors.New("settle too")) }
		}, "/livez", 503, "{\n  \"live\": false,\n  \"detail\": \"fetch has stood still; settle too\"\n}\n"},
		"ready": {nil, "/readyz", 200, "{\n  \"ready\": true,\n  \"problems\": []\n}\n"},
		"not ready": {func(s *Settings) {
			s.Ready = func() Readiness {
				return Readiness{Problems: []Problem{{What: "nats", Reason: "connection_failed", Detail: "nats://a:4222 does not answer"}}}
			}
		}, "/readyz", 503, `{
  "ready": false,
  "problems": [
    {
      "what": "nats",
      "reason": "connection_failed",
      "detail": "nats://a:4222 does not answer"
    }
  ]
}
`},
		"ready with a shut gate": {func(s *Settings) {
			s.Ready = func() Readiness {
				return Readiness{Ready: true, Problems: []Problem{
					{What: "gate acme", Reason: "service_unavailable", Detail: "503 from <https://a>", Remedy: "See to it.", NextTry: time.Date(2099, 1, 31, 3, 0, 0, 5, time.FixedZone("east", 3600)), Waiting: new(0)},
				}}
			}
		}, "/readyz", 200, `{
  "ready": true,
  "problems": [
    {
      "what": "gate acme",
      "reason": "service_unavailable",
      "detail": "503 from <https://a>",
      "remedy": "See to it.",
      "next_try": "2099-01-31T02:00:00Z",
      "waiting": 0
    }
  ]
}
`},
		"status": {nil, "/status", 200, `{
  "routes": [
    "invoices"
  ],
  "url": "https://a/?x=1&y=2"
}
`},
		"status that cannot be shown": {func(s *Settings) { s.Status = func() any { return func() {} } }, "/status", 500,
			"this page cannot be shown: json: unsupported type: func()\n"},
		"metrics": {nil, "/metrics", 200, "queueferry_held 0\n"},
		"query":   {nil, "/livez?verbose", 200, "{\n  \"live\": true\n}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := well()
			if c.change != nil {
				c.change(&s)
			}
			got := ask(t, http.MethodGet, start(t, s)+c.path)
			if got.status != c.status {
				t.Errorf("status %d, want %d", got.status, c.status)
			}
			if diff := cmp.Diff(c.body, got.body); diff != "" {
				t.Error(diff)
			}
			if strings.HasPrefix(c.body, "{") && got.header.Get("Content-Type") != "application/json" {
				t.Errorf("Content-Type %q", got.header.Get("Content-Type"))
			}
			if got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control %q", got.header.Get("Cache-Control"))
			}
		})
	}
}

func TestEverythingElseIsNotFound(t *testing.T) {
	t.Parallel()
	url := start(t, well())
	for _, path := range []string{"/", "/livez/", "//livez", "/x/../livez", "/LIVEZ", "/healthz", "/debug/pprof/", "/status.json", "/metrics/x"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
				if got := ask(t, method, url+path); got.status != 404 {
					t.Errorf("%s: %d %s", method, got.status, got.body)
				}
			}
		})
	}
}

func TestNothingChangesState(t *testing.T) {
	t.Parallel()
	url := start(t, well())
	for _, path := range []string{"/livez", "/readyz", "/metrics", "/status"} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"} {
			t.Run(method+" "+path, func(t *testing.T) {
				t.Parallel()
				got := ask(t, method, url+path)
				if got.status != 405 || got.header.Get("Allow") != "GET, HEAD" {
					t.Errorf("%d, Allow %q", got.status, got.header.Get("Allow"))
				}
			})
		}
		t.Run("HEAD "+path, func(t *testing.T) {
			t.Parallel()
			if got := ask(t, http.MethodHead, url+path); got.status != 200 || got.body != "" {
				t.Errorf("%d %q", got.status, got.body)
			}
		})
	}
}

func TestTakenAddress(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s := well()
	s.Listen = l.Addr().String()
	err = New(s).Run(t.Context())
	want := "admin.listen: " + s.Listen + " is taken; choose another"
	if !errors.Is(err, ErrTaken) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAddressThatIsNone(t *testing.T) {
	t.Parallel()
	s := well()
	s.Listen = "127.0.0.1:http:x"
	if err := New(s).Run(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "admin.listen: ") {
		t.Errorf("got %v", err)
	}
}

func TestRunListensByItself(t *testing.T) {
	t.Parallel()
	server := New(well())
	if got := server.Addr(); got != "" {
		t.Errorf("listens on %s before Run", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	for tick := time.NewTicker(time.Millisecond); server.Addr() == ""; {
		<-tick.C
	}
	if got := ask(t, http.MethodGet, "http://"+server.Addr()+"/livez"); got.status != 200 {
		t.Errorf("status %d", got.status)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRunWaitsForARequestUnderWay(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	s := well()
	s.Status = func() any { close(begun); <-finish; return "done" }
	server := New(s)
	if err := server.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	conn, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET /status HTTP/1.0\r\n\r\n")
	<-begun
	cancel()
	for tick := time.NewTicker(time.Millisecond); ; <-tick.C { // until it listens no more
		another, err := net.Dial("tcp", server.Addr())
		if err != nil {
			break
		}
		_ = another.Close()
	}
	close(finish)
	if got, err := io.ReadAll(conn); err != nil || !strings.HasSuffix(string(got), "\r\n\r\n\"done\"\n") {
		t.Errorf("got %q, %v", got, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestASilentClientDoesNotHoldTheShutdown(t *testing.T) {
	t.Parallel()
	server := New(well())
	if err := server.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	conn, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	// One answer, so that the connection is known; then half a request.
	_, _ = io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "HTTP/1.1 200 OK\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	_, _ = io.WriteString(conn, "GET /livez HTTP/1.1\r\n")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTimeOutsAreSet(t *testing.T) {
	t.Parallel()
	s := New(well()).http
	if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 {
		t.Errorf("got %+v", s)
	}
}

func TestAPanicOfAPageIsNotTheEnd(t *testing.T) {
	t.Parallel()
	s := well()
	s.Status = func() any { panic("no") }
	url := start(t, s)
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET /status HTTP/1.1\r\nHost: a\r\n\r\n")
	if got, _ := io.ReadAll(conn); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	if got := ask(t, http.MethodGet, url+"/livez"); got.status != 200 {
		t.Errorf("status %d", got.status)
	}
}
