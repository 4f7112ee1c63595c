package orchestrator

import (
	"context"
	"errors"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
)

// ErrNotBegun means that a try's turn came and its Begin said no: no call was made.
var ErrNotBegun = errors.New("orchestrator: not begun")

// Tokens is what a connection needs of its token pool.
type Tokens interface {
	// Ready waits until a token can be had.
	Ready(context.Context) error
	// Lease gets one, or an *authpool.Error.
	Lease(context.Context) (authpool.Lease, error)
}

// Settings make a connection.
type Settings struct {
	Name          string
	Connector     Connector
	Tokens        Tokens
	MaxConcurrent int     // calls at once, at least 1
	Rate          float64 // calls per second; 0: no limit
	Breaker       retry.Breaker
	// ProbeAs says which permissions a probe may count on.
	ProbeAs job.Action
	// GateChanged, if set, is told of every change of the gate, and every five
	// minutes of one that stays shut. It is called by one goroutine at a time. If
	// it is so slow that 64 changes wait for it, the oldest of them is left out.
	GateChanged func(GateState)
	// CircuitChanged, if set, is told of every new state of the circuit breaker:
	// closed, half-open or open. It must be quick, and ask the connection nothing.
	CircuitChanged func(to string)
}

// Connection is one account on one orchestrator tenant: a connector behind a
// gate. It is safe for concurrent use.
type Connection struct {
	Settings
	gate   *gate
	former former
}

// NewConnection makes a connection whose gate is open. [Connection.Run] must
// run for it to open again once it is shut.
func NewConnection(s Settings) *Connection {
	c := &Connection{Settings: s, gate: newGate(s.MaxConcurrent, s.Rate, s.Breaker, s.CircuitChanged)}
	c.former.connection = c
	return c
}

// Gate is the state of the connection's gate.
func (c *Connection) Gate() GateState { return c.gate.State() }

// Circuit is the state of the circuit breaker, closed, half-open or open, and
// when an open one lets a call through. Zero: it does already.
func (c *Connection) Circuit() (state string, reopens time.Time) {
	now := time.Now()
	state = c.gate.breaker.State()
	if wait := c.gate.reopensIn(now); wait > 0 {
		reopens = now.Add(wait)
	}
	return state, reopens
}

// Watch tells whether the gate is open, and gives a channel that is closed when
// that changes.
func (c *Connection) Watch() (open bool, changed <-chan struct{}) { return c.gate.watch() }

// Check makes the checks of a request that need no call.
func (c *Connection) Check(r *job.Request) (job.Outcome, bool) { return c.Connector.Check(r) }

// Claims reports whether a request must be claimed before it is submitted.
func (c *Connection) Claims(r *job.Request) bool { return c.Connector.Claims(r) }

// Do waits until the gate lets the try through, and makes it. hold ends the
// waiting; the call itself lives as long as ctx. An error means that no call
// was made: [ErrNotBegun], or the cause of hold's end. A panic of the connector
// or of the try's own functions goes through, and harms nobody else but those
// that share the connector's call. Those are tries of one route that wait for a
// call at the same time, and that the route and the connector let go together;
// ctx is then the first one's. A result may be Singly: no attempt was made of the
// try alone, and it is to be done again without company.
func (c *Connection) Do(ctx, hold context.Context, t Try) (r Result, err error) {
	if key, ok := c.batchKey(&t); ok {
		return c.former.do(ctx, hold, &t, key)
	}
	p, err := c.gate.enter(hold, t.Held)
	if err != nil {
		return Result{}, err
	}
	var began time.Time
	defer func() {
		// Also on a panic: a pass that is not given back blocks the gate for ever.
		if began.IsZero() {
			p.cancel()
			return
		}
		r.Began, r.Took = began, time.Since(began)
		r.BreakerClosed = p.giveBack(r)
	}()
	if t.Begin != nil && !t.Begin(ctx, &t) {
		return Result{}, ErrNotBegun
	}
	began = time.Now()
	r = c.Connector.Submit(ctx, t)
	ofFolder(&r, &t)
	return r, nil
}

// ofFolder has the route wait where the operator's folder is refused, not the
// publisher's.
func ofFolder(r *Result, t *Try) {
	if r.Verdict == job.Deferred && r.Reason == job.Forbidden && t.Request.FolderFromRoute {
		r.Verdict = job.Unavailable
	}
}

// Alive asks the orchestrator, at once and past the limit of calls, whether it
// is well. It reports false without a call while the gate is shut.
func (c *Connection) Alive(ctx context.Context) bool {
	if open, _ := c.gate.watch(); !open {
		return false
	}
	done, err := c.gate.breaker.Allow()
	if err != nil {
		return false
	}
	r := c.probe(ctx)
	c.gate.glanced(done, r)
	return r.Health == Well
}

// probeLimit bounds a probe: a server that answers one row of a list later than
// this is not well, and waiting longer would only delay the next probe.
const probeLimit = 10 * time.Second

func (c *Connection) probe(ctx context.Context) (r Result) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	defer func() {
		if recover() != nil {
			r = unavailable(job.Panicked, Ill, "the probe panicked")
		}
	}()
	return c.Connector.Probe(ctx, c.ProbeAs)
}
