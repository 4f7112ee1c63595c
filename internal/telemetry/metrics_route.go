package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
)

// RouteMetrics counts for one route. It is safe for concurrent use.
type RouteMetrics struct {
	requests, dead               *prometheus.CounterVec
	age, batch                   prometheus.Observer
	inFlight, held               prometheus.Gauge
	pending, ackPending, success prometheus.Gauge
}

// Route returns the metrics of a route, all of them at zero: a dashboard then
// shows zero instead of nothing.
func (m *Metrics) Route(name string) *RouteMetrics {
	label := prometheus.Labels{"route": name}
	v := m.route
	r := &RouteMetrics{
		requests:   v.requests.MustCurryWith(label),
		dead:       v.deadLetters.MustCurryWith(label),
		age:        v.age.With(label),
		batch:      v.batch.With(label),
		inFlight:   v.inFlight.With(label),
		held:       v.held.With(label),
		pending:    v.pending.With(label),
		ackPending: v.ackPending.With(label),
		success:    v.success.With(label),
	}
	for _, verdict := range job.Verdicts {
		r.requests.WithLabelValues(verdict.String(), "")
	}
	for _, reason := range job.DeadLetterReasons {
		r.requests.WithLabelValues(job.Rejected.String(), string(reason))
		r.dead.WithLabelValues(string(reason))
	}
	return r
}

// Settled counts one finished delivery: the facts of its line in the log. Only
// an ack and a dead letter end the request, and count towards its age.
func (r *RouteMetrics) Settled(s Settled) {
	r.requests.WithLabelValues(s.Verdict.String(), string(s.Reason)).Inc()
	switch s.Disposition {
	case retry.DeadLetter:
		r.dead.WithLabelValues(string(s.Reason)).Inc()
		r.age.Observe(s.Age.Seconds())
	case retry.Ack:
		r.age.Observe(s.Age.Seconds())
	}
	if s.Verdict == job.Delivered {
		r.success.SetToCurrentTime()
	}
}

// Batch notes how many requests went in one call.
func (r *RouteMetrics) Batch(size int) { r.batch.Observe(float64(size)) }

// InFlight says how many more messages are in hand; less than 0: how many fewer.
func (r *RouteMetrics) InFlight(more int) { r.inFlight.Add(float64(more)) }

// Held says how many more messages in hand wait for a shut gate; less than 0: how
// many fewer.
func (r *RouteMetrics) Held(more int) { r.held.Add(float64(more)) }

// Consumer says what the server told of the route's consumer.
func (r *RouteMetrics) Consumer(pending, ackPending int) {
	r.pending.Set(float64(pending))
	r.ackPending.Set(float64(ackPending))
}
