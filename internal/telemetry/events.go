package telemetry

import (
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// The names of the events: what happened to a message, and what changed state.
const (
	eventSettled          = "delivery.settled"
	eventPanicked         = "delivery.panicked"
	eventDeadLetterFailed = "deadletter.failed"

	eventStarted       = "worker.started"
	eventGate          = "gate.changed"
	eventTokenRenewed  = "token.renewed"
	eventTokenRefused  = "token.refused"
	eventDisconnected  = "nats.disconnected"
	eventReconnected   = "nats.reconnected"
	eventConsumerLost  = "consumer.lost"
	eventGuardTripped  = "guard.tripped"
	eventGuardClosed   = "guard.closed"
	eventShutdownBegun = "shutdown.begun"
	eventShutdownDone  = "shutdown.done"
)

// Events writes the lines that operators build on: their names and keys are
// fixed by testdata/events.golden. A line at warn or error is one that someone
// should look at; the rest is info. Every text passes through [Text]; no line
// holds a payload or a secret. It is safe for concurrent use.
//
// Keys whose value is empty are left out, except where a field says otherwise.
// Names that end in _ms are milliseconds, as numbers.
type Events struct{ log *zap.Logger }

// NewEvents returns events that are written to log.
func NewEvents(log *zap.Logger) *Events { return &Events{log: log} }

func (e *Events) write(level zapcore.Level, event string, fields func(zapcore.ObjectEncoder)) {
	if ce := e.log.Check(level, event); ce != nil {
		ce.Write(zap.Inline(zapcore.ObjectMarshalerFunc(func(o zapcore.ObjectEncoder) error {
			fields(o)
			return nil
		})))
	}
}

// WorkerStarted says what began to work.
type WorkerStarted struct {
	Version       string
	ConfigFile    string
	Routes        []string
	Connections   []string
	NATSURL       string // credentials in it are cut out
	EmbeddedStore string // the folder of the embedded server; empty: there is none
	Admin         string // host:port of the admin listener
}

// WorkerStarted writes worker.started at info. Routes and connections are
// always there.
func (e *Events) WorkerStarted(w WorkerStarted) {
	e.write(zapcore.InfoLevel, eventStarted, func(o zapcore.ObjectEncoder) {
		addText(o, "version", w.Version)
		addText(o, "config_file", w.ConfigFile)
		zap.Strings("routes", w.Routes).AddTo(o)
		zap.Strings("connections", w.Connections).AddTo(o)
		addText(o, "nats_url", withoutUser(w.NATSURL))
		addText(o, "embedded_store", w.EmbeddedStore)
		addText(o, "admin", w.Admin)
	})
}

// GateState is whether calls are made on a connection.
type GateState string

// The states of a gate.
const (
	GateOpen    GateState = "open"
	GateProbing GateState = "probing" // a few calls try whether it is well again
	GateShut    GateState = "shut"
)

// GateStates lists every state, for metrics.
var GateStates = []GateState{GateOpen, GateProbing, GateShut}

// GateChanged is a gate that shut, is tried again, or opened; or that is still
// shut.
type GateChanged struct {
	Connection string
	Route      string // set where only this route is held
	State      GateState
	Since      time.Time // when it came into this state
	Reason     job.Reason
	Detail     string
	Held       int // messages in hand that wait
	Pending    int // messages in the stream that wait; negative: not known
}

// GateChanged writes gate.changed: warn while it is shut, else info. Held is
// always there.
func (e *Events) GateChanged(g GateChanged) {
	level := zapcore.InfoLevel
	if g.State == GateShut {
		level = zapcore.WarnLevel
	}
	e.write(level, eventGate, func(o zapcore.ObjectEncoder) {
		addText(o, "connection", g.Connection)
		addText(o, "route", g.Route)
		addText(o, "state", string(g.State))
		addTime(o, "since", g.Since)
		addText(o, "reason", string(g.Reason))
		addText(o, "detail", g.Detail)
		o.AddInt("held", g.Held)
		if g.Pending >= 0 {
			o.AddInt("pending", g.Pending)
		}
	})
}

// TokenRenewed is a log-in that worked.
type TokenRenewed struct {
	Connection string
	Credential string    // its name; never a secret
	Expires    time.Time // zero: the product does not say
}

// TokenRenewed writes token.renewed at info.
func (e *Events) TokenRenewed(t TokenRenewed) {
	e.write(zapcore.InfoLevel, eventTokenRenewed, func(o zapcore.ObjectEncoder) {
		addText(o, "connection", t.Connection)
		addText(o, "credential", t.Credential)
		addTime(o, "expires", t.Expires)
	})
}

// TokenRefused is a log-in that failed, or a fresh token that the API refused.
type TokenRefused struct {
	Connection string
	Credential string // its name; never a secret
	Reason     string // a job.Reason, or session_taken
	Status     int    // of HTTP; 0: no answer came
	ErrorCode  string
	Detail     string
	NextTry    time.Time
}

// TokenRefused writes token.refused at warn.
func (e *Events) TokenRefused(t TokenRefused) {
	e.write(zapcore.WarnLevel, eventTokenRefused, func(o zapcore.ObjectEncoder) {
		addText(o, "connection", t.Connection)
		addText(o, "credential", t.Credential)
		addText(o, "reason", t.Reason)
		addInt(o, "status", t.Status)
		addText(o, "error_code", t.ErrorCode)
		addText(o, "detail", t.Detail)
		addTime(o, "next_try", t.NextTry)
	})
}

// NATSDisconnected writes nats.disconnected at warn. The server is a URL whose
// credentials are cut out; the error may be nil.
func (e *Events) NATSDisconnected(server string, err error) {
	e.write(zapcore.WarnLevel, eventDisconnected, func(o zapcore.ObjectEncoder) {
		addText(o, "server", withoutUser(server))
		addError(o, err)
	})
}

// NATSReconnected writes nats.reconnected at info: which server, and how long
// there was none. The key down_ms is always there.
func (e *Events) NATSReconnected(server string, down time.Duration) {
	e.write(zapcore.InfoLevel, eventReconnected, func(o zapcore.ObjectEncoder) {
		addText(o, "server", withoutUser(server))
		o.AddFloat64("down_ms", millis(down))
	})
}

// ConsumerLost writes consumer.lost at warn: the route's consumer or its stream
// is gone or out of reach. The error may be nil.
func (e *Events) ConsumerLost(route, stream string, err error) {
	e.write(zapcore.WarnLevel, eventConsumerLost, func(o zapcore.ObjectEncoder) {
		addText(o, "route", route)
		addText(o, "stream", stream)
		addError(o, err)
	})
}

// GuardTripped is a route that holds because its orchestrator refuses too much.
type GuardTripped struct {
	Route      string
	Connection string
	Refused    int // answers that were refusals
	Answers    int // of so many
	Reason     job.Reason
	Detail     string // the last refusal, for a person
	NextTry    time.Time
}

// GuardTripped writes guard.tripped at warn. Refused and answers are always there.
func (e *Events) GuardTripped(g GuardTripped) {
	e.write(zapcore.WarnLevel, eventGuardTripped, func(o zapcore.ObjectEncoder) {
		addText(o, "route", g.Route)
		addText(o, "connection", g.Connection)
		o.AddInt("refused", g.Refused)
		o.AddInt("answers", g.Answers)
		addText(o, "reason", string(g.Reason))
		addText(o, "detail", g.Detail)
		addTime(o, "next_try", g.NextTry)
	})
}

// GuardClosed writes guard.closed at info: the route works again, after it was
// held for so long. The key held_ms is always there.
func (e *Events) GuardClosed(route, connection string, held time.Duration) {
	e.write(zapcore.InfoLevel, eventGuardClosed, func(o zapcore.ObjectEncoder) {
		addText(o, "route", route)
		addText(o, "connection", connection)
		o.AddFloat64("held_ms", millis(held))
	})
}

// ShutdownBegun writes shutdown.begun at info: why, and how many messages are
// in hand. The key in_hand is always there.
func (e *Events) ShutdownBegun(cause string, inHand int) {
	e.write(zapcore.InfoLevel, eventShutdownBegun, func(o zapcore.ObjectEncoder) {
		addText(o, "cause", cause)
		o.AddInt("in_hand", inHand)
	})
}

// ShutdownDone is how a drain ended.
type ShutdownDone struct {
	Finished   int // calls under way that came to an end
	HandedBack int // messages that had not begun: another pod takes them at once
	Left       int // messages that may have been carried out: redelivered after ack_wait
	Took       time.Duration
	Err        error // what did not end in time; nil: all did
}

// ShutdownDone writes shutdown.done: info, or warn with an error. The numbers
// are always there.
func (e *Events) ShutdownDone(s ShutdownDone) {
	level := zapcore.InfoLevel
	if s.Err != nil {
		level = zapcore.WarnLevel
	}
	e.write(level, eventShutdownDone, func(o zapcore.ObjectEncoder) {
		o.AddInt("finished", s.Finished)
		o.AddInt("handed_back", s.HandedBack)
		o.AddInt("left", s.Left)
		o.AddFloat64("took_ms", millis(s.Took))
		addError(o, s.Err)
	})
}
