package job

import "time"

// Verdict says what became of a request. The zero value is the cautious one.
type Verdict int

// The verdicts. What the consumer does with each is decided by retry.Policy alone.
const (
	// Unknown: the request may have been carried out.
	Unknown Verdict = iota
	// Delivered: the orchestrator confirmed the effect.
	Delivered
	// Duplicate: the orchestrator had it already.
	Duplicate
	// Dropped: the route's transform said that there is nothing to do.
	Dropped
	// Rejected: the request can never work as it is.
	Rejected
	// Busy: the product says not now.
	Busy
	// Deferred: this request failed this time; the orchestrator is otherwise well.
	Deferred
	// Unavailable: the orchestrator or the account is at fault, and the request
	// was certainly not carried out.
	Unavailable
)

// Verdicts lists every verdict, for metrics and exhaustive tests.
var Verdicts = []Verdict{Unknown, Delivered, Duplicate, Dropped, Rejected, Busy, Deferred, Unavailable}

var verdictNames = [...]string{"unknown", "delivered", "duplicate", "dropped", "rejected", "busy", "deferred", "unavailable"}

// String is the name used in logs and metric labels.
func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdictNames) {
		return "invalid"
	}
	return verdictNames[v]
}

// Reason names why: a dead-letter reason, or why a gate is shut. Empty where
// the verdict says it all.
type Reason string

// The reasons that a dead letter bears.
const (
	Undecodable       Reason = "undecodable"
	TooLarge          Reason = "too_large"
	InvalidRequest    Reason = "invalid_request"
	UnsupportedAction Reason = "unsupported_action"
	NotAllowed        Reason = "not_allowed"
	TransformFailed   Reason = "transform_failed"
	RejectedByTarget  Reason = "rejected"
	NotFound          Reason = "not_found"
	Forbidden         Reason = "forbidden"
	AttemptsExhausted Reason = "attempts_exhausted"
	BusyTooLong       Reason = "busy_too_long"
	UnknownOutcome    Reason = "unknown_outcome"
	ReferenceConflict Reason = "reference_conflict"
	IDConflict        Reason = "id_conflict"
	Panicked          Reason = "panic"
)

// DeadLetterReasons is the closed list of reasons in a dead letter.
var DeadLetterReasons = []Reason{
	Undecodable, TooLarge, InvalidRequest, UnsupportedAction, NotAllowed, TransformFailed, RejectedByTarget,
	NotFound, Forbidden, AttemptsExhausted, BusyTooLong, UnknownOutcome, ReferenceConflict, IDConflict, Panicked,
}

// The reasons why a call was not made or not carried out: a gate shuts with
// one of them, and an Unavailable or Unknown outcome bears one.
const (
	CredentialsRefused  Reason = "credentials_refused"  // the identity server refuses the credential
	IdentityUnavailable Reason = "identity_unavailable" // the identity server does not answer as it should
	TokenRefused        Reason = "token_refused"        // the API refuses a token that is fresh
	SessionTaken        Reason = "session_taken"        // another log-in of the same account ends our sessions
	Throttled           Reason = "throttled"            // 429
	ServiceUnavailable  Reason = "service_unavailable"  // 5xx
	BreakerOpen         Reason = "breaker_open"         // too many failures one after the other
	ConnectionFailed    Reason = "connection_failed"    // nothing was sent
	ConnectionLost      Reason = "connection_lost"      // the request was written, the answer never came
	TimedOut            Reason = "timed_out"            // as ConnectionLost, by our own time-out
	Stopping            Reason = "stopping"             // the worker drains
	LeaseLost           Reason = "lease_lost"           // the server may have given the message to another worker
	LedgerFailed        Reason = "ledger_failed"        // what must be noted before a call could not be
	UnexpectedAnswer    Reason = "unexpected_answer"    // not what the API promises: a proxy's page, broken JSON, a redirect
	Settling            Reason = "settling"             // an earlier try may still take effect: too early to look it up
	LookUpsLimited      Reason = "look_ups_limited"     // the budget of look-ups is spent, or the API asked for fewer
	Claimed             Reason = "claimed"              // another delivery has the same request in hand
	RejectGuard         Reason = "reject_guard"         // most of the route's last answers were refusals
)

// Receipt is what the orchestrator gave back. Both fields may be empty, as in
// the answer to a batch.
type Receipt struct {
	ID  string // the product's number, in decimal
	Key string // the product's GUID, where it has one
}

// String is the id, or the key where there is no id.
func (r Receipt) String() string {
	if r.ID != "" {
		return r.ID
	}
	return r.Key
}

// Outcome is what became of one try of a request. The zero value means that
// nothing is known.
type Outcome struct {
	Verdict Verdict
	Reason  Reason
	// Detail is a sentence for a person: what, where, and what to do. It never
	// holds a secret, a token or the request's content.
	Detail string
	// Status is the HTTP status, 0 where no answer came.
	Status int
	// ErrorCode is the product's own code or name for the error, if any.
	ErrorCode string
	Receipt   Receipt
	// Wait is when to try again, counted from now; only of an Unavailable whose
	// end is known and which concerns this request alone. 0: hold it.
	Wait time.Duration
	// Called tells that a call that acts was begun: without one no time is
	// noted as first try.
	Called bool
}

// Settled reports whether the outcome is final and good: the message may go.
func (o Outcome) Settled() bool {
	return o.Verdict == Delivered || o.Verdict == Duplicate || o.Verdict == Dropped
}

// Reject is the outcome of a request that can never work as it is.
func Reject(reason Reason, detail string) Outcome {
	return Outcome{Verdict: Rejected, Reason: reason, Detail: detail}
}
