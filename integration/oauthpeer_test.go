//go:build oauthpeer

package integration

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

// odd is a client's id, and printable a secret of every character that one may
// have (RFC 6749, appendix A.2): HTTP Basic carries neither as it is.
const odd = "queue:ferry 100%+&=/~"

func printable() string {
	var b strings.Builder
	for c := byte('!'); c <= '~'; c++ {
		b.WriteByte(c)
		if c == 'M' {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// Both ways to send a secret work with every character that it may have, and
// what the pool closes over is dead.
func TestOAuthPeerLogsInAndRevokes(t *testing.T) {
	t.Parallel()
	server := startPeer(t, peerSettings{secret: printable()})
	for name, c := range map[string]struct {
		id    string
		basic bool
	}{
		"client_secret_post":    {"queueferry-post", false},
		"client_secret_basic":   {"queueferry-basic", true},
		"an odd id in the form": {odd, false},
		"an odd id in Basic":    {odd, true},
		"the form for Basic's":  {"queueferry-basic", false}, // it takes either way, whichever
		"Basic for the form's":  {"queueferry-post", true},   // one a client was registered for
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			grant, requests := server.grant(c.id)
			grant.Basic = c.basic
			pool, _, end := startPool(t, grant)
			token, err := lease(t, pool)
			if err != nil {
				t.Fatal(err)
			}
			if alive, scope := server.active(t, token); !alive || scope != "OR.Queues OR.Jobs" {
				t.Errorf("the token is alive: %v, its scope is %q", alive, scope)
			}
			if left := time.Until(pool.State().Credentials[0].Expiry); left < 9*time.Minute || left > 10*time.Minute {
				t.Errorf("%v of 10 m are left", left)
			}
			if err := end(); err != nil {
				t.Error(err)
			}
			if alive, _ := server.active(t, token); alive {
				t.Error("the token lives on after the pool was closed")
			}
			if n := requests.n.Load(); n != 2 {
				t.Errorf("%d requests, want a log-in and a revocation", n)
			}
		})
	}
}

// A refused credential is asked about once, and again only after its wait.
func TestOAuthPeerRefuses(t *testing.T) {
	t.Parallel()
	server := startPeer(t, peerSettings{})
	onlyBasic := startPeer(t, peerSettings{methods: "client_secret_basic"})
	for name, c := range map[string]struct {
		server *peer
		id     string
		change func(*authpool.ClientCredentials)
		status int
		code   string
	}{
		"wrong secret, post":   {server, "queueferry-post", wrong("wrong"), 401, "invalid_client"},
		"wrong secret, Basic":  {server, "queueferry-basic", inBasic(wrong("wrong")), 401, "invalid_client"},
		"unknown client":       {server, "nobody", nil, 401, "invalid_client"},
		"not ASCII, post":      {server, "queueferry-post", wrong("pässwörd"), 401, "invalid_client"},
		"not ASCII, Basic":     {server, "queueferry-basic", inBasic(wrong("pässwörd")), 400, "invalid_request"},
		"scope not allowed":    {server, "queueferry-jobs", nil, 400, "invalid_scope"},
		"must assert, post":    {server, "queueferry-assertion", nil, 401, "invalid_client"},
		"must assert, Basic":   {server, "queueferry-assertion", inBasic(nil), 401, "invalid_client"},
		"post to only Basic":   {onlyBasic, "queueferry-basic", nil, 401, "invalid_client"},
		"grant not to be had":  {server, "queueferry-post", nil, 400, "unsupported_grant_type"},
		"not the token's path": {server, "queueferry-post", at("/nothing"), 404, "no_endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			grant, requests := c.server.grant(c.id)
			if c.change != nil {
				c.change(grant)
			}
			var asked authpool.Grant = grant
			if c.code == "unsupported_grant_type" {
				asked = &authpool.Password{
					TokenURL: grant.TokenURL, ClientID: c.id, ClientSecret: grant.ClientSecret,
					Username: "someone", Password: secret.Literal("password"), Transport: requests,
				}
			}
			pool, told, _ := startPool(t, asked)
			reason, atMost := job.CredentialsRefused, int64(1)
			if c.code == "no_endpoint" {
				reason, atMost = job.IdentityUnavailable, 3
			}
			for until := time.Now().Add(3 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
				_, err := lease(t, pool)
				e, ok := errors.AsType[*authpool.Error](err)
				if !ok || e.Reason != reason || e.Code != c.code || e.Status != c.status {
					t.Fatalf("%v, want %s with %s and %d", err, reason, c.code, c.status)
				}
				if strings.Contains(err.Error(), "wrong") || strings.Contains(err.Error(), "authentication failed") {
					t.Fatalf("the error says too much: %v", err)
				}
			}
			if n := requests.n.Load(); n > atMost {
				t.Errorf("%d log-ins in 3 s", n)
			}
			if n := told.results(authpool.LoggedIn); n != 0 {
				t.Errorf("%d log-ins worked", n)
			}
		})
	}
}

