package telemetry

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
	"go.uber.org/zap"
)

var update = flag.Bool("update", false, "write testdata anew")

var noon = time.Date(2026, 1, 31, 12, 0, 0, 123_456_789, time.UTC)

var settled = Settled{
	Route: "invoices", Connection: "acme", Action: job.AddQueueItem, RequestID: "inv-000123", Subject: "jobs.invoices.eu",
	Sequence: 42, Delivery: 2, Attempt: 1, Verdict: job.Delivered, Disposition: retry.Ack, Status: 201, Receipt: "77",
	Batch: 12, Queue: 1500 * time.Microsecond, Call: 84 * time.Millisecond, Age: 3 * time.Second,
	TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
}

// events are all of them, filled and with as little as can be.
var events = []struct {
	name string
	emit func(*Events)
}{
	{"delivery.settled", func(e *Events) { e.Settled(settled) }},
	{"delivery.settled, dead letter", func(e *Events) {
		s := settled
		s.Verdict, s.Disposition, s.Reason = job.Rejected, retry.DeadLetter, job.RejectedByTarget
		s.Status, s.ErrorCode, s.Receipt = 400, "1002", ""
		e.Settled(s)
	}},
	{"delivery.settled, hostile", func(e *Events) {
		s := settled
		s.RequestID, s.ErrorCode = "a\n{\"level\":\"error\"}", "\x1b[2J\u202e"
		e.Settled(s)
	}},
	{"delivery.settled, empty", func(e *Events) { e.Settled(Settled{}) }},
	{"delivery.panicked", func(e *Events) {
		e.Panicked(Panicked{Route: "invoices", RequestID: "inv-1", Subject: "jobs.invoices.eu", Sequence: 42,
			Value: outOfRange(nil, 5), Stack: []byte("goroutine 1 [running]:\nmain.main()\n")})
	}},
	{"delivery.panicked, with a payload", func(e *Events) {
		e.Panicked(Panicked{Route: "invoices", Value: fmt.Errorf("bad content %s", "CANARY"), Sequence: 42})
	}},
	{"delivery.panicked, empty", func(e *Events) { e.Panicked(Panicked{}) }},
	{"deadletter.failed", func(e *Events) {
		e.DeadLetterFailed(DeadLetterFailed{Route: "invoices", RequestID: "inv-1", Subject: "jobs.invoices.eu", Sequence: 42,
			Reason: job.AttemptsExhausted, Err: errors.New("nats: timeout"), NextTry: noon})
	}},
	{"deadletter.failed, empty", func(e *Events) { e.DeadLetterFailed(DeadLetterFailed{}) }},
	{"worker.started", func(e *Events) {
		e.WorkerStarted(WorkerStarted{Version: "v1.2.3", ConfigFile: "queueferry.yaml", Routes: []string{"invoices", "bots"},
			Connections: []string{"acme"}, NATSURL: "nats://user:CANARY@a:4222,tls://CANARY@b:4222,c:4222"})
	}},
	{"worker.started, embedded", func(e *Events) {
		e.WorkerStarted(WorkerStarted{Version: "devel", ConfigFile: "queueferry.yaml", NATSURL: "nats://127.0.0.1:4222", EmbeddedStore: "queueferry-data", Admin: "127.0.0.1:8080"})
	}},
	{"gate.changed, shut", func(e *Events) {
		e.GateChanged(GateChanged{Connection: "acme", Route: "invoices", State: GateShut, Since: noon, Reason: job.ServiceUnavailable,
			Detail: "503 from https://cloud.uipath.com", Held: 256, Pending: 9000})
	}},
	{"gate.changed, probing", func(e *Events) {
		e.GateChanged(GateChanged{Connection: "acme", State: GateProbing, Since: noon, Pending: -1})
	}},
	{"gate.changed, open", func(e *Events) {
		e.GateChanged(GateChanged{Connection: "acme", State: GateOpen, Since: noon})
	}},
	{"token.renewed", func(e *Events) {
		e.TokenRenewed(TokenRenewed{Connection: "acme", Credential: "1", Expires: noon})
	}},
	{"token.renewed, no expiry", func(e *Events) { e.TokenRenewed(TokenRenewed{Connection: "acme", Credential: "1"}) }},
	{"token.refused", func(e *Events) {
		e.TokenRefused(TokenRefused{Connection: "acme", Credential: "1", Reason: "credentials_refused", Status: 400,
			ErrorCode: "invalid_client", Detail: "the client secret is wrong or has expired", NextTry: noon})
	}},
	{"token.refused, no answer", func(e *Events) {
		e.TokenRefused(TokenRefused{Connection: "acme", Credential: "1", Reason: "identity_unavailable"})
	}},
	{"nats.disconnected", func(e *Events) { e.NATSDisconnected("nats://user:CANARY@a:4222", errors.New("EOF")) }},
	{"nats.disconnected, no error", func(e *Events) { e.NATSDisconnected("nats://a:4222", nil) }},
	{"nats.reconnected", func(e *Events) { e.NATSReconnected("nats://user:CANARY@b:4222", 2500*time.Millisecond) }},
	{"consumer.lost", func(e *Events) { e.ConsumerLost("invoices", "JOBS", errors.New("nats: consumer not found")) }},
	{"consumer.lost, no error", func(e *Events) { e.ConsumerLost("invoices", "JOBS", nil) }},
	{"guard.tripped", func(e *Events) {
		e.GuardTripped(GuardTripped{Route: "invoices", Connection: "acme", Refused: 26, Answers: 50, Reason: job.NotFound,
			Detail: "queue Invoices is not in folder Finance/AP", NextTry: noon})
	}},
	{"guard.closed", func(e *Events) { e.GuardClosed("invoices", "acme", 90*time.Second) }},
	{"shutdown.begun", func(e *Events) { e.ShutdownBegun("terminated", 12) }},
	{"shutdown.done", func(e *Events) {
		e.ShutdownDone(ShutdownDone{Finished: 8, HandedBack: 4, Took: 800 * time.Millisecond})
	}},
	{"shutdown.done, late", func(e *Events) {
		e.ShutdownDone(ShutdownDone{Finished: 7, HandedBack: 4, Left: 1, Took: 25 * time.Second, Err: errors.New("1 call did not end")})
	}},
}

