package uipath

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

// site is one listening server that can be shut and opened again on its port.
// One goroutine owns the listener.
type site struct {
	siteSettings
	server *http.Server
	turns  chan chan struct{} // asks the owner to compare what is with what should be
	stop   chan struct{}      // closed by close
	ended  chan struct{}      // closed by the owner when it is done
	once   sync.Once

	mu     sync.Mutex // guards the rest
	conns  map[net.Conn]struct{}
	opened int
}

type siteSettings struct {
	address string // after openSite the one that is listened on
	ca      *authority
	handler http.Handler
	refused func() bool  // should connections be refused now?
	lost    func(string) // told when the port could not be had again
}

type connKey struct{}

func openSite(settings siteSettings) (*site, error) {
	listener, err := net.Listen("tcp", settings.address)
	if err != nil {
		return nil, err
	}
	settings.address = listener.Addr().String()
	s := &site{
		siteSettings: settings,
		turns:        make(chan chan struct{}),
		stop:         make(chan struct{}),
		ended:        make(chan struct{}),
		conns:        map[net.Conn]struct{}{},
	}
	s.server = &http.Server{
		Handler:     settings.handler,
		ErrorLog:    log.New(io.Discard, "", 0),
		ConnState:   s.track,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	if settings.ca != nil {
		s.server.TLSConfig = settings.ca.serverConfig()
	}
	go s.own(listener)
	return s, nil
}

// own serves, shuts and opens until close; it ends when the last serving
// goroutine has.
func (s *site) own(listener net.Listener) {
	defer close(s.ended)
	served := s.serve(listener)
	for {
		select {
		case done := <-s.turns:
			switch refuse := s.refused(); {
			case refuse && listener != nil:
				_ = listener.Close()
				s.dropConns()
				<-served
				listener = nil
			case !refuse && listener == nil:
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

func (s *site) serve(listener net.Listener) <-chan struct{} {
	served := make(chan struct{})
	go func() {
		defer close(served)
		if s.ca != nil {
			_ = s.server.ServeTLS(listener, "", "")
			return
		}
		_ = s.server.Serve(listener)
	}()
	return served
}

// reopen takes the port again. Someone else may sit on it for a moment.
func (s *site) reopen() net.Listener {
	for range 200 {
		listener, err := net.Listen("tcp", s.address)
		if err == nil {
			return listener
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-s.stop:
			return nil
		}
	}
	s.lost(fmt.Sprintf("the port of %s is taken: connections stay refused", s.address))
	return nil
}

// reconcile shuts or opens the listener as the faults want it, and waits for that.
func (s *site) reconcile() {
	done := make(chan struct{})
	select {
	case s.turns <- done:
		<-done
	case <-s.ended:
	}
}

func (s *site) close() {
	s.once.Do(func() { close(s.stop) })
	<-s.ended
}

func (s *site) url() string {
	if s.ca != nil {
		return "https://" + s.address
	}
	return "http://" + s.address
}

func (s *site) track(c net.Conn, state http.ConnState) {
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

func (s *site) dropConns() {
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

// connections tells how many were opened so far and how many are open now.
func (s *site) connections() (opened, open int) {
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
