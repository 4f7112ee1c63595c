// Package natstest gives a test a real JetStream server of its own: in the
// test's process, on a free port, with a store that goes with the test. It
// knows nothing of queueferry and is imported by tests alone.
package natstest

import (
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	host      = "127.0.0.1"
	readyTime = 20 * time.Second
)

// Option changes the server's options before it starts, and each time it is
// started again.
type Option func(*server.Options)

// Server is a JetStream server that a test may stop and start at will. Its
// methods are for the test's own goroutine; URL and Conn are safe from any.
type Server struct {
	srv   *server.Server // nil while it is shut down
	opts  []Option
	dir   string
	url   string
	port  int
	mu    sync.Mutex
	conns []*nats.Conn
}

// Start runs a server until the test ends. It fails the test if the server is
// not ready within 20 seconds.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	s := &Server{opts: opts, dir: t.TempDir(), port: freePort(t)}
	s.run(t)
	t.Cleanup(s.Shutdown)
	return s
}

func (s *Server) run(t testing.TB) {
	t.Helper()
	o := &server.Options{
		ServerName: "natstest",
		Host:       host,
		Port:       s.port,
		JetStream:  true,
		StoreDir:   s.dir,
		NoLog:      true,
		NoSigs:     true,
	}
	for _, opt := range s.opts {
		opt(o)
	}
	srv, err := server.NewServer(o)
	if err != nil {
		t.Fatalf("natstest: new server: %v", err)
	}
	srv.Start()
	s.srv = srv
	if !srv.ReadyForConnections(readyTime) {
		t.Fatalf("natstest: the server was not ready after %v", readyTime)
	}
	s.url = srv.ClientURL()
	s.port = o.Port
}

// URL is where the server listens; it stays the same over a Restart.
func (s *Server) URL() string { return s.url }

// Dir is the directory of the server's store.
func (s *Server) Dir() string { return s.dir }

// Shutdown stops the server and waits until it is gone, and until every
// connection that Conn made knows: what a test sends later cannot be lost on a
// connection that only seems to be open. The store stays. A second call does
// nothing.
func (s *Server) Shutdown() {
	if s.srv == nil {
		return
	}
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
	s.srv = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, nc := range s.conns {
		for nc.IsConnected() {
			time.Sleep(time.Millisecond)
		}
	}
}

// Restart shuts the server down, if it is up, and starts it again with the same
// address and store.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Shutdown()
	s.run(t)
}

// Conn is a new connection that reconnects for ever and is closed when the test
// ends.
func (s *Server) Conn(t testing.TB, opts ...nats.Option) *nats.Conn {
	t.Helper()
	opts = append([]nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond)}, opts...)
	closed := make(chan struct{})
	opts = append(opts, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	nc, err := nats.Connect(s.url, opts...)
	if err != nil {
		t.Fatalf("natstest: connect: %v", err)
	}
	s.mu.Lock()
	s.conns = append(s.conns, nc)
	s.mu.Unlock()
	t.Cleanup(func() {
		nc.Close()
		<-closed // the library's own goroutines end with this call
	})
	return nc
}

// JetStream is a new JetStream context on a connection of its own.
func (s *Server) JetStream(t testing.TB, opts ...nats.Option) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(s.Conn(t, opts...))
	if err != nil {
		t.Fatalf("natstest: jetstream: %v", err)
	}
	return js
}
