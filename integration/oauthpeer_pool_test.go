//go:build oauthpeer

package integration

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

// grant is a log-in to the server, and what counts its requests.
func (p *peer) grant(id string) (*authpool.ClientCredentials, *counter) {
	c := newCounter()
	return &authpool.ClientCredentials{
		TokenURL: p.Token, RevocationURL: p.Revocation, ClientID: id,
		ClientSecret: secret.Literal(p.settings.secret), Scopes: []string{"OR.Queues", "OR.Jobs"}, Transport: c,
	}, c
}

// events are those of a pool.
type events struct {
	mu  sync.Mutex
	all []authpool.Event
}

func (e *events) note(ev authpool.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

func (e *events) results(result authpool.Result) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, ev := range e.all {
		if ev.Result == result {
			n++
		}
	}
	return n
}

// reasons are those of the lines that say that there is no token.
func (e *events) reasons() []job.Reason {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []job.Reason
	for _, ev := range e.all {
		if ev.Name == authpool.Refused {
			all = append(all, ev.Reason)
		}
	}
	return all
}

// startPool runs a pool of one credential with its secret's files. What it returns
// ends and closes it; so does the test's end.
func startPool(t *testing.T, g authpool.Grant, files ...string) (*authpool.Pool, *events, func() error) {
	t.Helper()
	var told events
	p := authpool.New(authpool.Settings{
		Connection:  "peer",
		Credentials: []authpool.Credential{{Name: "default", Grant: g, SecretFiles: files}},
		Observe:     told.note,
	})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = p.Run(ctx) })
	end := sync.OnceValue(func() error {
		stop()
		running.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return p.Close(ctx)
	})
	t.Cleanup(func() { _ = end() })
	return p, &told, end
}

// lease is a token of the pool.
func lease(t *testing.T, p *authpool.Pool) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	l, err := p.Lease(ctx)
	defer l.Release()
	return l.Token(), err
}

// apiClient calls an API that takes the server's tokens only.
func apiClient(t *testing.T, server *peer, pool *authpool.Pool) *http.Client {
	api := roundTrip(func(req *http.Request) (*http.Response, error) {
		token, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
		status := http.StatusUnauthorized
		if alive, _ := server.active(t, token); alive {
			status = http.StatusOK
		}
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
	})
	return &http.Client{Transport: &authpool.Transport{Base: api, Pool: pool}}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// call is the status of a call of the API; 0: there was no token for it.
func call(t *testing.T, api *http.Client) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://api.invalid/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := api.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
