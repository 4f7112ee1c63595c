// Package orchestrator leads requests to a product's API: the interface that a
// product's connector fulfils, the gate that decides when calls may be made,
// and the HTTP plumbing that connectors share. It knows no JetStream message
// and never decides what becomes of one.
package orchestrator

import (
	"context"
	"time"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/job"
)

// Connector speaks one product's API for one connection. It is safe for
// concurrent use.
type Connector interface {
	// Check makes the checks that need no call. It reports false with a
	// Rejected outcome whose detail names the field and why.
	Check(*job.Request) (job.Outcome, bool)
	// Claims reports whether the product has no device of its own against a
	// request that is made twice at once, so that whoever submits it must have
	// claimed it before.
	Claims(*job.Request) bool
	// Submit makes one try of a request and says what became of it. It makes
	// at most one call that acts, and never sleeps.
	Submit(context.Context, Try) Result
	// Probe makes a harmless authenticated call that tells whether the
	// orchestrator is well; action says which permissions the route has.
	Probe(context.Context, job.Action) Result
}

// Inspector is what a connector has besides where it can look, by reads alone,
// whether what the routes name is there and allowed.
type Inspector interface {
	// Inspect looks at each thing that is wanted, and at what they share: the
	// address, and what the account may do. It changes nothing at the
	// orchestrator and ends with ctx. What they share comes first, with an empty
	// Subject, for the connection's name is not known here; the rest follows in
	// the order of wanted, under "route NAME".
	Inspect(ctx context.Context, wanted []Wanted) []finding.Finding
}

// Wanted is one thing that a route may ask for. A field is empty where each
// message chooses it.
type Wanted struct {
	Route  string
	Action job.Action // empty: either
	Folder string
	Queue  string
	// Process is the process, bot or plan.
	Process string
	// PlanAction is what a plan may be asked to do; empty where there are no plans.
	PlanAction string
	// OwnFolder and OwnName tell that the route itself sets the folder, and the
	// queue or process: then it must be there. What a message may choose may be
	// chosen by none; a name that is allowed in several folders should be in one of
	// them.
	OwnFolder, OwnName bool
	// ReferenceColumn is the field of an item's content that bears its reference;
	// empty: none.
	ReferenceColumn string
	// Options are those that the route sets itself.
	Options job.Fields
}

// Own tells that the route itself sets all of it.
func (w Wanted) Own() bool { return w.OwnFolder && w.OwnName }

// Try is one try of a request.
type Try struct {
	Request *job.Request
	// Again tells that an earlier try may have been carried out.
	Again bool
	// FirstTry is when the first call for this request began; zero if this is it.
	FirstTry time.Time
	// Skew is by how much FirstTry may be off, because another machine's clock
	// showed it; 0: this one's did.
	Skew time.Duration
	// UnknownSince is when the last call ended that may have been carried out;
	// zero unless Again.
	UnknownSince time.Time
	// Before is what the connector noted before an earlier call of the request,
	// perhaps in another worker; empty: nothing is known.
	Before string
	// Resend allows sending again what may have been carried out, where nobody
	// can tell.
	Resend bool
	// AcceptDuplicate takes an item under our unique reference for ours,
	// whoever made it.
	AcceptDuplicate bool
	// Batch says whether the try may share its call with others.
	Batch Batch

	// Held, if set, is called once if the try has to wait for the gate.
	Held func()
	// Begin, if set, is called when the try's turn has come, right before the
	// call, and may complete the try by what it finds out. No call is made if it
	// reports false.
	Begin func(context.Context, *Try) bool
	// Still, if set, tells whether the request is still ours to carry out. It is
	// asked right before the call that acts, which look-ups may have put off.
	Still func() bool
	// Note, if set, keeps a text for whoever makes the next try of the request,
	// who finds it in Before. It reports false if the text could not be kept. Only
	// who has claimed the request has it; nil: nothing is kept.
	Note func(ctx context.Context, text string) bool
}

// Lost reports whether the request may be someone else's by now; then r is what
// to return instead of making the call that acts.
func (t Try) Lost() (r Result, lost bool) {
	if t.Still == nil || t.Still() {
		return Result{}, false
	}
	return unavailable(job.LeaseLost, Untold, ""), true
}

// Noted keeps what must be known of the time before a call, and reports false
// if it could not be kept; then r is what to return instead of making the call.
func (t Try) Noted(ctx context.Context, text string) (r Result, kept bool) {
	if t.Note == nil || t.Note(ctx, text) {
		return Result{}, true
	}
	if r, lost := t.Lost(); lost {
		return r, false
	}
	return unavailable(job.LedgerFailed, Untold, ""), false
}

// Health is what a call's result tells of the orchestrator, whatever it means
// for the request. The zero value tells nothing.
type Health int

// The healths.
const (
	Untold    Health = iota
	Well             // it answered as its API promises, be it with a refusal
	Ill              // it failed, or did not answer
	Throttled        // it asks for fewer calls
	Refused          // it, or its identity server, refuses our credentials
)

// Result is an outcome, and what it tells of the orchestrator.
type Result struct {
	job.Outcome
	Health Health
	// RetryAfter is how long the orchestrator asked everyone to wait, clamped;
	// 0 where it did not.
	RetryAfter time.Duration
	// BreakerClosed tells that the circuit stayed closed from before the call
	// until after it. Set by the connection.
	BreakerClosed bool
	// Began and Took time the call; zero if none was made. Set by the connection.
	Began time.Time
	Took  time.Duration
	// Batch is how many requests went in the same call, if more than one. Set by
	// the connection.
	Batch int
	// Singly tells that the call for several was refused as a whole, or says too
	// little of this request: it was certainly not carried out, and is to be tried
	// again at once, in a call of its own.
	Singly bool
}
