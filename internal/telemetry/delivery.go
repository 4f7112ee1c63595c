package telemetry

import (
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Settled is one finished delivery. Reason, Status, ErrorCode, Receipt, Batch
// and TraceID are left out where they are empty; the other keys are always there.
type Settled struct {
	Route       string
	Connection  string
	Action      job.Action
	RequestID   string
	Subject     string
	Sequence    uint64 // in the stream
	Delivery    uint64 // how often the server delivered it, this time included
	Attempt     int    // how many tries have counted, this one included
	Verdict     job.Verdict
	Disposition retry.Kind
	Reason      job.Reason // the outcome's; of a dead letter the one that it bears
	Status      int        // of HTTP; 0: no answer came
	ErrorCode   string
	Receipt     string
	Batch       int           // how many requests went in the same call; 0: no batch
	Queue       time.Duration // from the delivery to the call
	Call        time.Duration // the call itself; 0: none was made
	Age         time.Duration // from the publish to this line
	TraceID     string
}

// Settled writes delivery.settled: warn for a dead letter, else info.
func (e *Events) Settled(s Settled) {
	level := zapcore.InfoLevel
	if s.Disposition == retry.DeadLetter {
		level = zapcore.WarnLevel
	}
	if ce := e.log.Check(level, eventSettled); ce != nil {
		ce.Write(zap.Inline(&s))
	}
}

// MarshalLogObject writes the keys in their order.
func (s *Settled) MarshalLogObject(o zapcore.ObjectEncoder) error {
	o.AddString("route", s.Route)
	o.AddString("connection", s.Connection)
	o.AddString("action", Text(string(s.Action)))
	o.AddString("request_id", Text(s.RequestID))
	o.AddString("subject", Text(s.Subject))
	o.AddUint64("sequence", s.Sequence)
	o.AddUint64("delivery", s.Delivery)
	o.AddInt("attempt", s.Attempt)
	o.AddString("verdict", s.Verdict.String())
	o.AddString("disposition", s.Disposition.String())
	addText(o, "reason", string(s.Reason))
	addInt(o, "status", s.Status)
	addText(o, "error_code", s.ErrorCode)
	addText(o, "receipt", s.Receipt)
	addInt(o, "batch", s.Batch)
	o.AddFloat64("queue_ms", millis(s.Queue))
	o.AddFloat64("call_ms", millis(s.Call))
	o.AddFloat64("age_ms", millis(s.Age))
	addText(o, "trace_id", s.TraceID)
	return nil
}

// Panicked is a panic that was caught while one message was worked on.
type Panicked struct {
	Route     string
	RequestID string // empty where it was not decoded yet
	Subject   string
	Sequence  uint64
	Value     any    // what recover returned
	Stack     []byte // of debug.Stack
}

// Panicked writes delivery.panicked at error. Of the value only its type is
// written, and the text of a runtime error: any other may hold a payload.
func (e *Events) Panicked(p Panicked) {
	e.write(zapcore.ErrorLevel, eventPanicked, func(o zapcore.ObjectEncoder) {
		addText(o, "route", p.Route)
		addText(o, "request_id", p.RequestID)
		addText(o, "subject", p.Subject)
		o.AddUint64("sequence", p.Sequence)
		addText(o, "panic", panicText(p.Value))
		if len(p.Stack) > 0 {
			o.AddString("stack", stackText(p.Stack))
		}
	})
}

// DeadLetterFailed is a message that could not be set aside: it stays in the
// stream and is tried again.
type DeadLetterFailed struct {
	Route     string
	RequestID string
	Subject   string
	Sequence  uint64
	Reason    job.Reason // why it should become a dead letter
	Err       error      // why it could not
	NextTry   time.Time
}

// DeadLetterFailed writes deadletter.failed at error.
func (e *Events) DeadLetterFailed(d DeadLetterFailed) {
	e.write(zapcore.ErrorLevel, eventDeadLetterFailed, func(o zapcore.ObjectEncoder) {
		addText(o, "route", d.Route)
		addText(o, "request_id", d.RequestID)
		addText(o, "subject", d.Subject)
		o.AddUint64("sequence", d.Sequence)
		addText(o, "reason", string(d.Reason))
		addError(o, d.Err)
		addTime(o, "next_try", d.NextTry)
	})
}
