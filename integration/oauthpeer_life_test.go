//go:build oauthpeer

package integration

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

// A token that lives for 3 s is renewed ahead: nobody waits for long, nobody gets
// a dead one, and none is left alive.
func TestOAuthPeerRenewsAhead(t *testing.T) {
	t.Parallel()
	server := startPeer(t, peerSettings{life: 3})
	grant, requests := server.grant("queueferry-basic")
	grant.Basic = true
	pool, told, end := startPool(t, grant)
	if _, err := lease(t, pool); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	begun := time.Now()
	var slowest time.Duration
	leases, dead := 0, 0
	for time.Since(begun) < 20*time.Second {
		asked := time.Now()
		token, err := lease(t, pool)
		if err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, time.Since(asked))
		seen[token] = true
		leases++
		if alive, _ := server.active(t, token); !alive {
			dead++
		}
		time.Sleep(10 * time.Millisecond)
	}
	logins := requests.n.Load()
	t.Logf("%d leases, %d log-ins, the slowest lease took %v, %d tokens were dead", leases, logins, slowest, dead)
	// One may die between its lease and the question.
	if dead > 2 || logins < 9 || logins > 15 || slowest > 200*time.Millisecond {
		t.Errorf("%d tokens were dead, %d log-ins, the slowest lease took %v", dead, logins, slowest)
	}
	if reasons := told.reasons(); len(reasons) > 0 {
		t.Errorf("there was no token: %v", reasons)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	for token := range seen {
		if alive, _ := server.active(t, token); alive {
			t.Error("a token lives on after the pool was closed")
		}
	}
}

// While the server is away the token that is there serves on. After that the
// error says to wait, and nothing needs a restart.
func TestOAuthPeerIsKilledAndComesBack(t *testing.T) {
	t.Parallel()
	server := startPeer(t, peerSettings{life: 3})
	grant, requests := server.grant("queueferry-post")
	pool, told, end := startPool(t, grant)
	if _, err := lease(t, pool); err != nil {
		t.Fatal(err)
	}
	server.kill()
	if _, err := lease(t, pool); err != nil {
		t.Errorf("the token was good, and the server is not needed: %v", err)
	}
	before := requests.n.Load()
	var err error
	for until := time.Now().Add(6 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		_, err = lease(t, pool)
	}
	if e, ok := errors.AsType[*authpool.Error](err); !ok || e.Reason != job.IdentityUnavailable || e.Status != 0 {
		t.Errorf("%v, want %s", err, job.IdentityUnavailable)
	}
	if n := requests.n.Load() - before; n < 1 || n > 5 {
		t.Errorf("%d log-ins were tried in 6 s", n)
	}
	server.restart()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := pool.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	token, err := lease(t, pool)
	if err != nil {
		t.Fatal(err)
	}
	if alive, _ := server.active(t, token); !alive {
		t.Error("the token is dead")
	}
	if n := told.results(authpool.LoginRefused); n != 0 {
		t.Errorf("%d log-ins count as refused", n)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if alive, _ := server.active(t, token); alive {
		t.Error("the token lives on after the pool was closed")
	}
}

// While the server hangs a caller leaves on its own context, and the log-in under
// way ends well once the server goes on.
func TestOAuthPeerHangs(t *testing.T) {
	t.Parallel()
	server := startPeer(t, peerSettings{})
	grant, requests := server.grant("queueferry-post")
	server.freeze()
	pool, _, _ := startPool(t, grant)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if l, err := pool.Lease(ctx); !errors.Is(err, context.DeadlineExceeded) {
		l.Release()
		t.Errorf("%v, want the caller's own end", err)
	}
	server.thaw()
	if _, err := lease(t, pool); err != nil {
		t.Error(err)
	}
	if n := requests.n.Load(); n != 1 {
		t.Errorf("%d log-ins", n)
	}
}

// A token that lives for 2 s may die after one, before it is renewed: the API's
// 401 brings a new one, and no call notices.
func TestOAuthPeerCallsWithShortLives(t *testing.T) {
	t.Parallel()
	server := startPeer(t, peerSettings{life: 2})
	grant, _ := server.grant("queueferry-post")
	pool, told, _ := startPool(t, grant)
	api := apiClient(t, server, pool)
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if status := call(t, api); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
	}
	if reasons := told.reasons(); len(reasons) > 0 {
		t.Errorf("there was no token: %v", reasons)
	}
}

// A restarted server knows no old token, as after a revocation by its operator:
// the API's 401 makes one new log-in.
func TestOAuthPeerForgetsItsTokens(t *testing.T) {
	t.Parallel()
	server := startPeer(t, peerSettings{})
	grant, requests := server.grant("queueferry-post")
	pool, _, end := startPool(t, grant)
	api := apiClient(t, server, pool)
	if status := call(t, api); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	server.kill()
	server.restart()
	if status := call(t, api); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if n := requests.n.Load(); n != 2 {
		t.Errorf("%d log-ins", n)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// A secret that was changed on both sides counts without a restart.
func TestOAuthPeerChangesTheSecret(t *testing.T) {
	t.Parallel()
	server := startPeer(t, peerSettings{secret: "the old one"})
	file := filepath.Join(t.TempDir(), "secret")
	write := func() {
		if err := os.WriteFile(file, []byte(server.settings.secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write()
	grant, requests := server.grant("queueferry-basic")
	grant.Basic, grant.ClientSecret = true, secret.File(file)
	pool, told, end := startPool(t, grant, file)
	api := apiClient(t, server, pool)
	if status := call(t, api); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	server.kill()
	server.settings.secret = "the new one"
	server.restart()
	if status := call(t, api); status != 0 {
		t.Errorf("status %d", status)
	}
	write()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := pool.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if status := call(t, api); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if n, reasons := requests.n.Load(), told.reasons(); n != 3 || !slices.Equal(reasons, []job.Reason{job.CredentialsRefused}) {
		t.Errorf("%d log-ins, %v", n, reasons)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}
