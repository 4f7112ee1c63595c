package server

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/site"
)

// Settings are common to all products.
type Settings struct {
	// Listen is the address. Empty: a free port of 127.0.0.1.
	Listen string
	// MaxBody is the largest request body, in bytes. 0: 30,000,000.
	MaxBody int64
	// RecordCalls is how many calls are kept for Calls, the latest ones. 0: none.
	RecordCalls int
	// ClockSkew is how far the server's clock is ahead of ours; negative: behind.
	ClockSkew time.Duration
	// Seed makes the faults with a probability repeatable. 0: 1.
	Seed uint64
	// TLS serves HTTPS and HTTP/2 under a certificate of a CA made for the
	// occasion; see Server.CAPEM.
	TLS bool
	// ClientCAPEM demands a client certificate of this CA, with TLS only. Empty: none.
	ClientCAPEM []byte
}

// Product is what makes a Server one of the products. Its functions are called
// from many goroutines.
type Product struct {
	// Operation tells what a call asks for.
	Operation func(c *Call) Operation
	// Inspect notes what a caller should never do, by Violate. Nil: nothing more
	// than what is wrong anywhere.
	Inspect func(c *Call)
	// Serve carries a call out. It is called later than the exchange where a fault
	// lets the effect appear late, and not at all where there is none.
	Serve func(c *Call) Answer
	// Refusal is the product's error envelope. code is empty where the fault has none.
	Refusal func(c *Call, status int, code string) Answer
}

// Server is a simulated server. All methods may be called at any time and from
// any goroutine.
type Server struct {
	settings Settings
	product  Product
	site     *site.Site
	ca       *site.Authority // nil without TLS
	faults   faults
	books    *books

	// running ends when Close begins; every wait of a call listens to it.
	running context.Context
	stop    context.CancelFunc
	under   sync.WaitGroup // calls and late effects
	gate    sync.Mutex     // guards closed against under.Add
	closed  bool
}

// New makes a server that does not listen yet, so that a product can be built
// around it; Open begins. The error is a bad ClientCAPEM.
func New(settings Settings) (*Server, error) {
	if settings.Listen == "" {
		settings.Listen = "127.0.0.1:0"
	}
	if settings.MaxBody == 0 {
		settings.MaxBody = 30_000_000
	}
	if settings.Seed == 0 {
		settings.Seed = 1
	}
	s := &Server{settings: settings, books: newBooks(settings.RecordCalls), faults: faults{seed: settings.Seed}}
	if settings.TLS {
		ca, err := site.NewAuthority(settings.ClientCAPEM)
		if err != nil {
			return nil, fmt.Errorf("simulator: %w", err)
		}
		s.ca = ca
	}
	s.running, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Open begins to listen and returns at once. The caller must Close the server,
// also after an error, which is a listener that could not be opened.
func (s *Server) Open(product Product) error {
	s.product = product
	opened, err := site.Open(site.Settings{
		Address: s.settings.Listen, CA: s.ca, Handler: http.HandlerFunc(s.serve), Lost: s.books.violate,
		Refused: s.faults.refusing,
	})
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	s.site = opened
	return nil
}

// Close ends every call, drops effects that have not appeared yet, and waits for
// all of it. The books can still be read. It may be called twice.
func (s *Server) Close() {
	s.gate.Lock()
	s.closed = true
	s.gate.Unlock()
	s.stop()
	if s.site != nil {
		s.site.Close()
	}
	s.under.Wait()
}

// URL is scheme, host and port, without a slash at its end.
func (s *Server) URL() string { return s.site.URL() }

// CAPEM is the certificate of the CA that vouches for the server, in PEM.
// Without Settings.TLS it is nil.
func (s *Server) CAPEM() []byte { return s.ca.PEM() }

// Now is the time on the server's clock.
func (s *Server) Now() time.Time { return time.Now().Add(s.settings.ClockSkew) }

// begin admits work that Close has to wait for.
func (s *Server) begin() bool {
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.closed {
		return false
	}
	s.under.Add(1)
	return true
}

// wait sleeps for d, or until a fault is removed (nil: none) or the server closes.
func (s *Server) wait(d time.Duration, removed <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-removed:
	case <-s.running.Done():
	}
}
