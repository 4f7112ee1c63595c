package integration

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// wire is a proxy before a server, for the faults of networks.
type wire struct {
	t *testing.T
	*toxiproxy.Proxy
}

func newWire(t *testing.T, upstream string) *wire {
	t.Helper()
	silent := zerolog.Nop()
	w := &wire{t, toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), silent), "wire", natstest.FreeAddress(t), upstream)}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return w
}

// poison adds a toxic, in toxiproxy's own notation.
func (w *wire) poison(toxic string) {
	w.t.Helper()
	if _, err := w.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) heal() { w.Toxics.ResetToxics(context.Background()) }

// The faults of a network between the worker and the orchestrator, while
// requests go on: each has one item in the end, and no attempt too many is made.
func TestTheWireToTheOrchestrator(t *testing.T) {
	t.Parallel()
	for name, toxics := range map[string][]string{
		"slow and unsteady":      {`{"type": "latency", "attributes": {"latency": 50, "jitter": 50}}`},
		"in small pieces":        {`{"type": "slicer", "attributes": {"average_size": 20, "size_variation": 10, "delay": 100}}`},
		"cut after some bytes":   {`{"type": "limit_data", "attributes": {"bytes": 6000}}`},
		"cut on the way there":   {`{"type": "limit_data", "stream": "upstream", "attributes": {"bytes": 5000}}`},
		"reset now and then":     {`{"type": "reset_peer", "toxicity": 0.3, "attributes": {"timeout": 40}}`},
		"swallows the answers":   {`{"type": "timeout", "toxicity": 0.2, "attributes": {"timeout": 0}}`},
		"swallows the questions": {`{"type": "timeout", "stream": "upstream", "toxicity": 0.2, "attributes": {"timeout": 0}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			u, err := url.Parse(r.uipath.URL())
			if err != nil {
				t.Fatal(err)
			}
			wire := newWire(t, u.Host)
			cfg := r.configure(settings{connection: "timeout: 1s\nbreaker: {failures: 5, open: 300ms}", route: "retry: {attempts: 50, first: 50ms, max: 300ms}"})
			cfg.Connections[0].URL = strings.Replace(r.uipath.URL(), u.Host, wire.Listen, 1)
			w := r.startWith(cfg)
			for _, toxic := range toxics {
				wire.poison(toxic)
			}
			const n = 150
			r.publishMany("inv", n)
			time.Sleep(2 * time.Second)
			wire.heal()
			r.settledAll()
			w.end()
			r.once(unique, "inv", n)
			if dead := r.deadLetters(); len(dead) > 0 {
				t.Errorf("%d dead letters, the first %v", len(dead), dead[0].Header)
			}
		})
	}
}

// The same between the worker and NATS. The orchestrator is told twice at the
// most, and makes one item.
func TestTheWireToNATS(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(w *wire){
		"slow and unsteady": func(w *wire) {
			w.poison(`{"type": "latency", "attributes": {"latency": 30, "jitter": 30}}`)
		},
		"cut, and back": func(w *wire) {
			for range 4 {
				w.Stop()
				time.Sleep(300 * time.Millisecond)
				if err := w.Start(); err != nil {
					w.t.Error(err)
				}
				time.Sleep(700 * time.Millisecond)
			}
		},
		"silent for longer than an ack wait": func(w *wire) {
			w.poison(`{"type": "timeout", "attributes": {"timeout": 0}}`)
			w.poison(`{"type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}}`)
			time.Sleep(4 * time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			wire := newWire(t, strings.TrimPrefix(r.nats.URL(), "nats://"))
			cfg := r.configure(settings{route: "ack_wait: 2s\nretry: {first: 50ms, max: 300ms}"})
			cfg.NATS.URL = "nats://" + wire.Listen
			w := r.startWith(cfg)
			r.uipath.AddFault(uipath.Fault{Kind: uipath.Latency, Delay: 100 * time.Millisecond})
			const n = 600
			r.publishMany("inv", n)
			harm(wire)
			wire.heal()
			r.settledAll()
			w.end()
			r.once(unique, "inv", n)
			if dead := r.deadLetters(); len(dead) > 0 {
				t.Errorf("%d dead letters, the first %v", len(dead), dead[0].Header)
			}
		})
	}
}

// What was not begun when NATS went away is a first try when it is back, and an
// ack that got lost is sent again: on a queue where nobody could tell either.
func TestAnOutageOfNATSLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(w *wire){
		"cut": func(w *wire) {
			w.Stop()
			time.Sleep(5 * time.Second)
			if err := w.Start(); err != nil {
				w.t.Error(err)
			}
		},
		"silent": func(w *wire) {
			w.poison(`{"type": "timeout", "attributes": {"timeout": 0}}`)
			w.poison(`{"type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}}`)
			time.Sleep(5 * time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			wire := newWire(t, strings.TrimPrefix(r.nats.URL(), "nats://"))
			cfg := r.configure(settings{connection: "max_concurrent: 4\ntimeout: 3s\nsettle: 500ms", route: "ack_wait: 2s"})
			cfg.NATS.URL = "nats://" + wire.Listen
			w := r.startWith(cfg)
			r.uipath.AddFault(uipath.Fault{Kind: uipath.Latency, Delay: 200 * time.Millisecond})
			const n = 150
			for i := range n {
				r.publish(fmt.Sprintf(`{"id": "note-%d", "queue": "Notes"}`, i))
			}
			r.eventually("some are added", func() bool { return len(r.uipath.Items()) > 10 })
			harm(wire)
			wire.heal()
			r.settledAll()
			w.end()
			r.once(plain, "note", n)
			// But for what was on the wire to the worker when it broke.
			doubts := map[any]bool{}
			for _, line := range w.log.events("delivery.settled") {
				if line["reason"] == "settling" {
					doubts[line["sequence"]] = true
				}
			}
			if len(doubts) > n/5 {
				t.Errorf("%d of %d were in doubt", len(doubts), n)
			}
			if dead := r.deadLetters(); len(dead) > 0 {
				t.Errorf("%d dead letters, the first %v", len(dead), dead[0].Header)
			}
		})
	}
}
