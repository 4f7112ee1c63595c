package consumer

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// rig is a server with all that a route needs, and what a test looks at.
type rig struct {
	t        testing.TB
	server   *natstest.Server
	js       jetstream.JetStream // the test's own
	topology broker.Topology
	ledger   *ledger.Ledger
	log      *observer.ObservedLogs
	events   *telemetry.Events
	metrics  *telemetry.RouteMetrics
	answers  *answers
}

// newRig makes it all, with the given ack wait.
func newRig(t testing.TB, ackWait time.Duration) *rig {
	t.Helper()
	b := makeRig(t, ackWait)
	b.answers = listen(t, b.server)
	return b
}

// makeRig is without the listener, which costs time.
func makeRig(t testing.TB, ackWait time.Duration) *rig {
	t.Helper()
	b := &rig{t: t, server: natstest.Start(t)}
	b.js = b.server.JetStream(t)
	b.topology = broker.Topology{
		Create:     true,
		Stream:     broker.Stream{Name: "JOBS", Subjects: []string{"jobs.>"}},
		DeadLetter: broker.DeadLetter{Stream: "JOBS_DEAD", Subject: "jobs-dead"},
		Bucket:     bucket,
		Consumers:  []broker.Consumer{{Name: route, Subjects: []string{"jobs.invoices.>"}, AckWait: ackWait, MaxAckPending: 65536}},
	}
	if _, err := broker.Ensure(context.Background(), b.js, b.topology); err != nil {
		t.Fatal(err)
	}
	var err error
	if b.ledger, err = ledger.Open(context.Background(), b.js, bucket); err != nil {
		t.Fatal(err)
	}
	core, log := observer.New(zapcore.DebugLevel)
	b.log, b.events = log, telemetry.NewEvents(zap.New(core))
	b.metrics = telemetry.NewMetrics(telemetry.Build{}).Route(route)
	return b
}

// settings are those of a consumer on a connection of its own.
func (b *rig) settings(nc *nats.Conn, target Target) Settings {
	b.t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		b.t.Fatal(err)
	}
	book, err := ledger.Open(context.Background(), js, bucket)
	if err != nil {
		b.t.Fatal(err)
	}
	return Settings{
		Route: route, Connection: "acme", Stream: "JOBS", NATS: nc, Find: b.finder(js),
		Decoder: decoder(decode), Target: target, Ledger: book,
		DeadLetters: deadletter.New(js, "JOBS_DEAD", "jobs-dead"), Events: b.events, Metrics: b.metrics,
		Policy:      retry.Policy{Settings: retry.Settings{Attempts: 3, First: time.Second, Max: time.Minute, BusyFor: time.Hour}},
		MaxInFlight: 16, Owner: "this worker", Remember: time.Hour,
	}
}

// finder makes what is missing, as the worker does.
func (b *rig) finder(js jetstream.JetStream) func(context.Context) (Durable, error) {
	return func(ctx context.Context) (Durable, error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if _, err := broker.Ensure(ctx, js, b.topology); err != nil {
			return Durable{}, err
		}
		c, err := js.Consumer(ctx, "JOBS", route)
		if err != nil {
			return Durable{}, err
		}
		info := c.CachedInfo()
		return Durable{
			AckWait: info.Config.AckWait, Created: info.Created,
			MaxRequestBatch: info.Config.MaxRequestBatch, MaxRequestExpires: info.Config.MaxRequestExpires,
			Pending: info.NumPending, AckPending: info.NumAckPending,
		}, nil
	}
}

// running is a consumer whose Run is under way.
type running struct {
	*Consumer
	t    testing.TB
	stop context.CancelFunc // begins the drain
	cut  context.CancelFunc // ends work
	done chan struct{}      // Run has returned
	err  error              // of Run, once it is done
}

// start runs a consumer until the test ends, with settings changed by change.
func (b *rig) start(target Target, change func(*Settings)) *running {
	b.t.Helper()
	return b.startOn(b.server.Conn(b.t), target, change)
}

func (b *rig) startOn(nc *nats.Conn, target Target, change func(*Settings)) *running {
	b.t.Helper()
	s := b.settings(nc, target)
	if change != nil {
		change(&s)
	}
	return run(b.t, New(s))
}

