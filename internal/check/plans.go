package check

import (
	"encoding/json"
	"slices"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/request"
)

// harmless is the one action that a plan does unless another one is named.
const harmless = "ReadinessCheck"

// plans is what a route wants of recovery plans: each plan that it names, with
// each action that a request may have it do.
func plans(r config.Route) (all []orchestrator.Wanted) {
	add := func(plan, action string, own bool) {
		if !slices.ContainsFunc(all, func(w orchestrator.Wanted) bool { return w.Process == plan && w.PlanAction == action }) {
			all = append(all, orchestrator.Wanted{Route: r.Name, Action: job.StartJob, Process: plan, PlanAction: action, OwnName: own})
		}
	}
	own := choiceOf(r.Fixed.Process, r.Defaults.Process, nil).own
	if own != "" {
		add(own, ownPlanAction(r), true)
	}
	_, fixed := r.Fixed.Options["action"]
	for _, p := range r.Allow.Plans {
		actions := p.Actions
		if len(actions) == 0 || p.Plan == anything {
			actions = []string{harmless}
		}
		if p.Plan == anything && own == "" || r.Fixed.Process != "" && p.Plan != anything && p.Plan != own {
			continue // nothing that is known, or nothing that a message can ask for
		}
		for _, action := range actions {
			if fixed && action != ownPlanAction(r) {
				continue
			}
			if p.Plan == anything {
				add(own, action, true)
				continue
			}
			add(p.Plan, action, p.Plan == own)
		}
	}
	return all
}

// hasPlans tells whether the connection's product runs plans.
func hasPlans(cfg *config.Config, connection string) bool {
	return slices.ContainsFunc(cfg.Connections, func(c config.Connection) bool { return c.Name == connection && c.Product == config.Veeam })
}

// ownPlanAction is what is done with a plan where the message does not say.
func ownPlanAction(r config.Route) string {
	for _, options := range []job.Fields{r.Fixed.Options, r.Defaults.Options} {
		var action string
		if given, ok := options["action"]; ok && json.Unmarshal(given, &action) == nil {
			return action
		}
	}
	return harmless
}

// anyPlan says that a message may name any plan.
func anyPlan(r config.Route) (finding.Finding, bool) {
	open := slices.ContainsFunc(r.Allow.Plans, func(p request.Plan) bool { return p.Plan == anything })
	if !open || r.Fixed.Process != "" {
		return finding.Finding{}, false
	}
	return finding.Bad(finding.Unknown, "route "+r.Name, "allow", "any plan that a message names is allowed a "+harmless+", so it cannot be looked at",
		"List the plans that publishers may name under allow.plans, if they are known."), true
}
