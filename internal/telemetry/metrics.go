package telemetry

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics holds every metric of the worker, in a registry of its own. Names and
// labels are fixed; no label holds a message's id or anything else that a
// publisher chooses. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	unrouted prometheus.Gauge
	ledger   *prometheus.CounterVec
	route    routeVecs
	conn     connectionVecs
}

// routeVecs are the metrics with the label route.
type routeVecs struct {
	requests, deadLetters        *prometheus.CounterVec
	age, batch                   *prometheus.HistogramVec
	inFlight, held               *prometheus.GaugeVec
	pending, ackPending, success *prometheus.GaugeVec
}

// connectionVecs are the metrics with the label connection.
type connectionVecs struct {
	calls                       *prometheus.HistogramVec
	gate, expiry                *prometheus.GaugeVec
	transitions, logins, lookUp *prometheus.CounterVec
}

// From 5 ms to a day: how long requests wait, an outage included.
var ageBuckets = []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 900, 3600, 14400, 86400}

// From 5 ms to a minute: calls end with their time-out.
var callBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 60}

var batchBuckets = []float64{1, 2, 5, 10, 25, 50, 100, 250, 500, 1000}

// NewMetrics returns the metrics of one worker, with those of Go and of the
// process.
func NewMetrics(b Build) *Metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	f := factory{r}
	m := &Metrics{
		registry: r,
		unrouted: f.gauge("unrouted", "Messages of the stream that no consumer has: no route takes their subject, or their server went down right after the ack.").WithLabelValues(),
		ledger:   f.counter("ledger_ops_total", "Operations on the ledger.", "op", "result"),
		route:    newRouteVecs(f),
		conn:     newConnectionVecs(f),
	}
	f.gauge("build_info", "What this binary is; always 1.", "version", "revision", "goversion").
		WithLabelValues(b.Version, b.Revision, b.Go).Set(1)
	return m
}

func newRouteVecs(f factory) routeVecs {
	return routeVecs{
		requests:    f.counter("requests_total", "Finished deliveries by what became of the request.", "route", "verdict", "reason"),
		deadLetters: f.counter("dead_letters_total", "Messages set aside.", "route", "reason"),
		age:         f.histogram("request_age_seconds", "From the publish to the end of a request, good or bad.", ageBuckets, "route"),
		batch:       f.histogram("batch_size", "Requests in one call that may hold several.", batchBuckets, "route"),
		inFlight:    f.gauge("in_flight", "Messages in hand, waiting ones included.", "route"),
		held:        f.gauge("held", "Messages in hand that wait for a shut gate.", "route"),
		pending:     f.gauge("consumer_pending", "Messages in the stream that were not delivered yet.", "route"),
		ackPending:  f.gauge("consumer_ack_pending", "Messages in hand or parked, over all pods.", "route"),
		success:     f.gauge("last_delivered_timestamp_seconds", "When the orchestrator last confirmed a request; 0: not yet.", "route"),
	}
}

func newConnectionVecs(f factory) connectionVecs {
	return connectionVecs{
		calls:       f.histogram("call_duration_seconds", "Calls of the orchestrator; status is that of HTTP, or none.", callBuckets, "connection", "operation", "status"),
		gate:        f.gauge("gate_state", "1 for the state that the gate is in, 0 for the others.", "connection", "state"),
		transitions: f.counter("breaker_transitions_total", "Changes of the circuit breaker, by the new state.", "connection", "to"),
		logins:      f.counter("token_logins_total", "Log-ins by result.", "connection", "result"),
		expiry:      f.gauge("token_expiry_timestamp_seconds", "When the token in use ends.", "connection", "credential"),
		lookUp:      f.counter("look_ups_total", "Requests looked up after an unclear answer, by what was found.", "connection", "result"),
	}
}

// Handler serves the metrics in the formats of Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// Registry is where the metrics are registered, for tests and embedders.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Unrouted says how many messages of the stream no consumer has: their subject is
// taken by no route, or they were acked right before the server went down, which
// then forgot to remove them.
func (m *Metrics) Unrouted(n int) { m.unrouted.Set(float64(n)) }

// LedgerResult is what came of an operation on the ledger.
type LedgerResult string

// The results of an operation on the ledger.
const (
	LedgerOK       LedgerResult = "ok"
	LedgerConflict LedgerResult = "conflict" // somebody else was first
	LedgerError    LedgerResult = "error"
)

// LedgerOp counts one operation on the ledger: load, store or delete.
func (m *Metrics) LedgerOp(op string, result LedgerResult) {
	m.ledger.WithLabelValues(op, string(result)).Inc()
}

// factory makes metrics with the common prefix.
type factory struct{ registry *prometheus.Registry }

const prefix = "queueferry"

func (f factory) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: prefix, Name: name, Help: help}, labels)
	f.registry.MustRegister(v)
	return v
}

func (f factory) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: prefix, Name: name, Help: help}, labels)
	f.registry.MustRegister(v)
	return v
}

func (f factory) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: prefix, Name: name, Help: help, Buckets: buckets}, labels)
	f.registry.MustRegister(v)
	return v
}
