package integration

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// embeddedFile is a configuration with NATS inside of the worker.
func (r *rig) embeddedFile(task task) string {
	r.t.Helper()
	path := r.file(task, "nats://replaced", "")
	text, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	inside := fmt.Sprintf("embedded: {listen: \"127.0.0.1:0\", store_dir: %q}", r.t.TempDir())
	text = []byte(strings.Replace(string(text), `url: "nats://replaced"`, inside, 1))
	// Few at a time, so that there are deliveries right before each kill.
	text = []byte(strings.Replace(string(text), "ack_wait: 1s", "ack_wait: 1s\n    max_in_flight: 8", 1))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// inside connects to the server in the worker.
func (p *pod) inside() jetstream.JetStream {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for len(p.log.events("worker.started")) == 0 {
		if time.Now().After(deadline) {
			p.t.Fatalf("not started:\n%s", p.log)
		}
		time.Sleep(5 * time.Millisecond)
	}
	url, _ := p.log.events("worker.started")[0]["nats_url"].(string)
	nc, err := nats.Connect(url, nats.NoReconnect())
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		p.t.Fatal(err)
	}
	return js
}

// A worker with NATS inside that is killed takes the server's memory of the last
// deliveries with it: they come again as if they never had been made. Nothing is
// made twice by that, also where the orchestrator takes everything twice.
func TestAWorkerWithNATSInsideIsKilled(t *testing.T) {
	t.Parallel()
	const n = 200
	for name, task := range map[string]task{"item": plainItem, "job": startJob} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			r.uipath.AddProcess(folder, "Post")
			r.uipath.AddFault(uipath.Fault{Kind: uipath.Latency, Delay: 10 * time.Millisecond})
			file := r.embeddedFile(task)
			p := r.spawn(file)
			t.Cleanup(func() {
				if t.Failed() {
					t.Log(p.log)
				}
			})
			js := p.inside()
			for i := range n {
				if _, err := js.Publish(context.Background(), "jobs.invoices.new", []byte(task.body(fmt.Sprintf("inv-%d", i)))); err != nil {
					t.Fatal(err)
				}
			}
			for kill := 1; kill <= 3; kill++ {
				r.eventually("some are made", func() bool { return r.effects(task, n) > n*kill/5 })
				p.signal(os.Kill)
				<-p.done
				p = r.spawn(file)
				js = p.inside()
			}
			r.eventually("everything is settled", func() bool {
				s, err := js.Stream(context.Background(), "JOBS")
				return err == nil && s.CachedInfo().State.Msgs == 0
			})
			p.signal(os.Interrupt)
			r.has(1, task, "inv", n)
		})
	}
}

// effects is how many of the requests inv-0 to inv-(n-1) were carried out.
func (r *rig) effects(task task, n int) (made int) {
	for i := range n {
		if task.count(r, fmt.Sprintf("inv-%d", i)) > 0 {
			made++
		}
	}
	return made
}
