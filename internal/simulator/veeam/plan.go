package veeam

import (
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// Plan is a recovery plan.
type Plan struct {
	ID   string // a UUID
	Name string
	Type string // RestorePlan, ReplicaPlan, StoragePlan or CloudPlan
	// Disabled plans cannot be run.
	Disabled bool
	// State it is in at first. Empty: NeedsVerification.
	State State
	// RunFor is how long a run takes; negative: until Finish. 0: Settings.RunFor.
	RunFor time.Duration
	// Ends is the state a run ends in, by action. Missing: what fits the action.
	Ends map[server.Operation]State
	// Result of every run: Success, Warning or Failed. Empty: Success. A readiness
	// check that failed ends in NotVerified unless Ends says otherwise.
	Result string
}

const (
	undefined = "Undefined" // a result that is not there
	failed    = "Failed"
)

// plan is a plan at work. The library's lock guards it.
type plan struct {
	Plan
	traceless   bool // a check leaves nothing behind
	state       State
	resting     State  // the latest state that was not active
	checkResult string // of the latest readiness check
	runResult   string // of the latest run of another kind

	run    *Run             // nil: it does not run
	what   server.Operation // what it runs: a reset may run a check
	until  time.Time        // zero: until Finish
	halted server.Operation // what Continue goes on with
}

func newPlan(p Plan, traceless bool) *plan {
	return &plan{Plan: p, traceless: traceless, state: p.State, resting: p.State, checkResult: undefined, runResult: undefined}
}

func (p *plan) is(id string) bool { return strings.EqualFold(p.ID, id) }

// running reports whether an action is being carried out.
func (p *plan) running() bool { return p.run != nil }

// busy reports whether it cannot be acted upon now.
func (p *plan) busy() bool { return p.running() || p.state.taken() }

func (p *plan) mode() string {
	switch {
	case p.Disabled:
		return "Disabled"
	case p.busy():
		return "InUse"
	default:
		return "Enabled"
	}
}

// begin lets a run be the one that the plan is at.
func (p *plan) begin(run *Run, what server.Operation) {
	run.Ended, run.End = time.Time{}, Running
	p.run, p.what, p.state = run, what, actions[what].during
	p.until = time.Time{}
	if p.RunFor >= 0 {
		p.until = run.Began.Add(p.RunFor)
	}
}

// settle ends a run whose time is over.
func (p *plan) settle(now time.Time) {
	if p.running() && !p.until.IsZero() && !now.Before(p.until) {
		p.finish(p.until)
	}
}

// finish ends the run as it would have ended by itself.
func (p *plan) finish(at time.Time) {
	check := p.what == ReadinessCheck
	if check && p.traceless {
		p.end(at, Finished, p.resting)
		return
	}
	result := &p.runResult
	if check {
		result = &p.checkResult
	}
	*result = p.Result
	after := actions[p.what].after
	if check && p.Result == failed {
		after = NotVerified
	}
	if wanted, ok := p.Ends[p.what]; ok {
		after = wanted
	}
	p.end(at, Finished, after)
}

// end closes the run's entry in the books and puts the plan to rest.
func (p *plan) end(at time.Time, how End, after State) {
	p.run.Ended, p.run.End = at, how
	p.run = nil
	p.rest(after)
}

func (p *plan) halt(at time.Time) {
	p.halted = p.what
	p.end(at, Stopped, Halted)
}

// rest puts the plan into a state. An active one is not kept as where it rests.
func (p *plan) rest(state State) {
	p.state = state
	if !state.taken() {
		p.resting = state
	}
}

// reset makes it as it was before it was ever run, and disables it (REST API
// reference, Reset Plan State).
func (p *plan) reset() {
	p.Disabled = true
	p.checkResult, p.runResult, p.halted = undefined, undefined, ""
	p.rest(NeedsVerification)
}

// resumes is what Continue carries on with.
func (p *plan) resumes() server.Operation {
	switch {
	case p.halted != "":
		return p.halted
	case p.Type == RestorePlan || p.Type == CloudPlan:
		return Restore
	default:
		return Failover
	}
}

// progress of the run in percent; 100 only after it.
func (p *plan) progress(now time.Time) int {
	switch {
	case !p.running() && p.checkResult == undefined && p.runResult == undefined:
		return 0
	case !p.running():
		return 100
	case p.until.IsZero():
		return 50
	}
	whole := max(1, p.until.Sub(p.run.Began))
	return int(min(99, 100*now.Sub(p.run.Began)/whole))
}

// refuses gives why an action is not taken now, "" if it is. A disabled plan can
// still be enabled and reset.
func (p *plan) refuses(name server.Operation) Reason {
	a := actions[name]
	switch {
	case name == Halt && !p.running():
		return Unfit
	case name == Halt:
		return ""
	case p.busy():
		return Busy
	case p.Disabled && name != Enable && name != Disable && name != ResetState:
		return DisabledPlan
	case !a.fits(p.Type, p.state):
		return Unfit
	default:
		return ""
	}
}
