package veeam

import (
	"slices"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// Run is an action that was carried out, whatever the caller was told of it.
type Run struct {
	Plan   string // its id
	Action server.Operation
	Body   []byte // as it came
	Holder string // the user's name in lower case or the client's id; empty: by hand, see Orchestrator.Begin
	Began  time.Time
	Ended  time.Time // zero while it runs; Began for an action that is over at once
	End    End
}

// End is how a run ended.
type End string

// The ends.
const (
	Running     End = ""            // not yet
	Finished    End = "finished"    // by itself, or by Orchestrator.Finish
	Stopped     End = "halted"      // by Halt
	Interrupted End = "interrupted" // by Orchestrator.Restart
)

// Attempt is an action that was asked for with a good token, path and body, and
// refused.
type Attempt struct {
	Plan   string // its id, as it was asked for
	Action server.Operation
	Body   []byte
	Holder string
	Time   time.Time
	Why    Reason
}

// Reason is why an action was refused.
type Reason string

// The reasons.
const (
	// Busy is a plan that runs, or that somebody else has: the attempt to run a plan
	// twice at once.
	Busy         Reason = "busy"
	DisabledPlan Reason = "disabled"
	// Unfit is an action that the plan's type or state does not allow.
	Unfit       Reason = "unfit"
	UnknownPlan Reason = "unknown plan"
	// Denied is an account that may not run plans. The body has not been read then.
	Denied Reason = "denied"
)

// Runs are the actions that were carried out, oldest first: those of one plan, by
// its id, or of all if the id is empty. Two runs of one plan never overlap. Bodies
// must not be changed.
func (o *Orchestrator) Runs(id string) []Run {
	l := &o.library
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settle()
	var runs []Run
	for _, run := range l.runs {
		if id == "" || strings.EqualFold(run.Plan, id) {
			runs = append(runs, *run)
		}
	}
	return runs
}

// Attempts are the refused ones, oldest first. At most 1,000 are kept. Bodies must
// not be changed.
func (o *Orchestrator) Attempts() []Attempt {
	o.library.mu.Lock()
	defer o.library.mu.Unlock()
	return slices.Clone(o.library.attempts)
}

// Refused is how many attempts were refused for a reason, also those beyond what
// Attempts holds.
func (o *Orchestrator) Refused(why Reason) int {
	o.library.mu.Lock()
	defer o.library.mu.Unlock()
	return o.library.refused[why]
}
