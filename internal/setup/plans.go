package setup

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/veeam"
	"github.com/queueferry/queueferry/internal/request"
)

// checkPlans refuses what no request for a plan can have, and actions that no
// plan has.
func checkPlans(r config.Route, refuse func(key, format string, args ...any)) {
	for i, p := range r.Allow.Plans {
		for j, action := range p.Actions {
			if action != "" && !slices.Contains(veeam.Actions(), action) {
				refuse(fmt.Sprintf("allow.plans[%d].actions[%d]", i, j), "is not an action of a plan; there are %s", strings.Join(veeam.Actions(), ", "))
			}
		}
	}
	o, ok := checkPlan(mildestForPlan(r))
	switch {
	case ok && !reachable(r):
		refuse("allow.plans", "no request of this route could be valid: none of them may do what fixed.options.action says")
	case !ok && !otherwise(r):
		field, _, _ := strings.Cut(o.Detail, ":")
		refuse(settingOf(r, field), "no request of this route could be valid: %s", o.Detail)
	}
}

func checkPlan(r *job.Request) (job.Outcome, bool) { return veeam.New(veeam.Settings{}).Check(r) }

// otherwise reports whether a message that names another action than the route
// does, of those that it may, could be valid.
func otherwise(r config.Route) bool {
	if r.Fixed.Options[actionOption] != nil {
		return false
	}
	for _, p := range r.Allow.Plans {
		for _, action := range p.Actions {
			req := mildestForPlan(r)
			req.Options = merged(job.Fields{actionOption: []byte(`"` + action + `"`)}, req.Options)
			if _, ok := checkPlan(req); ok {
				return true
			}
		}
	}
	return false
}

// reachable reports whether there is a plan for the action that the route fixes,
// if it does: one of the route's own, or one of those that a message may name.
func reachable(r config.Route) bool {
	var action string
	if json.Unmarshal(r.Fixed.Options[actionOption], &action) != nil || r.Fixed.Process != "" || r.Defaults.Process != "" {
		return true
	}
	return slices.ContainsFunc(r.Allow.Plans, func(p request.Plan) bool {
		return p.Permits(action)
	})
}

// actionOption is the option that says what to do with a plan.
const actionOption = "action"

// mildestForPlan is a request that has nothing of its own: a message may replace
// a default, and cannot remove it.
func mildestForPlan(r config.Route) *job.Request {
	const some = "x"
	return &job.Request{
		ID: some, Reference: some, Action: job.StartJob, Process: cmp.Or(r.Fixed.Process, some),
		Priority:  cmp.Or(r.Fixed.Priority, r.Defaults.Priority),
		Arguments: merged(r.Fixed.Arguments, r.Defaults.Arguments), Options: Options(r),
	}
}

// settingOf is the setting of the route from which a field of its requests comes.
func settingOf(r config.Route, field string) string {
	name, option, _ := strings.Cut(field, ".")
	fixed := map[string]bool{"process": true, "priority": r.Fixed.Priority != "", "arguments": len(r.Fixed.Arguments) > 0}[name]
	if name == "options" {
		_, fixed = r.Fixed.Options[option]
	}
	if fixed {
		return "fixed." + name
	}
	return "defaults." + name
}
