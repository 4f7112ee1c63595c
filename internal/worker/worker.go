// Package worker puts the parts together: it connects to NATS, makes what must
// exist there, and runs the connections and the routes until it is stopped.
package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/queueferry/queueferry/internal/admin"
	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/request"
	"github.com/queueferry/queueferry/internal/setup"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// Options are what a worker is told beside its configuration.
type Options struct {
	// ConfigFile is named in the log.
	ConfigFile string
	// Log takes the log; it is written to by one goroutine at a time.
	Log io.Writer
	// Level, if set, may be changed while the worker runs. Without it the level
	// is the configuration's.
	Level *zap.AtomicLevel
	// Started, if set, is called once the worker takes messages.
	Started func(Addresses)
}

// Addresses are where a worker can be reached.
type Addresses struct {
	Admin string // host:port of its admin listener
	NATS  string // the URL of the NATS server that it is connected to
}

// worker is one run.
type worker struct {
	config   *config.Config
	owner    string // this worker's name in the ledger
	host     string
	started  time.Time
	log      *zap.Logger
	events   *telemetry.Events
	metrics  *telemetry.Metrics
	admin    *admin.Server
	embedded *broker.Embedded // nil: none
	topology broker.Topology

	decoders    []*request.Decoder // of the routes, in their order
	connections []*connection
	troubles    troubles

	mu       sync.Mutex
	nats     *broker.Conn // nil before there is one
	routes   []*route     // once NATS is there
	stopping bool
	link     link
}

// Run works until ctx ends, and then drains: it stops pulling, finishes the
// calls under way, hands back what has not begun, and logs out, all within
// shutdown_grace. It returns nil after a drain. A [*config.Error] or a
// [*broker.ConfigError] means that the configuration is at fault: the first is
// found before anything is started, the second once the NATS server is asked, and
// before any message is pulled. Any other error means that the worker could not run.
func Run(ctx context.Context, cfg *config.Config, opts Options) error {
	if err := setup.Supported(cfg); err != nil {
		return err
	}
	decoders, err := setup.Decoders(cfg)
	if err != nil {
		return err
	}
	level := opts.level(cfg)
	log, flush := telemetry.NewLogger(opts.Log, cfg.Log.Format, level)
	defer func() { _ = flush() }()
	host, _ := os.Hostname()
	w := &worker{
		config: cfg, owner: owner(host), host: host, started: time.Now(), decoders: decoders,
		log: log, events: telemetry.NewEvents(log), metrics: telemetry.NewMetrics(telemetry.ReadBuild()), troubles: troubles{log: log},
	}
	w.link.since = w.started
	err = w.run(ctx, opts)
	if errors.Is(err, context.Canceled) { // before there was anything to drain
		w.events.ShutdownBegun(stopAskedFor, 0)
		w.sayStopped(0, nil)
		return nil
	}
	return err
}

func (o Options) level(cfg *config.Config) zap.AtomicLevel {
	if o.Level != nil {
		return *o.Level
	}
	level, err := zap.ParseAtomicLevel(cfg.Log.Level)
	if err != nil {
		return zap.NewAtomicLevel()
	}
	return level
}

// run is the whole life of a worker, and what it has begun it ends in the
// opposite order.
func (w *worker) run(ctx context.Context, opts Options) error {
	connections, err := w.newConnections()
	if err != nil {
		return err
	}
	w.connections = connections
	w.admin = admin.New(admin.Settings{
		Listen: w.config.Admin.Listen, Live: w.live, Ready: w.readiness,
		Status: func() any { return w.status() }, Metrics: w.metrics.Handler(),
		ErrorLog: zap.NewStdLog(w.log),
	})
	if err := w.admin.Listen(ctx); err != nil {
		return err
	}
	stopAdmin := background(w.admin.Run)
	defer stopAdmin()

	if err := w.connect(ctx); err != nil {
		return err
	}
	defer w.disconnect()
	w.sayStarted(opts)
	stopReminding := background(w.remind)
	defer stopReminding()

	stopConnections := w.runConnections()
	defer stopConnections()
	if err := w.ensure(ctx); err != nil {
		return err
	}
	if err := w.makeRoutes(ctx); err != nil {
		return err
	}
	stopTending := background(w.tend)
	defer stopTending()
	return w.runRoutes(ctx, func() {
		if opts.Started != nil {
			opts.Started(Addresses{Admin: w.admin.Addr(), NATS: w.nats.NATS().ConnectedUrlRedacted()})
		}
	})
}

// background runs f until the returned function is called, which waits for its end.
func background(f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = f(ctx) })
	return func() {
		cancel()
		wg.Wait()
	}
}

func (w *worker) sayStarted(opts Options) {
	started := telemetry.WorkerStarted{
		Version: telemetry.ReadBuild().Version, ConfigFile: opts.ConfigFile, NATSURL: w.config.NATS.URL, Admin: w.admin.Addr(),
	}
	if w.embedded != nil {
		started.NATSURL, started.EmbeddedStore = w.embedded.URL(), w.config.NATS.Embedded.StoreDir
	}
	for _, c := range w.config.Connections {
		started.Connections = append(started.Connections, c.Name)
	}
	for _, r := range w.config.Routes {
		started.Routes = append(started.Routes, r.Name)
	}
	w.events.WorkerStarted(started)
	for _, warning := range w.config.Warnings {
		w.warn(warning)
	}
}

// warn says what works, but not as it should.
func (w *worker) warn(text string) {
	w.log.Warn("worker.warning", zap.String("detail", telemetry.Text(text)))
}

// runRoutes pulls until ctx ends, and then drains within shutdown_grace.
func (w *worker) runRoutes(ctx context.Context, started func()) error {
	work, cut := context.WithCancel(context.Background())
	defer cut()
	var wg sync.WaitGroup
	failed := make(chan error, len(w.routes)+1)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for _, r := range w.routes {
		wg.Go(func() {
			if err := r.consumer.Run(ctx, work); err != nil {
				failed <- fmt.Errorf("route %s: %w", r.name, err)
				stop()
			}
		})
	}
	wg.Go(func() { w.awaitReady(ctx, started) })
	select {
	case <-ctx.Done():
	case <-w.nats.Closed():
		failed <- errors.New("nats: the connection was closed for good")
		stop()
	}
	w.drain(&wg, cut)
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// awaitReady calls started once every route takes messages.
func (w *worker) awaitReady(ctx context.Context, started func()) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		if w.ready() {
			started()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// owner is a name that no other worker has, and that tells where this one runs.
func owner(host string) string {
	return strings.Trim(host+"-"+rand.Text(), "-")
}
