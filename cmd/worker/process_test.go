//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

const patience = time.Minute

// process is the worker as its own process.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{}

	mu    sync.Mutex
	lines []map[string]any
}

func start(t *testing.T, path string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], "run", "--config", path), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asWorker+"=1")
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.read(out)
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		_ = p.cmd.Wait()
	})
	return p
}

func (p *process) read(out io.Reader) {
	defer close(p.done)
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		var line map[string]any
		if json.Unmarshal(scanner.Bytes(), &line) == nil {
			p.mu.Lock()
			p.lines = append(p.lines, line)
			p.mu.Unlock()
		}
	}
}

// events are the lines of a name so far.
func (p *process) events(name string) (all []map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines {
		if l["msg"] == name {
			all = append(all, l)
		}
	}
	return all
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wait is the exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatal("the process does not end")
	}
	_ = p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("does not happen: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// scene is an orchestrator, a NATS server, and a configuration for both.
func scene(t *testing.T) (o *uipath.Orchestrator, nc *nats.Conn, path string) {
	t.Helper()
	o, err := uipath.Start(uipath.Settings{RecordCalls: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	o.AddFolder("Finance/AP")
	o.AddQueue("Finance/AP", "Invoices", uipath.Queue{UniqueReference: true})
	server := natstest.Start(t)
	text := fmt.Sprintf(valid, t.TempDir(), "127.0.0.1:0", o.URL(), o.TokenURL(), "    ack_wait: 2s\n")
	embedded, rest, _ := strings.Cut(text, "\n")
	_ = embedded
	return o, server.Conn(t), write(t, fmt.Sprintf("nats: {url: %q}\nlog: {level: info}\n%s", server.URL(), rest))
}

func publish(t *testing.T, nc *nats.Conn, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		m, err := nc.Request("jobs.new", fmt.Appendf(nil, `{"id": "inv-%d"}`, i), patience)
		if err != nil || strings.Contains(string(m.Data), "error") {
			t.Fatalf("%v %s", err, m.Data)
		}
	}
}

func allOnce(t *testing.T, o *uipath.Orchestrator, n int) {
	t.Helper()
	for i := range n {
		if got := len(o.ItemsByReference("Finance/AP", "Invoices", fmt.Sprintf("inv-%d", i))); got != 1 {
			t.Errorf("inv-%d: %d items", i, got)
		}
	}
}

// SIGTERM under load: calls under way are finished, nothing is repeated, and
// the exit code is 0 well within the grace.
func TestSIGTERMDrains(t *testing.T) {
	t.Parallel()
	o, nc, path := scene(t)
	o.AddFault(uipath.Fault{Kind: uipath.Latency, Delay: 100 * time.Millisecond})
	first := start(t, path)
	eventually(t, "the stream is there", func() bool {
		_, err := nc.Request("jobs.new", []byte(`{"id": "inv-0"}`), time.Second)
		return err == nil
	})
	publish(t, nc, 1, 300)
	eventually(t, "some are delivered", func() bool { return len(o.Items()) > 30 })
	began := time.Now()
	first.signal(syscall.SIGTERM)
	if code := first.wait(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the drain took %v", took)
	}
	if len(first.events("shutdown.begun")) != 1 || len(first.events("shutdown.done")) != 1 {
		t.Error("the log does not tell of the drain")
	}
	start(t, path)
	eventually(t, "all are delivered", func() bool { return len(o.Items()) >= 300 })
	allOnce(t, o, 300)
	sent := 0
	for _, call := range o.Calls() {
		sent += len(call.References)
	}
	if sent != 300 {
		t.Errorf("%d items were sent for 300 requests", sent)
	}
}

// A token that could not be ended is told of, once, and keeps nobody from stopping.
func TestATokenThatIsNotEndedIsToldOf(t *testing.T) {
	t.Parallel()
	o, _, path := scene(t)
	rewrite(t, path, "client_id:", "revocation_url: "+o.URL()+"/nowhere, client_id:")
	p := start(t, path)
	eventually(t, "a token is there", func() bool { return len(p.events("token.renewed")) == 1 })
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	got := p.events("worker.warning")
	if len(got) != 1 || got[0]["detail"] != `connection acme: a token was not ended, and ends by itself: credential "1": log-out: what answers at that address gives no tokens: status 404` {
		t.Errorf("%v", got)
	}
}

// A worker that never found its NATS server stops as one that did.
func TestSIGTERMWithoutNATS(t *testing.T) {
	t.Parallel()
	_, nc, path := scene(t)
	rewrite(t, path, nc.ConnectedUrl(), "nats://127.0.0.1:1")
	p := start(t, path)
	eventually(t, "the server is missed", func() bool { return len(p.events("nats.error")) > 0 })
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	if begun, done := p.events("shutdown.begun"), p.events("shutdown.done"); len(begun) != 1 || len(done) != 1 {
		t.Errorf("%v, %v", begun, done)
	}
}

// A worker that is killed in the middle loses nothing and repeats nothing.
func TestSIGKILLLosesNothing(t *testing.T) {
	t.Parallel()
	o, nc, path := scene(t)
	o.AddFault(uipath.Fault{Kind: uipath.Latency, Delay: 10 * time.Millisecond})
	p := start(t, path)
	eventually(t, "the stream is there", func() bool {
		_, err := nc.Request("jobs.new", []byte(`{"id": "inv-0"}`), time.Second)
		return err == nil
	})
	publish(t, nc, 1, 400)
	for i := range 3 {
		eventually(t, "more are delivered", func() bool { return len(o.Items()) > 50*(i+1) })
		p.signal(syscall.SIGKILL)
		p.wait()
		p = start(t, path)
	}
	eventually(t, "all are delivered", func() bool { return len(o.Items()) >= 400 })
	eventually(t, "all are settled", func() bool {
		m, err := nc.Request("$JS.API.STREAM.INFO.JOBS", nil, time.Second)
		var info struct{ State struct{ Messages int } }
		return err == nil && json.Unmarshal(m.Data, &info) == nil && info.State.Messages == 0
	})
	allOnce(t, o, 400)
}

// SIGHUP takes the log level from the file anew.
func TestSIGHUPReadsTheLogLevel(t *testing.T) {
	t.Parallel()
	o, nc, path := scene(t)
	p := start(t, path)
	eventually(t, "the stream is there", func() bool {
		_, err := nc.Request("jobs.new", []byte(`{"id": "inv-0"}`), time.Second)
		return err == nil
	})
	eventually(t, "a delivery is logged", func() bool { return len(p.events("delivery.settled")) == 1 })
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "level: info", "level: error", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	quiet := func() bool {
		before := len(p.events("delivery.settled"))
		n := len(o.Items())
		publish(t, nc, n, n+1)
		eventually(t, "it is delivered", func() bool { return len(o.Items()) == n+1 })
		time.Sleep(300 * time.Millisecond)
		return len(p.events("delivery.settled")) == before
	}
	eventually(t, "the log is quiet", quiet)
}