func run(t testing.TB, c *Consumer) *running {
	r := &running{Consumer: c, t: t, done: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	work, cut := context.WithCancel(context.Background())
	r.stop, r.cut = stop, cut
	go func() {
		defer close(r.done)
		r.err = c.Run(ctx, work)
	}()
	t.Cleanup(func() {
		stop()
		cut()
		<-r.done
	})
	return r
}

// stopped stops the consumer and waits for its end.
func (r *running) stopped() {
	r.t.Helper()
	r.stop()
	receive(r.t, r.done, "end of Run")
	if r.err != nil {
		r.t.Fatal(r.err)
	}
}

// publish puts n messages on the route's subject; the payload is the request's id.
func (b *rig) publish(ids ...string) {
	b.t.Helper()
	stored := make([]jetstream.PubAckFuture, len(ids))
	for i, id := range ids {
		var err error
		if stored[i], err = b.js.PublishAsync("jobs.invoices.a", []byte(id)); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, one := range stored {
		select {
		case <-one.Ok():
		case err := <-one.Err():
			b.t.Fatal(err)
		}
	}
}

// redelivered publishes a message and has it delivered once, to nobody who says
// what became of it.
func (b *rig) redelivered(id string) {
	b.t.Helper()
	b.publish(id)
	c, err := b.js.Consumer(context.Background(), "JOBS", route)
	if err != nil {
		b.t.Fatal(err)
	}
	m, err := c.Next()
	if err == nil {
		err = m.Nak()
	}
	if err == nil {
		err = b.js.Conn().Flush()
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// ids are n different ones.
func ids(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = "job-" + strconv.Itoa(i)
	}
	return all
}

// info is the durable consumer as the server sees it.
func (b *rig) info() *jetstream.ConsumerInfo {
	b.t.Helper()
	c, err := b.js.Consumer(context.Background(), "JOBS", route)
	if err != nil {
		b.t.Fatal(err)
	}
	return c.CachedInfo()
}

// left is how many messages are in the stream.
func (b *rig) left() int { return b.messages("JOBS") }

func (b *rig) messages(stream string) int {
	b.t.Helper()
	s, err := b.js.Stream(context.Background(), stream)
	if err != nil {
		b.t.Fatal(err)
	}
	return int(s.CachedInfo().State.Msgs)
}

// letter is the n-th dead letter.
func (b *rig) letter(n uint64) *jetstream.RawStreamMsg {
	b.t.Helper()
	s, err := b.js.Stream(context.Background(), "JOBS_DEAD")
	if err != nil {
		b.t.Fatal(err)
	}
	m, err := s.GetMsg(context.Background(), n)
	if err != nil {
		b.t.Fatal(err)
	}
	return m
}

// record is what the ledger holds of the message with the sequence.
func (b *rig) record(sequence uint64) ledger.Entry {
	b.t.Helper()
	e, err := b.ledger.Load(context.Background(), b.key(sequence))
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

func (b *rig) key(sequence uint64) ledger.Key {
	b.t.Helper()
	return ledger.MessageKey(route, sequence, time.Unix(0, b.place(sequence).at))
}

func (b *rig) place(sequence uint64) place {
	b.t.Helper()
	s, err := b.js.Stream(context.Background(), "JOBS")
	if err != nil {
		b.t.Fatal(err)
	}
	m, err := s.GetMsg(context.Background(), sequence)
	if err != nil {
		b.t.Fatal(err)
	}
	return place{sequence, m.Time.UnixNano()}
}

// lines are the log's lines of one event, as maps of their keys.
func (b *rig) lines(event string) (all []map[string]any) {
	for _, e := range b.log.FilterMessage(event).All() {
		all = append(all, e.ContextMap())
	}
	return all
}

func (b *rig) settled() int { return b.log.FilterMessage("delivery.settled").Len() }

// awaitSettled waits for n lines and returns the last of them.
func (b *rig) awaitSettled(n int) map[string]any {
	b.t.Helper()
	await(b.t, strconv.Itoa(n)+" deliveries settled", func() bool { return b.settled() >= n })
	return b.lines("delivery.settled")[n-1]
}
