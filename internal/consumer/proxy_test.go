package consumer

import (
	"net"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/natstest"
)

// proxy stands between a client and the server and may be frozen: connections
// stay, and nothing passes.
type proxy struct {
	listener net.Listener
	to       string
	wg       sync.WaitGroup

	mu     sync.Mutex
	conns  []net.Conn
	pass   chan struct{} // closed while it is not frozen
	refuse bool          // new connections
}

func newProxy(t testing.TB, s *natstest.Server) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, to: s.URL()[len("nats://"):], pass: make(chan struct{})}
	close(p.pass)
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.thaw()
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		refuse := p.refuse
		p.mu.Unlock()
		server, err := net.Dial("tcp", p.to)
		if err == nil && refuse {
			server.Close()
		}
		if err != nil || refuse {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.wg.Go(func() { p.copy(server, client) })
		p.wg.Go(func() { p.copy(client, server) })
	}
}

func (p *proxy) copy(to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		pass := p.pass
		p.mu.Unlock()
		<-pass
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pass = make(chan struct{})
}

func (p *proxy) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.pass:
	default:
		close(p.pass)
	}
}

// cut breaks every connection.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// shut breaks every connection and lets none come up again, or lets them.
func (p *proxy) shut(refuse bool) {
	p.mu.Lock()
	p.refuse = refuse
	p.mu.Unlock()
	p.cut()
}

// conn is a client behind the proxy.
func (p *proxy) conn(t testing.TB, opts ...nats.Option) *nats.Conn {
	t.Helper()
	opts = append([]nats.Option{nats.MaxReconnects(-1)}, opts...)
	closed := make(chan struct{})
	opts = append(opts, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	nc, err := nats.Connect("nats://"+p.listener.Addr().String(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		nc.Close()
		<-closed
	})
	return nc
}
