package veeam

import (
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// What people and time do to plans without the API. An id that no plan has is a
// test's own mistake and panics.

// AddPlan adds a plan and gives it back with what was filled in. Names are not
// checked, so that a list can hold the same one twice.
func (o *Orchestrator) AddPlan(p Plan) Plan {
	fill(&p.ID, server.NewID())
	fill(&p.Type, RestorePlan)
	fill(&p.State, NeedsVerification)
	fill(&p.Result, "Success")
	fill(&p.RunFor, o.settings.RunFor)
	o.library.add(newPlan(p, o.settings.TracelessChecks))
	return p
}

// Begin runs a plan as somebody at the product's own screens would, whatever the
// body of the API's call has to be. It reports whether the plan let itself be run;
// if not, it is no Attempt.
func (o *Orchestrator) Begin(id string, action server.Operation) bool {
	o.must(id, func(*plan, time.Time) {})
	return o.library.byHand(id, action) == ""
}

// Finish ends what a plan runs as it would have ended by itself. A plan that does
// not run stays as it is.
func (o *Orchestrator) Finish(id string) {
	o.must(id, func(p *plan, now time.Time) {
		if p.running() {
			p.finish(now)
		}
	})
}

// SetState puts a plan into a state. What it runs is interrupted.
func (o *Orchestrator) SetState(id string, state State) {
	o.must(id, func(p *plan, now time.Time) {
		if p.running() {
			p.end(now, Interrupted, p.resting)
		}
		p.rest(state)
	})
}

// SetDisabled changes whether a plan can be run. What it runs goes on.
func (o *Orchestrator) SetDisabled(id string, disabled bool) {
	o.must(id, func(p *plan, _ time.Time) { p.Disabled = disabled })
}

// State is the state a plan is in.
func (o *Orchestrator) State(id string) (state State) {
	o.must(id, func(p *plan, _ time.Time) { state = p.state })
	return state
}

// Restart is a restart of the server's machine: runs are interrupted, and the
// runtime details are as of plans that never ran (REST API reference,
// RuntimeDetails), in the state that each was in before its run. So nothing tells
// that there was one. Tokens go on working; see RevokeTokens.
func (o *Orchestrator) Restart() {
	o.library.each(func(p *plan, now time.Time) {
		if p.running() {
			p.end(now, Interrupted, p.resting)
		}
		p.rest(p.resting)
		p.checkResult, p.runResult, p.halted = undefined, undefined, ""
	})
}

func (o *Orchestrator) must(id string, do func(p *plan, now time.Time)) {
	if !o.library.with(id, do) {
		panic("veeam simulator: no plan " + id)
	}
}
