package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// A JetStream server that is restarted under load is waited for, and nothing
// is lost or made twice.
func TestTheServerIsRestarted(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{route: "ack_wait: 2s"})
	r.uipath.AddFault(uipath.Fault{Kind: uipath.Latency, Delay: 20 * time.Millisecond})
	const n = 600
	r.publishMany("inv", n)
	for i := range 2 {
		r.eventually("some are delivered", func() bool { return len(r.uipath.Items()) > 100*(i+1) })
		r.nats.Restart(t)
		r.eventually("the worker is connected again", func() bool { return len(w.log.events("nats.reconnected")) == i+1 })
	}
	r.eventually("the test is connected again", r.nc.IsConnected)
	// Not that the stream is empty: a server that goes down may forget to remove
	// what was acked.
	r.eventually("all is settled", func() bool {
		c := r.consumer()
		return c.NumPending == 0 && c.NumAckPending == 0
	})
	w.end()
	r.once(unique, "inv", n)
	if dead := r.deadLetters(); len(dead) > 0 {
		t.Errorf("%d dead letters, the first %v", len(dead), dead[0].Header)
	}
}

// A server that is not there yet is waited for; then everything is made.
func TestTheServerComesLater(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	r.nats.Shutdown()
	w := r.launch(r.configure(settings{}))
	time.Sleep(time.Second)
	select {
	case <-w.done:
		t.Fatalf("the worker ended: %v", w.err)
	case <-w.log.started:
		t.Fatal("ready without a server")
	default:
	}
	r.nats.Restart(t)
	<-w.log.started
	r.eventually("the test is connected again", r.nc.IsConnected)
	r.publishMany("inv", 20)
	r.settledAll()
	r.once(unique, "inv", 20)
}

// A durable consumer that is deleted is made again, and nothing in the stream is lost.
func TestTheConsumerIsDeleted(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{})
	r.publishMany("before", 20)
	r.settledAll()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.js.DeleteConsumer(ctx, "JOBS", "invoices"); err != nil {
		t.Fatal(err)
	}
	r.publishMany("inv", 50)
	r.settledAll()
	r.once(unique, "inv", 50)
	if n := len(w.log.events("consumer.lost")); n != 1 {
		t.Errorf("consumer.lost was said %d times", n)
	}
}

// The publishers' stream is there while the orchestrator and its identity
// server are not: they must have somewhere to publish.
func TestTheStreamIsMadeInAnOutage(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	r.uipath.AddFault(uipath.Fault{Kind: uipath.RefuseConnections})
	r.uipath.AddFault(uipath.Fault{Kind: uipath.RefuseConnections, Operations: []uipath.Operation{uipath.Token}})
	r.start(settings{connection: brief})
	for i := range 10 {
		r.publish(item(fmt.Sprintf("inv-%d", i)))
	}
	for _, stream := range []string{"JOBS", "JOBS_DEAD", "KV_JOBS_LEDGER"} {
		r.stream(stream)
	}
	r.uipath.ClearFault()
	r.settledAll()
	r.once(unique, "inv", 10)
}

// A ledger and a dead-letter stream that somebody deletes are made again, and
// meanwhile /readyz says what is wrong and nothing is lost.
func TestTheLedgerIsDeleted(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{route: "retry: {first: 200ms, max: 500ms}"})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, stream := range []string{"KV_JOBS_LEDGER", "JOBS_DEAD"} {
		if err := r.js.DeleteStream(ctx, stream); err != nil {
			t.Fatal(err)
		}
	}
	r.publish("not a request")
	r.publishMany("inv", 10)
	r.eventually("/readyz says so", func() bool {
		_, body := w.page("/readyz")
		return strings.Contains(body, `"what": "ledger"`)
	})
	r.settledAll()
	r.once(unique, "inv", 10)
	if dead := r.deadLetters(); len(dead) != 1 || dead[0].Header.Get("Queueferry-Reason") != "undecodable" {
		t.Errorf("dead letters: %v", dead)
	}
	if _, body := w.page("/readyz"); strings.Contains(body, "jetstream_trouble") {
		t.Errorf("/readyz still: %s", body)
	}
	if n := len(w.log.events("jetstream.trouble")); n == 0 || n > 3 {
		t.Errorf("jetstream.trouble was said %d times", n)
	}
}
