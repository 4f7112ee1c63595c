package veeam

import (
	"net/http"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// getDetails is GET /RuntimeDetails/Plans/{id}.
func (o *Orchestrator) getDetails(c *server.Call, _ session) server.Answer {
	if c.Query != "" {
		return o.message(http.StatusBadRequest, "The request takes no parameters.")
	}
	return o.onePlan(c, (*plan).details)
}

// details are the members of the reference's example, with the values it has where
// it has any. A run's own result is not there before its end.
func (p *plan) details(now time.Time) map[string]any {
	check, run := p.checkResult, p.runResult
	switch {
	case p.running() && p.what == ReadinessCheck:
		check = undefined
	case p.running():
		run = undefined
	}
	return map[string]any{
		"state": p.state, "stateName": p.state.name(), "resultName": p.resultName(),
		"isRunningState": p.running(), "isStableState": !p.busy() && !p.state.initial(),
		"lastStableState": p.resting, "lastStableStateName": p.resting.name(),
		"totalProgress":    p.progress(now),
		"currentRunResult": run, "currentTestResult": undefined, "currentCheckResult": check,
		"planType": p.Type, "planMode": p.mode(), "recoveryLocationId": recoveryLocation, "isUndoPossible": p.refuses(Undo) == "",
		"isEditingByCurrentUser": false, "currentEditingUser": p.editor(), "roles": []any{},
	}
}

const recoveryLocation = "3f6c2d0e-51a8-4f0b-9d3c-6a1b7e9f2c44"

func (p *plan) resultName() string {
	switch {
	case p.running():
		return ""
	case p.runResult != undefined:
		return p.runResult
	case p.checkResult != undefined:
		return p.checkResult
	default:
		return ""
	}
}

func (p *plan) editor() any {
	if p.state == Editing {
		return `LAB\author`
	}
	return nil
}

// onePlan answers with what a plan shows of itself.
func (o *Orchestrator) onePlan(c *server.Call, show func(*plan, time.Time) map[string]any) server.Answer {
	var shown map[string]any
	if !o.library.with(planOf(c.Path), func(p *plan, now time.Time) { shown = show(p, now) }) {
		return o.refusedFor(UnknownPlan)
	}
	return server.JSON(http.StatusOK, shown)
}
