package telemetry

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ConnectionMetrics counts for one connection. It is safe for concurrent use.
type ConnectionMetrics struct {
	calls                        prometheus.ObserverVec
	gate, expiry                 *prometheus.GaugeVec
	transitions, logins, lookUps *prometheus.CounterVec
}

// LoginResult is how a log-in ended.
type LoginResult string

// The results of a log-in.
const (
	LoggedIn         LoginResult = "ok"          // there is a new token
	LoginRefused     LoginResult = "refused"     // the credential is at fault
	LoginUnavailable LoginResult = "unavailable" // the identity server is at fault
)

// LookUpResult is what a look-up found.
type LookUpResult string

// The results of a look-up.
const (
	LookUpFound   LookUpResult = "found"
	LookUpAbsent  LookUpResult = "absent"  // it is certainly not there
	LookUpUnclear LookUpResult = "unclear" // the answer does not tell
	LookUpFailed  LookUpResult = "failed"  // there was no answer
)

// BreakerStates are the states of the circuit breaker, as gobreaker names them.
var BreakerStates = []string{"closed", "half-open", "open"}

// Connection returns the metrics of a connection, all known ones at zero and
// the gate open.
func (m *Metrics) Connection(name string) *ConnectionMetrics {
	label := prometheus.Labels{"connection": name}
	v := m.conn
	c := &ConnectionMetrics{
		calls:       v.calls.MustCurryWith(label),
		gate:        v.gate.MustCurryWith(label),
		expiry:      v.expiry.MustCurryWith(label),
		transitions: v.transitions.MustCurryWith(label),
		logins:      v.logins.MustCurryWith(label),
		lookUps:     v.lookUp.MustCurryWith(label),
	}
	c.Gate(GateOpen)
	for _, state := range BreakerStates {
		c.transitions.WithLabelValues(state)
	}
	for _, r := range []LoginResult{LoggedIn, LoginRefused, LoginUnavailable} {
		c.logins.WithLabelValues(string(r))
	}
	for _, r := range []LookUpResult{LookUpFound, LookUpAbsent, LookUpUnclear, LookUpFailed} {
		c.lookUps.WithLabelValues(string(r))
	}
	return c
}

// Call notes one call: what was called (a fixed name, never a URL), the HTTP
// status (0: no answer came), and how long it took.
func (c *ConnectionMetrics) Call(operation string, status int, took time.Duration) {
	c.calls.WithLabelValues(operation, statusLabel(status)).Observe(took.Seconds())
}

// statusLabel bounds the values of the label: the status comes from a server.
func statusLabel(status int) string {
	switch {
	case status == 0:
		return "none"
	case status < 100 || status > 599:
		return "other"
	default:
		return strconv.Itoa(status)
	}
}

// Gate says which state the gate is in.
func (c *ConnectionMetrics) Gate(state GateState) {
	for _, s := range GateStates {
		value := 0.0
		if s == state {
			value = 1
		}
		c.gate.WithLabelValues(string(s)).Set(value)
	}
}

// Breaker counts a change of the circuit breaker to a state.
func (c *ConnectionMetrics) Breaker(to string) { c.transitions.WithLabelValues(to).Inc() }

// Login counts a log-in.
func (c *ConnectionMetrics) Login(result LoginResult) {
	c.logins.WithLabelValues(string(result)).Inc()
}

// TokenExpiry says when a credential's token ends; the zero time takes the
// metric away.
func (c *ConnectionMetrics) TokenExpiry(credential string, at time.Time) {
	if at.IsZero() {
		c.expiry.DeleteLabelValues(credential)
		return
	}
	c.expiry.WithLabelValues(credential).Set(float64(at.UnixMilli()) / 1000)
}

// LookUp counts a look-up of one request.
func (c *ConnectionMetrics) LookUp(result LookUpResult) {
	c.lookUps.WithLabelValues(string(result)).Inc()
}
