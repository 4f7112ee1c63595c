package request

import (
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
)

const (
	// actionOption is the option that says what to do with a recovery plan.
	actionOption = "action"
	// readinessCheck is the one action that moves nothing, and the default
	// (Veeam Recovery Orchestrator REST API reference, Plans).
	readinessCheck = "ReadinessCheck"
)

// planned tells whether a message may name this plan for anything at all.
func (d *Decoder) planned(process string) bool {
	return slices.ContainsFunc(d.allow.Plans, func(p Plan) bool { return d.isPlan(p, process) })
}

func (d *Decoder) isPlan(p Plan, process string) bool {
	return p.Plan == anything || d.same(p.Plan, process) || isUUID(p.Plan) && strings.EqualFold(p.Plan, process)
}

// Permits tells whether the entry opens the action. A plan that is not named
// is never opened for more than a readiness check.
func (p Plan) Permits(action string) bool {
	if p.Plan == anything || len(p.Actions) == 0 {
		return action == readinessCheck
	}
	return slices.Contains(p.Actions, action)
}

// boundPlan checks the pair of plan and action. It must be listed, or be wholly
// the route's own; ownPlan tells that the plan is. What is listed brings its
// other options along.
func (d *Decoder) boundPlan(req *job.Request, ownPlan bool) *job.Outcome {
	action, ownAction, stop := d.planAction(req.Options)
	if stop != nil {
		return stop
	}
	if slices.ContainsFunc(d.allow.Plans, func(p Plan) bool { return d.isPlan(p, req.Process) && p.Permits(action) }) {
		return d.boundOptions(req, func(string) bool { return true })
	}
	if ownPlan && ownAction {
		return d.boundOptions(req, func(key string) bool { return key == actionOption })
	}
	return notAllowed("options.action: the route does not allow %s for this plan", quote(action))
}

// planAction is the action that will be asked for; own tells that it is the
// route's, or the harmless one.
func (d *Decoder) planAction(given job.Fields) (action string, own bool, stop *job.Outcome) {
	preset, isSet := d.options[actionOption]
	v, isGiven := given[actionOption]
	if _, fixed := d.fixed.Options[actionOption]; fixed || !isGiven {
		v = preset
	}
	if v == nil {
		return readinessCheck, true, nil
	}
	if len(v) == 0 || v[0] != '"' {
		return "", false, invalid("options.action: must be a string")
	}
	action = string(unquote(v))
	return action, action == readinessCheck || isSet && sameJSON(v, preset), nil
}

// isUUID reports whether s is a UUID in its usual form of 36 characters.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		wanted := "0123456789abcdefABCDEF"
		if i == 8 || i == 13 || i == 18 || i == 23 {
			wanted = "-"
		}
		if strings.IndexByte(wanted, c) < 0 {
			return false
		}
	}
	return true
}