func wrong(value string) func(*authpool.ClientCredentials) {
	return func(g *authpool.ClientCredentials) { g.ClientSecret = secret.Literal(value) }
}

func inBasic(also func(*authpool.ClientCredentials)) func(*authpool.ClientCredentials) {
	return func(g *authpool.ClientCredentials) {
		g.Basic = true
		if also != nil {
			also(g)
		}
	}
}

func at(path string) func(*authpool.ClientCredentials) {
	return func(g *authpool.ClientCredentials) { g.TokenURL = strings.TrimSuffix(g.TokenURL, "/token") + path }
}

// A scope that the server does not know is left out of the token without a word:
// only the API can tell, with a 403.
func TestOAuthPeerLeavesAnUnknownScopeOut(t *testing.T) {
	t.Parallel()
	server := startPeer(t, peerSettings{})
	grant, _ := server.grant("queueferry-post")
	grant.Scopes = []string{"OR.Jobs", "OR.Unknown"}
	pool, _, _ := startPool(t, grant)
	token, err := lease(t, pool)
	if err != nil {
		t.Fatal(err)
	}
	if alive, scope := server.active(t, token); !alive || scope != "OR.Jobs" {
		t.Errorf("the token is alive: %v, its scope is %q", alive, scope)
	}
}

// This server revokes no JWT. Version 8 answers 200 all the same, as RFC 7009
// allows; version 9 says unsupported_token_type, and so does the pool's end.
func TestOAuthPeerRevokesNoJWT(t *testing.T) {
	t.Parallel()
	server := startPeer(t, peerSettings{tokens: "jwt"})
	grant, _ := server.grant("queueferry-basic")
	grant.Basic = true
	pool, _, end := startPool(t, grant)
	token, err := lease(t, pool)
	if err != nil || strings.Count(token, ".") != 2 {
		t.Fatalf("a token with %d points, %v", strings.Count(token, "."), err)
	}
	err = end()
	if err != nil && !strings.Contains(err.Error(), "unsupported_token_type") {
		t.Errorf("%v, want none, or one that names unsupported_token_type", err)
	}
}

// Callers that are there at once make one log-in.
func TestOAuthPeerServesManyCallers(t *testing.T) {
	t.Parallel()
	server := startPeer(t, peerSettings{})
	grant, requests := server.grant("queueferry-post")
	pool, _, _ := startPool(t, grant)
	tokens := make([]string, 500)
	var all sync.WaitGroup
	for i := range tokens {
		all.Go(func() { tokens[i], _ = lease(t, pool) })
	}
	all.Wait()
	if tokens[0] == "" || len(slices.Compact(tokens)) != 1 {
		t.Error("not all have the same token")
	}
	if n := requests.n.Load(); n != 1 {
		t.Errorf("%d log-ins", n)
	}
}
