package worker

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/consumer"
	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// route is one configured route and its consumer.
type route struct {
	name, connection string
	paused           bool // what waits for it waits for nothing else
	consumer         *consumer.Consumer
}

// makeRoutes makes a consumer for each route. What must exist on the server does.
func (w *worker) makeRoutes(ctx context.Context) error {
	js := w.nats.JetStream()
	book, err := w.openLedger(ctx, js, w.config.Ledger.Bucket)
	if err != nil {
		return err
	}
	shared := shared{
		ledger: &watchedLedger{ledger: book, conn: w.nats, metrics: w.metrics, troubles: &w.troubles},
		dead:   &watchedDeadLetters{publisher: deadletter.New(js, w.config.DeadLetter.Stream, w.config.DeadLetter.Subject), conn: w.nats, troubles: &w.troubles},
	}
	routes := make([]*route, 0, len(w.config.Routes))
	for i, r := range w.config.Routes {
		routes = append(routes, w.newRoute(i, r, shared))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.routes = routes
	return nil
}

// openLedger waits for a bucket that was just made.
func (w *worker) openLedger(ctx context.Context, js jetstream.JetStream, bucket string) (*ledger.Ledger, error) {
	for {
		book, err := ledger.Open(ctx, js, bucket)
		if err == nil || ctx.Err() != nil {
			return book, err
		}
		w.troubles.note("ledger", err)
		select {
		case <-time.After(ensureWait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// shared is what all routes use.
type shared struct {
	ledger consumer.Ledger
	dead   consumer.DeadLetters
}

func (w *worker) newRoute(i int, r config.Route, s shared) *route {
	metrics := w.metrics.Route(r.Name)
	c := consumer.New(consumer.Settings{
		Route: r.Name, Connection: r.Connection, Stream: w.config.Stream.Name,
		NATS: w.nats.NATS(), Find: w.finder(w.topology.Consumers[i]),
		Decoder: w.decoders[i], Target: w.target(r.Connection), Ledger: s.ledger, DeadLetters: s.dead,
		Events: w.events, Metrics: metrics, CallLimit: w.callLimit(r.Connection), Owner: w.owner, Remember: w.config.Ledger.TTL,
		Policy: retry.Policy{Settings: r.Retry}, MaxInFlight: r.MaxInFlight,
		Batch:  orchestrator.Batch{Max: r.Batch.Max, Linger: r.Batch.Linger},
		Quick:  r.Transform == "",
		Resend: r.OnUnknown == config.Resend, AcceptDuplicate: r.OnDuplicate == config.AckOnDuplicate,
		Pause: r.Pause, Forgetful: w.embedded != nil && w.embedded.Killed(), RejectGuard: r.RejectGuard,
	})
	return &route{name: r.Name, connection: r.Connection, paused: r.Pause, consumer: c}
}

func (w *worker) target(name string) consumer.Target {
	for _, c := range w.connections {
		if c.name == name {
			return c.target
		}
	}
	panic("worker: the configuration was checked to have connection " + name)
}

// callLimit is how long one call on a connection may last.
func (w *worker) callLimit(connection string) time.Duration {
	for _, c := range w.config.Connections {
		if c.Name == connection {
			return c.Timeout
		}
	}
	return 0
}

// findLimit bounds one look for a durable consumer.
const findLimit = 10 * time.Second

// finder makes sure that a durable consumer exists, and tells how it is. What
// vanished with its stream is made again.
func (w *worker) finder(want broker.Consumer) func(context.Context) (consumer.Durable, error) {
	create, stream := w.topology.Create, w.config.Stream.Name
	return func(ctx context.Context) (consumer.Durable, error) {
		ctx, cancel := context.WithTimeout(ctx, findLimit)
		defer cancel()
		js := w.nats.JetStream()
		_, err := broker.EnsureConsumer(ctx, js, stream, want, create)
		if errors.Is(err, jetstream.ErrStreamNotFound) && create {
			_, err = broker.Ensure(ctx, js, w.topology)
		}
		w.nats.Note(err)
		if err != nil {
			return consumer.Durable{}, err
		}
		return durable(ctx, js, stream, want.Name)
	}
}

func durable(ctx context.Context, js jetstream.JetStream, stream, name string) (consumer.Durable, error) {
	c, err := js.Consumer(ctx, stream, name)
	if err != nil {
		return consumer.Durable{}, err
	}
	info := c.CachedInfo()
	return consumer.Durable{
		AckWait: info.Config.AckWait, Created: info.Created,
		MaxRequestBatch: info.Config.MaxRequestBatch, MaxRequestExpires: info.Config.MaxRequestExpires,
		Pending: info.NumPending, AckPending: info.NumAckPending, Delivered: info.Delivered.Stream,
	}, nil
}

// watchedLedger counts the ledger's operations, and has a silent server noticed.
type watchedLedger struct {
	ledger   consumer.Ledger
	conn     *broker.Conn
	metrics  *telemetry.Metrics
	troubles *troubles
}

func (w *watchedLedger) Load(ctx context.Context, k ledger.Key) (ledger.Entry, error) {
	e, err := w.ledger.Load(ctx, k)
	w.saw("load", err)
	return e, err
}

func (w *watchedLedger) Store(ctx context.Context, k ledger.Key, revision uint64, r ledger.Record) (uint64, error) {
	revision, err := w.ledger.Store(ctx, k, revision, r)
	w.saw("store", err)
	return revision, err
}

func (w *watchedLedger) Delete(ctx context.Context, k ledger.Key, revision uint64) error {
	err := w.ledger.Delete(ctx, k, revision)
	w.saw("delete", err)
	return err
}

func (w *watchedLedger) Made(ctx context.Context) (time.Time, error) {
	made, err := w.ledger.Made(ctx)
	w.saw("load", err)
	return made, err
}

func (w *watchedLedger) LoadClaim(ctx context.Context, k ledger.Key) (ledger.ClaimEntry, error) {
	e, err := w.ledger.LoadClaim(ctx, k)
	w.saw("load", err)
	return e, err
}

func (w *watchedLedger) StoreClaim(ctx context.Context, k ledger.Key, revision uint64, claim ledger.Claim, ttl time.Duration) (uint64, error) {
	revision, err := w.ledger.StoreClaim(ctx, k, revision, claim, ttl)
	w.saw("store", err)
	return revision, err
}

func (w *watchedLedger) saw(op string, err error) {
	w.conn.Note(err)
	w.metrics.LedgerOp(op, ledgerResult(err))
	w.troubles.note("ledger", err)
}

func ledgerResult(err error) telemetry.LedgerResult {
	switch {
	case err == nil:
		return telemetry.LedgerOK
	case errors.Is(err, ledger.ErrConflict):
		return telemetry.LedgerConflict
	default:
		return telemetry.LedgerError
	}
}

// watchedDeadLetters has a silent server noticed.
type watchedDeadLetters struct {
	publisher *deadletter.Publisher
	conn      *broker.Conn
	troubles  *troubles
}

func (w *watchedDeadLetters) Publish(ctx context.Context, l deadletter.Letter) error {
	err := w.publisher.Publish(ctx, l)
	w.conn.Note(err)
	w.troubles.note("dead letters", err)
	return err
}