func outOfRange(list []int, i int) (value any) {
	defer func() { value = recover() }()
	return list[i]
}

// TestGolden holds the names, the keys and the levels: they are what operators
// build on. Run it with -update after a change that is meant, and say so in
// CHANGELOG.md.
func TestGolden(t *testing.T) {
	var all strings.Builder
	for _, c := range events {
		fmt.Fprintf(&all, "# %s\n%s", c.name, emitted(t, c.emit))
	}
	const file = "testdata/events.golden"
	if *update {
		if err := os.WriteFile(file, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(all.String(), "\n")); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(all.String(), "CANARY") {
		t.Error("a secret or a payload was written")
	}
}

// emitted is what one event writes, at the start of the bubble's time.
func emitted(t *testing.T, emit func(*Events)) (out string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		lines := new(sink)
		log, closeLog := NewLogger(lines, "json", zap.NewAtomicLevel())
		emit(NewEvents(log))
		if err := closeLog(); err != nil {
			t.Fatal(err)
		}
		out = lines.String()
	})
	return out
}

func TestGoldenHasEveryEvent(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range events {
		name, _, _ := strings.Cut(c.name, ",")
		seen[name] = true
	}
	for _, name := range []string{
		eventSettled, eventPanicked, eventDeadLetterFailed, eventStarted, eventGate, eventTokenRenewed, eventTokenRefused,
		eventDisconnected, eventReconnected, eventConsumerLost, eventGuardTripped, eventGuardClosed, eventShutdownBegun, eventShutdownDone,
	} {
		if !seen[name] {
			t.Errorf("%s is not in the golden file", name)
		}
	}
}

func TestNoValueIsLong(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	for name, emit := range map[string]func(*Events){
		"settled":     func(e *Events) { e.Settled(Settled{RequestID: long, ErrorCode: long}) },
		"gate":        func(e *Events) { e.GateChanged(GateChanged{Detail: long}) },
		"error":       func(e *Events) { e.NATSDisconnected("nats://a", errors.New(long)) },
		"panic stack": func(e *Events) { e.Panicked(Panicked{Stack: []byte(long)}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := emitted(t, emit); len(got) > 20<<10 {
				t.Errorf("a line of %d bytes", len(got))
			}
		})
	}
}

func BenchmarkSettled(b *testing.B) {
	log, closeLog := NewLogger(new(discard), "json", zap.NewAtomicLevel())
	defer func() { _ = closeLog() }()
	e := NewEvents(log)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			e.Settled(settled)
		}
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
