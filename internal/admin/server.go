// Package admin is the HTTP listener of the worker: /livez, /readyz, /metrics
// and /status. It only shows what it is given, and nothing on it changes state.
package admin

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Time-outs of the listener. No page takes long to write; a client that reads
// or writes slowly must not keep a connection.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	shutdownTimeout   = 2 * time.Second
	maxHeaderBytes    = 16 << 10
)

// Settings say where to listen and what to show. All functions are needed. They
// are called for each request, at the same time for several, and should not
// wait for anything outside of the process.
type Settings struct {
	// Listen is host:port; port 0 takes a free one.
	Listen string
	// Live is nil while every loop of the worker turns.
	Live func() error
	// Ready is whether the worker takes messages, and what is wrong.
	Ready func() Readiness
	// Status is shown as JSON. It must not hold a secret.
	Status func() any
	// Metrics serves the metrics.
	Metrics http.Handler
	// ErrorLog takes what goes wrong with a connection; nil: the standard logger.
	ErrorLog *log.Logger
}

// ErrTaken means that another process listens on the address.
var ErrTaken = errors.New("is taken; choose another")

// Server is the listener. Listen and Run belong to one goroutine, Addr to any.
type Server struct {
	listen string
	http   *http.Server

	mu       sync.Mutex
	listener net.Listener // guarded by mu; nil before Listen
}

// New returns a server that does not listen yet.
func New(s Settings) *Server {
	return &Server{
		listen: s.Listen,
		http: &http.Server{
			Handler:           newPages(s),
			ReadHeaderTimeout: readHeaderTimeout,
			ReadTimeout:       readTimeout,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          s.ErrorLog,
		},
	}
}

// Listen takes the address, so that a taken one ([ErrTaken]) is known before
// anything else is begun. A second call does nothing. Run must follow, because
// it gives the address back.
func (s *Server) Listen(ctx context.Context) error {
	if s.Addr() != "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.listen)
	switch {
	case isTaken(err):
		return fmt.Errorf("admin.listen: %s %w", s.listen, ErrTaken)
	case err != nil:
		return fmt.Errorf("admin.listen: cannot listen at %s: choose an address of this machine, and a port from 1024 on: %w", s.listen, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listener = l
	return nil
}

// wsaAddrInUse is EADDRINUSE on Windows.
const wsaAddrInUse = syscall.Errno(10048)

func isTaken(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || runtime.GOOS == "windows" && errors.Is(err, wsaAddrInUse)
}

// Addr is the address that the server listens on, empty before Listen.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Run listens, unless Listen did already, and serves until ctx ends; then it
// waits for requests under way for at most two seconds, and returns nil. It may
// be called once.
func (s *Server) Run(ctx context.Context) error {
	if err := s.Listen(ctx); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }() // waited for below
	select {
	case err := <-served:
		return fmt.Errorf("admin: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := s.http.Shutdown(grace); err != nil {
		_ = s.http.Close() // a client that would not go; nothing is lost with it
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin: %w", err)
	}
	return nil
}
