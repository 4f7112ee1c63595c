package deadletter

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// cutter is a proxy before the server that ends a client's life at one request:
// before the server has it, or when the server has answered it.
type cutter struct {
	listener net.Listener
	upstream string
	at       int    // the request, counted from 1
	answered bool   // the server shall answer it first
	cut      func() // called once

	wg    sync.WaitGroup
	mu    sync.Mutex
	n     int
	reply string // whose answer is waited for
	conns []net.Conn
	dead  bool
}

func newCutter(t *testing.T, upstream string, at int, answered bool, cut func()) *cutter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: listener, upstream: upstream, at: at, answered: answered, cut: cut}
	c.wg.Go(c.serve)
	return c
}

func (c *cutter) url() string { return "nats://" + c.listener.Addr().String() }

func (c *cutter) close() {
	c.kill(false)
	c.wg.Wait()
}

// happened reports whether the request came.
func (c *cutter) happened() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n >= c.at
}

func (c *cutter) serve() {
	client, err := c.listener.Accept()
	if err != nil {
		return
	}
	server, err := net.Dial("tcp", c.upstream)
	if err != nil {
		_ = client.Close()
		return
	}
	c.mu.Lock()
	c.conns = []net.Conn{client, server}
	c.mu.Unlock()
	c.wg.Go(func() { c.pump(server, client, c.ofServer) })
	c.pump(client, server, c.ofClient)
}

func (c *cutter) kill(tell bool) {
	c.mu.Lock()
	first := !c.dead
	c.dead = true
	_ = c.listener.Close()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.mu.Unlock()
	if first && tell {
		c.cut()
	}
}

// pump carries frames until one is not to pass.
func (c *cutter) pump(from, to net.Conn, pass func(words []string) bool) {
	defer c.kill(true)
	r := bufio.NewReader(from)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return
		}
		words := strings.Fields(string(line))
		if len(words) > 0 && (strings.HasSuffix(words[0], "PUB") || strings.HasSuffix(words[0], "MSG")) {
			size, err := strconv.Atoi(words[len(words)-1])
			if err != nil {
				return
			}
			body := make([]byte, size+2)
			if _, err := io.ReadFull(r, body); err != nil {
				return
			}
			line = append(line, body...)
		}
		if !pass(words) {
			return
		}
		if _, err := to.Write(line); err != nil {
			return
		}
	}
}

func (c *cutter) ofClient(words []string) bool {
	if len(words) == 0 || !strings.HasSuffix(words[0], "PUB") {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	if c.n == c.at && c.answered && len(words) > 3 {
		c.reply = words[2]
		return true
	}
	return c.n != c.at
}

func (c *cutter) ofServer(words []string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reply == "" || len(words) < 2 || words[1] != c.reply
}
