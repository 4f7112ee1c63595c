package integration

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// frame is one message of the NATS protocol, as it went by.
type frame struct {
	toWorker           bool
	op, subject, reply string // op in capitals; subject and reply of what carries a payload
	payload            []byte // without the headers
	raw                []byte
}

// readFrame reads the next message of either side. Those without a payload are
// one line.
func readFrame(r *bufio.Reader) (frame, error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return frame{}, err
	}
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return frame{raw: line}, nil
	}
	f := frame{op: strings.ToUpper(words[0]), raw: line}
	counts := map[string]int{"PUB": 1, "MSG": 1, "HPUB": 2, "HMSG": 2}[f.op] // numbers at the end of the line
	if counts == 0 {
		return f, nil
	}
	return f, f.readPayload(r, words[1:], counts)
}

// readPayload takes a subject, the subscription's number of what the server
// sends, perhaps a reply, and one or two lengths.
func (f *frame) readPayload(r *bufio.Reader, words []string, counts int) error {
	if len(words) <= counts {
		return errors.New("not a message of the NATS protocol: " + string(f.raw))
	}
	names, lengths := words[:len(words)-counts], words[len(words)-counts:]
	f.subject = names[0]
	if strings.HasSuffix(f.op, "MSG") {
		names = names[1:]
	}
	if len(names) > 1 {
		f.reply = names[1]
	}
	total, err := strconv.Atoi(lengths[counts-1])
	if err != nil {
		return err
	}
	body := make([]byte, total+len("\r\n"))
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	f.raw, f.payload = append(f.raw, body...), body[:total]
	if counts == 2 {
		headers, err := strconv.Atoi(lengths[0])
		if err != nil || headers > total {
			return errors.New("not a message of the NATS protocol: " + string(f.raw))
		}
		f.payload = f.payload[headers:]
	}
	return nil
}

// answers reports whether the worker tells the server with this frame what
// becomes of a message.
func (f frame) answers(text string) bool {
	return !f.toWorker && strings.HasPrefix(f.subject, "$JS.ACK.") && bytes.HasPrefix(f.payload, []byte(text))
}

// trap is a proxy between one worker and NATS that reads along. A frame goes on
// when it is handed to pass, and only then.
type trap struct {
	t        *testing.T
	listener net.Listener
	upstream string
	see      func(f frame, pass func()) // called by one goroutine for each direction
	wg       sync.WaitGroup

	mu    sync.Mutex // guards the rest
	conns []net.Conn
	ended bool
}

func newTrap(t *testing.T, upstream string, see func(f frame, pass func())) *trap {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &trap{t: t, listener: listener, upstream: upstream, see: see}
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *trap) url() string { return "nats://" + p.listener.Addr().String() }

func (p *trap) accept() {
	for {
		worker, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.upstream)
		if err != nil {
			_ = worker.Close()
			continue
		}
		if !p.keep(worker, server) {
			return
		}
		p.wg.Go(func() { p.pump(worker, server, false) })
		p.wg.Go(func() { p.pump(server, worker, true) })
	}
}

func (p *trap) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, conns...)
	if p.ended {
		closeAll(conns)
	}
	return !p.ended
}

// pump carries frames one way; when one side is gone, so is the other.
func (p *trap) pump(from, to net.Conn, toWorker bool) {
	defer closeAll([]net.Conn{from, to})
	r := bufio.NewReader(from)
	for {
		f, err := readFrame(r)
		if err != nil {
			return
		}
		f.toWorker = toWorker
		p.see(f, func() { _, err = to.Write(f.raw) })
		if err != nil {
			return
		}
	}
}

func (p *trap) close() {
	p.mu.Lock()
	p.ended = true
	_ = p.listener.Close()
	closeAll(p.conns)
	p.mu.Unlock()
	p.wg.Wait()
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		_ = c.Close()
	}
}
