// Package site is the listening half of every simulator: a server whose port can
// be shut and opened again, and a CA made for the occasion.
package site

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Site is one listening server that can be shut and opened again on its port.
// One goroutine owns the listener.
type Site struct {
	settings Settings
	server   *http.Server
	turns    chan chan struct{} // asks the owner to compare what is with what should be
	stop     chan struct{}      // closed by close
	ended    chan struct{}      // closed by the owner when it is done
	once     sync.Once

	mu     sync.Mutex // guards the rest
	conns  map[net.Conn]struct{}
	opened int
}

// Settings is what a site is made of.
type Settings struct {
	Address string     // after Open the one that is listened on
	CA      *Authority // nil: plain HTTP
	Handler http.Handler
	Refused func() bool  // should connections be refused now?
	Lost    func(string) // told when the port could not be had again
}

type connKey struct{}

// Open begins to listen. The caller must Close it.
func Open(settings Settings) (*Site, error) {
	listener, err := net.Listen("tcp", settings.Address)
	if err != nil {
		return nil, err
	}
	settings.Address = listener.Addr().String()
	s := &Site{
		settings: settings,
		turns:    make(chan chan struct{}),
		stop:     make(chan struct{}),
		ended:    make(chan struct{}),
		conns:    map[net.Conn]struct{}{},
	}
	s.server = &http.Server{
		Handler:     settings.Handler,
		ErrorLog:    log.New(io.Discard, "", 0),
		ConnState:   s.track,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	if settings.CA != nil {
		s.server.TLSConfig = settings.CA.serverConfig()
	}
	go s.own(listener)
	return s, nil
}

// own serves, shuts and opens until close; it ends when the last serving
// goroutine has.
func (s *Site) own(listener net.Listener) {
	defer close(s.ended)
	served := s.serve(listener)
	release := func() {}
	defer func() { release() }()
	for {
		select {
		case done := <-s.turns:
			switch refuse := s.settings.Refused(); {
			case refuse && listener != nil:
				_ = listener.Close()
				s.dropConns()
				<-served
				listener, release = nil, hold(s.settings.Address)
			case !refuse && listener == nil:
				release()
				release = func() {}
				if listener = s.reopen(); listener != nil {
					served = s.serve(listener)
				}
			}
			close(done)
		case <-s.stop:
			_ = s.server.Close()
			<-served
			return
		}
	}
}

func (s *Site) serve(listener net.Listener) <-chan struct{} {
	served := make(chan struct{})
	go func() {
		defer close(served)
		if s.settings.CA != nil {
			_ = s.server.ServeTLS(listener, "", "")
			return
		}
		_ = s.server.Serve(listener)
	}()
	return served
}

// reopen takes the port again. Someone else may sit on it for a moment.
func (s *Site) reopen() net.Listener {
	for range 200 {
		listener, err := net.Listen("tcp", s.settings.Address)
		if err == nil {
			return listener
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-s.stop:
			return nil
		}
	}
	s.settings.Lost(fmt.Sprintf("the port of %s is taken: connections stay refused", s.settings.Address))
	return nil
}

// Reconcile shuts or opens the listener as the faults want it, and waits for that.
func (s *Site) Reconcile() {
	done := make(chan struct{})
	select {
	case s.turns <- done:
		<-done
	case <-s.ended:
	}
}

// Close shuts the port, ends every connection and waits for it. It may be called twice.
func (s *Site) Close() {
	s.once.Do(func() { close(s.stop) })
	<-s.ended
}

// URL is scheme, host and port, without a slash at its end.
func (s *Site) URL() string {
	if s.settings.CA != nil {
		return "https://" + s.settings.Address
	}
	return "http://" + s.settings.Address
}

func (s *Site) track(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.opened++
		s.conns[c] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(s.conns, c)
	}
}

func (s *Site) dropConns() {
	s.mu.Lock()
	conns := make([]net.Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		reset(c)
	}
}

// Connections tells how many were opened so far and how many are open now.
func (s *Site) Connections() (opened, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened, len(s.conns)
}

// reset closes a connection so that the other end sees "connection reset".
func reset(c net.Conn) {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	if plain, ok := c.(*net.TCPConn); ok {
		_ = plain.SetLinger(0)
	}
	_ = c.Close()
}

// Reset ends the connection that a request came by, so that the caller sees
// "connection reset". It does not return.
func Reset(r *http.Request) {
	if conn, ok := r.Context().Value(connKey{}).(net.Conn); ok {
		reset(conn)
	}
	panic(http.ErrAbortHandler)
}
