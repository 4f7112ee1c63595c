package setup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/veeam"
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
	o, ok := veeam.New(veeam.Settings{}).Check(mildestForPlan(r))
	if ok {
		return
	}
	field, _, _ := strings.Cut(o.Detail, ":")
	refuse(settingOf(r, field), "no request of this route could be valid: %s", o.Detail)
}

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
