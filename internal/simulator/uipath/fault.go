package uipath

import "time"

// Fault is a way to fail, for some calls or for all, until it is removed. It has
// three independent parts: which calls it meets, what becomes of their effect,
// and what the caller gets.
type Fault struct {
	// Kind is what the caller gets.
	Kind Kind

	// Operations that it meets. None: every operation of the API, the legacy log-in
	// included. The identity server is met by naming Token or Revoke.
	Operations []Operation
	// Folder limits it to calls in one folder, by its path. Empty: any.
	Folder string
	// Match limits it to calls that bear a reference it says yes to; of a batch
	// one is enough. Calls without a reference are not met then. It must be safe
	// for concurrent use.
	Match func(reference string) bool
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
	// Status of Answer and FailItems. 0: 503, or 400 for FailItems; with a body
	// made of an answer (BodyBroken, BodyTruncated, BodyStalled, BodyEndless): 200.
	Status int
	// Body of Answer.
	Body Body
	// ErrorCode and Message of an envelope. For Token and Revoke, Message is the OAuth error.
	ErrorCode int
	Message   string
	// ErrorName of FailItems, as a batch shows it. Empty: Unknown.
	ErrorName string
	// RetryAfter is the header's value as it is; see RetryAfterSeconds and
	// RetryAfterDate. Empty: no header.
	RetryAfter string
	// Location is the header's value, for redirects. Empty: none, or a page of the
	// same server for a status of 3xx.
	Location string
}

// Kind is what the caller of a faulty call gets.
type Kind int

// The kinds. The first ones end a call, the ones from LagLookUps on bend it:
// they do not use Commit, and any number of them may meet one call.
const (
	// Answer is an answer with Status and Body. It is the zero value.
	Answer Kind = iota
	// RefuseConnections shuts the port of the API or, with Token or Revoke among
	// its Operations, of the identity server; open connections are reset. It meets
	// all calls: nothing else of the fault counts.
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
	// IgnoreFilter makes lists ignore $filter.
	IgnoreFilter
	// PartialJobs starts half of the jobs and refuses the call, if it asks for
	// more than one.
	PartialJobs
	// FailItems refuses items, and starts of jobs, with Status, ErrorCode and
	// Message, or with ErrorName in a batch. Match is asked for each item.
	FailItems
	// NullOrdinals makes a batch not tell which items failed.
	NullOrdinals
	// NoFailedItems makes a batch tell nothing but that it failed.
	NoFailedItems
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
