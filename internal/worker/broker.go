package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/setup"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// connect starts the embedded server, if there is to be one, and connects. A
// server that is not there is waited for later.
func (w *worker) connect(ctx context.Context) error {
	n := w.config.NATS
	settings := setup.NATS(n)
	if n.Embedded != nil {
		server, err := broker.StartEmbedded(setup.Embedded(n, w.serverLine))
		if err != nil {
			return err
		}
		w.embedded, settings.URL = server, server.URL()
	}
	settings.OnDisconnect, settings.OnReconnect, settings.OnError = w.disconnected, w.reconnected, w.natsError
	conn, err := broker.Connect(ctx, settings)
	if err != nil {
		if w.embedded != nil {
			w.embedded.Shutdown()
		}
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nats = conn
	return nil
}

func (w *worker) isDenied() bool {
	what, _ := w.denied()
	return what != ""
}

// denied is what the server refused last on this connection.
func (w *worker) denied() (what string, at time.Time) {
	if b := w.broker(); b != nil {
		return b.Denied()
	}
	return "", time.Time{}
}

func (w *worker) disconnect() {
	w.mu.Lock()
	w.stopping = true
	w.mu.Unlock()
	w.nats.Close()
	if w.embedded != nil {
		w.embedded.Shutdown()
	}
}

func (w *worker) isStopping() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopping
}

func (w *worker) disconnected(err error) {
	if w.isStopping() {
		return
	}
	w.linkDown(err)
	w.events.NATSDisconnected(w.config.NATS.URL, err)
}

func (w *worker) reconnected() {
	w.events.NATSReconnected(w.broker().NATS().ConnectedUrlRedacted(), w.linkUp(false))
}

func (w *worker) natsError(err error) {
	if !w.isStopping() {
		w.linkError(err)
		text, cure := explained(err)
		fields := []zap.Field{zap.String("error", text)}
		if cure != "" {
			fields = append(fields, zap.String("remedy", cure))
		}
		w.log.Warn("nats.error", fields...)
	}
}

// Between two tries to make what must exist on the server, and for one of them.
const (
	ensureWait  = time.Second
	ensureLimit = 30 * time.Second
)

// ensure makes what must exist on the server, for as long as that takes. An
// error is a fault of the configuration, or the end of ctx.
func (w *worker) ensure(ctx context.Context) error {
	w.topology = setup.Topology(w.config)
	told := ""
	for {
		warnings, err := w.tryEnsure(ctx)
		if err == nil {
			for _, warning := range warnings {
				w.warn(warning)
			}
			return nil
		}
		if _, ok := errors.AsType[*broker.ConfigError](err); ok {
			return err
		}
		// What keeps a connection from coming about is told by the connection, and
		// what is refused, too.
		if text := err.Error(); text != told && ctx.Err() == nil && w.nats.Connected() && !w.isDenied() {
			told = text
			w.natsError(err)
		}
		select {
		case <-time.After(ensureWait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *worker) tryEnsure(ctx context.Context) ([]string, error) {
	if err := w.nats.WaitConnected(ctx); err != nil {
		return nil, err
	}
	w.linkUp(true)
	ctx, cancel := context.WithTimeout(ctx, ensureLimit)
	defer cancel()
	return broker.Ensure(ctx, w.nats.JetStream(), w.topology)
}

// tendEach is how often it is seen to that everything is still there.
const tendEach = 15 * time.Second

// tend makes anew what vanished from the server while the worker runs (the
// routes see to their consumers themselves), and counts the messages that no
// consumer has.
func (w *worker) tend(ctx context.Context) error {
	tick := time.NewTicker(tendEach)
	defer tick.Stop()
	told := false
	for {
		if n, err := broker.Orphans(ctx, w.nats.JetStream(), w.config.Stream.Name); err == nil {
			w.metrics.Unrouted(int(n))
			if n > 0 && !told {
				told = true
				w.warn(fmt.Sprintf("%d messages of stream %s are taken by no route, or were acked right before their server went down: they stay there until a route takes their subject, or until they are purged", n, w.config.Stream.Name))
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		w.ensureAgain(ctx)
	}
}

func (w *worker) ensureAgain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, ensureLimit)
	defer cancel()
	topology := w.topology
	topology.Consumers = nil
	_, err := broker.Ensure(ctx, w.nats.JetStream(), topology)
	w.nats.Note(err)
	w.troubles.note("streams and bucket", err)
}

// serverLine passes a line of the embedded server on: what it warns of is for
// the operator, the rest for who looks closely.
func (w *worker) serverLine(line string) {
	level := zap.DebugLevel
	for _, loud := range []string{"warning: ", "error: ", "fatal: "} {
		if strings.HasPrefix(line, loud) {
			level = zap.WarnLevel
		}
	}
	w.log.Log(level, "nats.server", zap.String("line", telemetry.Text(line)))
}
