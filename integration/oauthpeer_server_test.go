//go:build oauthpeer

package integration

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// peerFolder holds the OAuth 2.0 server that the tests log in to.
var peerFolder = filepath.Join("..", "tools", "oauthpeer")

// peerSettings are those of tools/oauthpeer/server.mjs. The zero value is its
// defaults.
type peerSettings struct {
	life    int // of a token, in seconds
	secret  string
	tokens  string // opaque or jwt
	methods string // the ways to send a secret that it knows
}

// peer is that server as a process of its own.
type peer struct {
	t        *testing.T
	settings peerSettings
	cmd      *exec.Cmd
	client   *http.Client // the tests' own, for introspection

	Issuer, Token, Revocation, Introspection string
}

// startPeer starts the server, waits until it listens, and kills it at the end.
func startPeer(t *testing.T, settings peerSettings) *peer {
	t.Helper()
	if _, err := os.Stat(filepath.Join(peerFolder, "node_modules")); err != nil {
		t.Fatalf("the server is not installed (make oauthpeer does that): %v", err)
	}
	if settings.secret == "" {
		settings.secret = "secret"
	}
	p := &peer{t: t, settings: settings, client: &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience,
	}}
	p.start("0")
	t.Cleanup(p.kill)
	return p
}

func (p *peer) start(port string) {
	p.t.Helper()
	p.cmd = exec.Command("node", "server.mjs")
	p.cmd.Dir = peerFolder
	p.cmd.Env = append(os.Environ(), "OAUTHPEER_PORT="+port, "OAUTHPEER_SECRET="+p.settings.secret)
	for name, value := range map[string]string{
		"OAUTHPEER_TOKENS": p.settings.tokens, "OAUTHPEER_AUTH_METHODS": p.settings.methods,
	} {
		if value != "" {
			p.cmd.Env = append(p.cmd.Env, name+"="+value)
		}
	}
	if p.settings.life > 0 {
		p.cmd.Env = append(p.cmd.Env, "OAUTHPEER_LIFE="+strconv.Itoa(p.settings.life))
	}
	p.cmd.Stderr = p.t.Output()
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("these tests need Node.js: %v", err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if json.Unmarshal(lines.Bytes(), p) == nil && p.Token != "" {
			return
		}
	}
	p.kill()
	p.t.Fatal("the server ended before it listened")
}

// kill ends the server in the middle of what it does. All its tokens die with it.
func (p *peer) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// restart starts it again at the same address.
func (p *peer) restart() {
	p.t.Helper()
	at, err := url.Parse(p.Issuer)
	if err != nil {
		p.t.Fatal(err)
	}
	p.start(at.Port())
}

// freeze stops the server as a machine does that hangs: its connections stay open.
func (p *peer) freeze() { p.signal(syscall.SIGSTOP) }
func (p *peer) thaw()   { p.signal(syscall.SIGCONT) }

func (p *peer) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// active asks the server whether a token is alive (RFC 7662), as an API would that
// is called with it, and which scopes it has.
func (p *peer) active(t *testing.T, token string) (bool, string) {
	t.Helper()
	resp, err := p.client.PostForm(p.Introspection, url.Values{
		"token": {token}, "client_id": {"queueferry-post"}, "client_secret": {p.settings.secret},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Active bool
		Scope  string
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("introspection: status %d, %v", resp.StatusCode, err)
	}
	return answer.Active, answer.Scope
}

// counter counts the requests of a grant.
type counter struct {
	base http.Transport
	n    atomic.Int64
}

func (c *counter) RoundTrip(req *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.base.RoundTrip(req)
}

// newCounter is one that leaves no connection behind.
func newCounter() *counter {
	return &counter{base: http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: 10 * time.Second}}
}
