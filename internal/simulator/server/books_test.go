package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

func TestBooks(t *testing.T) {
	t.Parallel()
	r := start(t, server.Settings{RecordCalls: 2})
	for _, body := range []string{"a", "b", "c"} {
		if _, err := r.try(t.Context(), "POST", "/?n="+body, body); err != nil {
			t.Fatal(err)
		}
	}
	r.AddFault(server.Down(401, look))
	if _, err := r.try(t.Context(), "GET", "/?password=x", ""); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for r.Counts().Running > 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	got := r.Counts()
	want := server.Counts{
		Calls:        map[server.Operation]map[int]int{act: {200: 3}, look: {401: 1}},
		Effects:      map[server.Operation]int{act: 3},
		Unauthorized: 1, Connections: 1, OpenConnections: 1, Peak: 1, Violations: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Look: a secret in the URL: password"}, r.Violations()); diff != "" {
		t.Error(diff)
	}
	calls := r.Calls()
	if len(calls) != 2 || string(calls[0].Body) != "c" || calls[1].Status != 401 {
		t.Errorf("calls %v", calls)
	}
	if got.Total(act) != 3 || r.LastHeaders(look).Get("User-Agent") != "test" || r.LastHeaders("x") != nil {
		t.Error("total or headers")
	}
}

func TestLargeBodies(t *testing.T) {
	t.Parallel()
	r := start(t, server.Settings{MaxBody: 3})
	for body, want := range map[string]int{"abc": 200, "abcd": 413} {
		if got, err := r.try(t.Context(), "POST", "/", body); err != nil || got.status != want {
			t.Errorf("%q: %d %v", body, got.status, err)
		}
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	r := start(t, server.Settings{TLS: true})
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(r.CAPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	r.client.Transport = transport
	if got, err := r.try(t.Context(), "GET", "/", ""); err != nil || got.status != 200 {
		t.Errorf("got %d %v", got.status, err)
	}
	if _, err := server.New(server.Settings{TLS: true, ClientCAPEM: []byte("x")}); err == nil {
		t.Error("a bad PEM was taken")
	}
}

// TestPasscode has the SHA-1 vectors of RFC 6238, appendix B, cut to six digits.
func TestPasscode(t *testing.T) {
	t.Parallel()
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"} {
		if got := server.Passcode(secret, time.Unix(at, 0)); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
	var p server.Passcodes
	now := time.Unix(1111111109, 0)
	if p.Accept(secret, "000000", now) || !p.Accept(secret, "081804", now) || p.Accept(secret, "081804", now.Add(20*time.Second)) {
		t.Error("a passcode is good once")
	}
	if !p.Accept(secret, server.Passcode(secret, now.Add(30*time.Second)), now) {
		t.Error("the next passcode is good a little early")
	}
}
