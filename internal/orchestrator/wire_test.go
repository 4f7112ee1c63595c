package orchestrator

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// wire is a server that shows each request as it came, byte by byte, and lets a
// test do to the connection what it likes.
type wire struct {
	URL    string
	listen net.Listener
	answer func(n int, c *net.TCPConn)

	mu       sync.Mutex
	requests []string
	conns    []net.Conn
	wg       sync.WaitGroup
}

const created = "HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n{\"Id\": 42}"

// newWire calls answer after each whole request, the n-th of all from 1.
func newWire(t *testing.T, answer func(n int, c *net.TCPConn)) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{URL: "http://" + l.Addr().String(), listen: l, answer: answer}
	w.wg.Go(w.serve)
	t.Cleanup(w.close)
	return w
}

func (w *wire) serve() {
	for {
		c, err := w.listen.Accept()
		if err != nil {
			return
		}
		w.mu.Lock()
		w.conns = append(w.conns, c)
		w.mu.Unlock()
		w.wg.Go(func() { w.converse(c.(*net.TCPConn)) })
	}
}

func (w *wire) converse(c *net.TCPConn) {
	defer c.Close()
	for {
		var seen strings.Builder
		r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(c, &seen)))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.mu.Lock()
		w.requests = append(w.requests, seen.String())
		n := len(w.requests)
		w.mu.Unlock()
		w.answer(n, c)
	}
}

func (w *wire) close() {
	_ = w.listen.Close()
	w.mu.Lock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.mu.Unlock()
	w.wg.Wait()
}

// seen are the requests so far.
func (w *wire) seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.requests...)
}

func say(c net.Conn, text string) { _, _ = io.WriteString(c, text) }

func hangUp(c *net.TCPConn) { _ = c.Close() }

func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

func status(code int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\n%s", code, http.StatusText(code), len(body), body)
}

// transport is one of our own, closed at the end of the test.
func transport(t *testing.T, s TransportSettings) *http.Transport {
	t.Helper()
	tr, err := NewTransport(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// toLoopback dials this machine, whatever the host.
func toLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
}
