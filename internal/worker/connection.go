package worker

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/setup"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// connection is one configured connection and what belongs to it.
type connection struct {
	name      string
	target    *orchestrator.Connection
	pool      *authpool.Pool
	transport *http.Transport
	metrics   *telemetry.ConnectionMetrics
}

func (w *worker) newConnections() ([]*connection, error) {
	all := make([]*connection, 0, len(w.config.Connections))
	for _, settings := range w.config.Connections {
		c, err := w.newConnection(settings)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func (w *worker) newConnection(s config.Connection) (*connection, error) {
	c := &connection{name: s.Name, metrics: w.metrics.Connection(s.Name)}
	target, err := setup.NewTarget(w.config, s, setup.Observers{
		Token:    func(e authpool.Event) { w.observe(c.metrics, withoutLife(s, e)) },
		Call:     c.metrics.Call,
		LookedUp: func(found orchestrator.LookUp) { c.metrics.LookUp(telemetry.LookUpResult(found)) },
	})
	if err != nil {
		return nil, err
	}
	c.pool, c.transport = target.Pool, target.Transport
	c.target = orchestrator.NewConnection(orchestrator.Settings{
		Name: s.Name, Connector: target.Connector, Tokens: c.pool, MaxConcurrent: s.MaxConcurrent,
		Rate: s.Rate, Breaker: s.Breaker, ProbeAs: probeAs(w.config.Routes, s.Name),
		CircuitChanged: c.metrics.Breaker,
		GateChanged:    func(g orchestrator.GateState) { w.gateChanged(c, g) },
	})
	return c, nil
}

// probeAs is the action that a connection is probed with: one that a route of
// its own may ask for, so that the account has the permissions.
func probeAs(routes []config.Route, connection string) job.Action {
	for _, r := range routes {
		if r.Connection == connection && mayAdd(r) {
			return job.AddQueueItem
		}
	}
	return job.StartJob
}

func mayAdd(r config.Route) bool {
	named := r.Fixed.Queue != "" || r.Defaults.Queue != "" || len(r.Allow.Queues) > 0
	return named && r.Fixed.Action != job.StartJob
}

// withoutLife takes the end of a static token off: nobody knows it, and the pool
// only means to read the token again then.
func withoutLife(s config.Connection, e authpool.Event) authpool.Event {
	if n, err := strconv.Atoi(e.Credential); err == nil && s.Credentials[n-1].Grant == config.Static {
		e.Expiry = time.Time{}
	}
	return e
}

// observe writes what a pool tells into the log and the metrics.
func (w *worker) observe(m *telemetry.ConnectionMetrics, e authpool.Event) {
	if e.Result != "" {
		m.Login(telemetry.LoginResult(e.Result))
	}
	switch e.Name {
	case authpool.Renewed:
		m.TokenExpiry(e.Credential, e.Expiry)
		w.events.TokenRenewed(telemetry.TokenRenewed{Connection: e.Connection, Credential: e.Credential, Expires: e.Expiry})
	case authpool.Refused:
		w.events.TokenRefused(telemetry.TokenRefused{
			Connection: e.Connection, Credential: e.Credential, Reason: string(e.Reason),
			Status: e.Status, ErrorCode: e.Code, Detail: e.Detail, NextTry: e.RetryAt,
		})
	}
}

func (w *worker) gateChanged(c *connection, g orchestrator.GateState) {
	state := telemetry.GateShut
	if g.Open {
		state = telemetry.GateOpen
	}
	c.metrics.Gate(state)
	w.events.GateChanged(telemetry.GateChanged{
		Connection: c.name, State: state, Since: g.Since, Reason: g.Reason, Detail: g.Detail,
		Held: g.Held, Pending: w.pendingOf(c.name),
	})
}

// pendingOf is how many messages wait in the stream for a connection, without
// those of paused routes; -1 where that is not known yet.
func (w *worker) pendingOf(name string) int {
	routes, n := w.running(), -1
	for _, r := range routes {
		if r.connection == name && !r.paused {
			n = max(n, 0) + r.consumer.Pending()
		}
	}
	return n
}

// logoutLimit bounds the log-outs at the end, all pools together.
const logoutLimit = 2 * time.Second

// runConnections logs in and keeps the gates, until the returned function is
// called, which logs out.
func (w *worker) runConnections() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, c := range w.connections {
		wg.Go(func() { _ = c.pool.Run(ctx) })
		wg.Go(func() { c.target.Run(ctx) })
	}
	return func() {
		cancel()
		wg.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), logoutLimit)
		defer cancel()
		for _, c := range w.connections {
			wg.Go(func() {
				if err := c.pool.Close(ctx); err != nil {
					w.warn("connection " + c.name + ": a token was not ended, and ends by itself: " + inOneLine(err))
				}
				c.transport.CloseIdleConnections()
			})
		}
		wg.Wait()
	}
}

// inOneLine is an error of a pool, which may be several, without the package's name.
func inOneLine(err error) string {
	return strings.NewReplacer("authpool: ", "", "\n", "; ").Replace(err.Error())
}
