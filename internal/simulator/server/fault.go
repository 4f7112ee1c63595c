package server

import (
	"net/http"
	"strconv"
	"time"
)

// Fault is a way to fail, for some calls or for all, until it is removed. It has
// three independent parts: which calls it meets, what becomes of their effect,
// and what the caller gets.
type Fault struct {
	// Kind is what the caller gets.
	Kind Kind

	// Operations that it meets. None: every call.
	Operations []Operation
	// Match limits it to calls that it says yes to. Nil: all. It must be safe for
	// concurrent use.
	Match func(*Call) bool
	// Calls is how many calls it meets before it is spent. 0: no end.
	Calls int
	// Probability that it meets a call. 0: always.
	Probability float64

	// Commit is what becomes of the effect of a call that gets no true answer.
	Commit Commit
	// CommitDelay is how much later the effect appears with CommitLate.
	CommitDelay time.Duration

	// Delay is how long Latency waits and how far LagLookUps lags.
	Delay time.Duration
	// Status of Answering. 0: 503; with a body made of an answer (BodyBroken and
	// the ones after it): 200, or what the true answer has.
	Status int
	// Body of Answering.
	Body Body
	// Code is the product's error code of a BodyEnvelope. Empty: what fits the status.
	Code string
	// RetryAfter is the header's value as it is; see RetryAfterSeconds and
	// RetryAfterDate. Empty: no header.
	RetryAfter string
	// Location is the header's value. Empty: none, or a page of the same server for
	// a status of 3xx.
	Location string
}

// Kind is what the caller of a faulty call gets.
type Kind int

// The kinds. The first ones end a call or delay it, the ones from LagLookUps on
// bend it: they do not use Commit, and any number of them may meet one call.
const (
	// Answering is an answer with Status and Body. It is the zero value.
	Answering Kind = iota
	// RefuseConnections shuts the port; open connections are reset. It meets all
	// calls: nothing else of the fault counts.
	RefuseConnections
	// Reset takes the request and resets the connection.
	Reset
	// Drop takes the request and closes the connection in good order.
	Drop
	// BlackHole takes the request and never answers, until the fault is removed
	// or the caller goes away.
	BlackHole
	// Latency answers truly, later by Delay. The effect comes at the end of the
	// delay, also if the caller has gone by then; with CommitFirst at its beginning.
	Latency

	// LagLookUps makes lists blind to what is younger than Delay.
	LagLookUps
	// IgnoreFilter makes lists ignore their filter.
	IgnoreFilter
)

// Commit says what becomes of the effect of a faulty call.
type Commit int

// The fates of an effect.
const (
	NoCommit    Commit = iota // nothing happens
	CommitFirst               // it has happened before the caller notices anything
	CommitLate                // it happens CommitDelay later, whatever the caller does
)

// Body is the form of a faulty answer's body.
type Body int

// The bodies. BodyBroken and the ones after it are made of the true answer where
// the call was committed first, else of an empty list.
const (
	BodyEnvelope  Body = iota // the product's error envelope for the status
	BodyHTML                  // a gateway's page
	BodyEmpty                 // none
	BodyNull                  // null, as JSON
	BodyBroken                // JSON that stops half way, with a fitting Content-Length
	BodyTruncated             // half of what Content-Length promises, then the end
	BodyStalled               // half of what Content-Length promises, then silence
	BodyEndless               // JSON without an end, until the caller goes away
)

// Down answers with a status and a gateway's page.
func Down(status int, operations ...Operation) Fault {
	return Fault{Status: status, Body: BodyHTML, Operations: operations}
}

// Throttled answers 429 in the product's envelope. retryAfter is the header's
// value, empty for none.
func Throttled(retryAfter string, operations ...Operation) Fault {
	return Fault{Status: http.StatusTooManyRequests, RetryAfter: retryAfter, Operations: operations}
}

// Hung never answers.
func Hung(operations ...Operation) Fault { return Fault{Kind: BlackHole, Operations: operations} }

// Slow answers truly after a delay.
func Slow(delay time.Duration, operations ...Operation) Fault {
	return Fault{Kind: Latency, Delay: delay, Operations: operations}
}

// CommitThenDrop carries a call out and closes the connection without an answer.
func CommitThenDrop(operations ...Operation) Fault {
	return Fault{Kind: Drop, Commit: CommitFirst, Operations: operations}
}

// RetryAfterSeconds and RetryAfterDate are the two forms of the header, rounded
// up to whole seconds.
func RetryAfterSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// RetryAfterDate is the time d from now, on our own clock.
func RetryAfterDate(d time.Duration) string {
	return time.Now().Add(d + time.Second - 1).UTC().Format(http.TimeFormat)
}
