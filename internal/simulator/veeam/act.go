package veeam

import (
	"net/http"
	"strings"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// act is POST /Plans/{id}/{action}. The answer bears no id of what was begun.
func (o *Orchestrator) act(c *server.Call, s session) server.Answer {
	attempt := Attempt{Plan: planOf(c.Path), Action: c.Operation, Body: c.Body, Holder: s.holder}
	if o.role(s) == PlanAuthor {
		o.library.deny(attempt)
		return o.refusedFor(Denied)
	}
	if c.Query != "" {
		return o.message(http.StatusBadRequest, "The request takes no parameters.")
	}
	body, invalid := o.readBody(c, actions[c.Operation].members)
	if invalid != nil {
		return *invalid
	}
	if why := o.library.act(attempt, isTrue(body["executeReadinessCheck"])); why != "" {
		return o.refusedFor(why)
	}
	switch o.settings.Success {
	case NullSuccess:
		return server.JSON(http.StatusOK, nil)
	case WrappedSuccess:
		return server.JSON(http.StatusOK, map[string]any{"success": true, "data": nil})
	default:
		return server.Answer{Status: http.StatusOK}
	}
}

// refusedFor is the answer to an action that is not taken. Of these statuses none
// is documented.
func (o *Orchestrator) refusedFor(why Reason) server.Answer {
	switch why {
	case Busy:
		return o.message(o.settings.BusyStatus, "The plan is in use.")
	case DisabledPlan:
		return o.message(o.settings.DisabledStatus, "The plan is not enabled.")
	case UnknownPlan:
		return o.message(o.settings.UnknownPlanStatus, "There is no such plan.")
	case Denied:
		if o.settings.DeniedStatus == http.StatusUnauthorized {
			return o.unauthorized()
		}
		return o.message(o.settings.DeniedStatus, "The account may not do this.")
	default:
		return o.message(http.StatusBadRequest, "The plan's type or state does not allow this.")
	}
}

// planOf is the plan's id in a path that has one: the part after Plans.
func planOf(path string) string {
	_, rest, _ := strings.Cut(path, "/Plans/")
	id, _, _ := strings.Cut(rest, "/")
	return id
}

// OfPlan matches the calls that name a plan in their path, for Fault.Match.
func OfPlan(id string) func(*server.Call) bool {
	return func(c *server.Call) bool { return strings.EqualFold(planOf(c.Path), id) }
}
