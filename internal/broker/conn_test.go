package broker

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/secret"
)

// connect is a connection that is up.
func connect(t *testing.T, s Settings) *Conn {
	t.Helper()
	c := start(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := c.WaitConnected(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

// start is a connection that may be up some time.
func start(t *testing.T, s Settings) *Conn {
	t.Helper()
	c, err := Connect(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestServerAppearsAfterConnect(t *testing.T) {
	t.Parallel()
	address := natstest.FreeAddress(t)
	up := make(chan struct{}, 1)
	failed := make(chan error, 10)
	c := start(t, Settings{
		URL:       "nats://" + address,
		OnConnect: func() { up <- struct{}{} },
		OnError:   func(err error) { failed <- err },
	})
	if c.Connected() {
		t.Fatal("connected to nothing")
	}
	if c.MaxPayload() != 0 {
		t.Errorf("a limit of %d is known before the first connection", c.MaxPayload())
	}
	_ = receive(t, failed, "report that the server is not there")

	e, err := StartEmbedded(EmbeddedSettings{Listen: address, StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Shutdown)
	receive(t, up, "first connection")
	if err := c.WaitConnected(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFrozenServerAtConnect(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := start(t, Settings{URL: "nats://" + l.Addr().String()}) // which must return
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err = c.WaitConnected(ctx)
	if !errors.Is(err, ErrDisconnected) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("WaitConnected: %v, want ErrDisconnected and the context's error", err)
	}
}

func TestServerFreezesLater(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	p := newProxy(t, strings.TrimPrefix(s.URL(), "nats://"))
	lost, back := make(chan error, 10), make(chan struct{}, 10)
	c := connect(t, Settings{
		URL:          "nats://" + p.address(),
		ping:         500 * time.Millisecond,
		OnDisconnect: func(err error) { lost <- err },
		OnReconnect:  func() { back <- struct{}{} },
	})
	p.freeze()
	_ = receive(t, lost, "notice of the frozen server")
	receive(t, back, "reconnect")
	if err := c.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestServerRestarts(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	lost, back := make(chan error, 10), make(chan struct{}, 10)
	c := connect(t, Settings{
		URL:          s.URL(),
		OnDisconnect: func(err error) { lost <- err },
		OnReconnect:  func() { back <- struct{}{} },
	})
	s.Shutdown()
	_ = receive(t, lost, "notice of the shutdown")
	s.Restart(t)
	receive(t, back, "reconnect")
	select {
	case <-c.Closed():
		t.Error("the connection is closed")
	default:
	}
}

// The password is wrong at first, then its file is missing, then it is right:
// nothing is started again, and the password appears nowhere.
func TestPasswordChanges(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	write := func(value string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e := embedded(t, EmbeddedSettings{User: "worker", Password: secret.Literal("right-horse")})
	write("wrong-horse")
	failed := make(chan error, 100)
	c := start(t, Settings{
		URL: e.URL(), User: "worker", Password: secret.File(file),
		OnError: func(err error) { failed <- err },
	})
	if err := receive(t, failed, "report of the refused log-in"); strings.Contains(err.Error(), "horse") {
		t.Errorf("the report holds a password: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	waited := waitInBackground(t, c)
	told := receive(t, failed, "report of the missing file")
	for !errors.Is(told, secret.ErrMissing) {
		told = receive(t, failed, "report of the missing file")
	}
	write("right-horse")
	if err := receive(t, waited, "connection"); err != nil {
		t.Error(err)
	}
}

func waitInBackground(t *testing.T, c *Conn) <-chan error {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	waited := make(chan error, 1)
	go func() { waited <- c.WaitConnected(ctx) }()
	return waited
}

func TestToken(t *testing.T) {
	t.Parallel()
	e := embedded(t, EmbeddedSettings{Token: secret.Literal("open-sesame")})
	connect(t, Settings{URL: e.URL(), Token: secret.Literal("open-sesame")})

	stranger := start(t, Settings{URL: e.URL()})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond) // the first try is over
	defer cancel()
	if err := stranger.WaitConnected(ctx); !errors.Is(err, ErrDisconnected) {
		t.Errorf("without the token: %v, want ErrDisconnected", err)
	}
}

func TestConnectRefusesWrongSettings(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		settings Settings
		says     string
	}{
		"no address":       {Settings{URL: ""}, "nats.url"},
		"not a URL":        {Settings{URL: "nats://a:4222,nats://user:pass%zzword@b:4222"}, "address 2"},
		"missing CA":       {Settings{URL: "nats://a", TLS: TLS{CAFile: "/does/not/exist"}}, "nats.tls.ca_file"},
		"empty CA":         {Settings{URL: "nats://a", TLS: TLS{CAFile: empty}}, "no certificate"},
		"missing key":      {Settings{URL: "nats://a", TLS: TLS{CertFile: empty}}, "nats.tls.cert_file"},
		"missing creds":    {Settings{URL: "nats://a", CredentialsFile: "/does/not/exist"}, "nats.credentials_file: cannot be read"},
		"missing nkey":     {Settings{URL: "nats://a", NKeyFile: "/does/not/exist"}, "nats.nkey_file"},
		"unknown protocol": {Settings{URL: "ws://a,nats://b"}, "nats"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Connect(t.Context(), tt.settings)
			wantConfigError(t, err, tt.says)
			if strings.Contains(err.Error(), "pass") {
				t.Errorf("the error holds the password: %v", err)
			}
		})
	}
}

func TestCloseTwice(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"up": natstest.Start(t).URL(), "never up": "nats://" + natstest.FreeAddress(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, Settings{URL: url})
			c.Close()
			c.Close()
			if err := c.WaitConnected(t.Context()); err == nil {
				t.Error("WaitConnected of a closed connection: no error")
			}
		})
	}
}

func TestReporterTellsEachTextOnce(t *testing.T) {
	t.Parallel()
	var got []string
	r := newReporter(func(err error) { got = append(got, err.Error()) })
	a, b := errors.New("a"), errors.New("b")
	r.error(a)
	r.error(a)
	r.hold(b)
	r.error(a)
	r.error(b)
	r.reset()
	r.error(a)
	r.error(nil)
	if want := "a b a"; strings.Join(got, " ") != want {
		t.Errorf("reported %q, want %q", got, want)
	}
}

// proxy passes bytes on, until it is told to freeze the connections it has.
type proxy struct {
	l      net.Listener
	target string
	wg     sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	halt  chan struct{} // closed by freeze; connections made later get a new one
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, target: target, halt: make(chan struct{})}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		for _, c := range p.conns {
			c.Close()
		}
		p.mu.Unlock()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.l.Addr().String() }

func (p *proxy) accept() {
	for {
		in, err := p.l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.target)
		if err != nil {
			in.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, in, out)
		halt := p.halt
		p.mu.Unlock()
		p.wg.Go(func() { pass(out, in, halt) })
		p.wg.Go(func() { pass(in, out, halt) })
	}
}

// pass drops all bytes once halt is closed, and leaves the connection open.
func pass(to, from net.Conn, halt <-chan struct{}) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		select {
		case <-halt:
			to = nil
		default:
		}
		if err != nil {
			return
		}
		if to != nil {
			if _, err := to.Write(buf[:n]); err != nil {
				_, _ = io.Copy(io.Discard, from)
				return
			}
		}
	}
}

func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.halt)
	p.halt = make(chan struct{})
}
