package veeam

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
	"github.com/queueferry/queueferry/internal/remedy"
)

var _ orchestrator.Inspector = (*Connector)(nil)

// maxInspected bounds the plans whose state is read in an inspection.
const maxInspected = 100

// versions is what is known of the versions of the API (REST API references 7.2.1,
// 13 and 13.1, Overview).
const versions = "Set api_version of the connection to one that the server serves: 7.2.1 has v7.1, v7.2 and v7.21; 13 has v7.2, v7.21 and v13; 13.1 has v7.21, v13 and v13.1. " +
	"If it does serve it, see to the connection's url."

// Inspect looks at what the routes name, with GETs alone: that the product answers
// in the version of its API, that each plan is there, is enabled and can be looked
// at, and what may be done with it. Every list is read once.
func (c *Connector) Inspect(ctx context.Context, wanted []orchestrator.Wanted) []finding.Finding {
	began := time.Now()
	r := c.Probe(ctx, "")
	if r.Health != orchestrator.Well {
		cure := remedy.OfHold(r.Reason)
		if r.Status == http.StatusNotFound || r.Status == http.StatusMethodNotAllowed {
			cure = versions
		}
		return unseen(finding.Bad(finding.Error, "", "orchestrator", detailOf(ctx, r), cure), wanted)
	}
	shared := []finding.Finding{finding.Good("", "orchestrator", fmt.Sprintf("Veeam Recovery Orchestrator answers in version %s of its API, after %d ms",
		c.APIVersion, time.Since(began).Milliseconds()))}
	if len(wanted) == 0 {
		return shared
	}
	i := inspection{c: c}
	if failed := i.readLists(ctx); failed != nil {
		return append(shared, unseen(finding.Bad(finding.Error, "", "plans", detailOf(ctx, *failed), remedy.OfHold(failed.Reason)), wanted)...)
	}
	shared = append(shared, finding.Bad(finding.Unknown, "", "permissions", "whether the account may run plans shows only when it does",
		"See in Recovery Orchestrator that its role is Administrator or Plan Operator in the plans' scopes: a Plan Author may not run plans."))
	var found []finding.Finding
	for _, group := range byPlan(wanted) {
		found = append(found, i.plan(ctx, group[0]), doings(group))
	}
	if i.leftOut > 0 {
		shared = append(shared, finding.Bad(finding.Unknown, "", "routes", fmt.Sprintf("the state of %d plans was not read: a check reads no more than %d", i.leftOut, maxInspected),
			"See in Recovery Orchestrator that the account sees them."))
	}
	return append(shared, found...)
}

// unseen says that nothing was looked at, if there was anything to look at.
func unseen(why finding.Finding, wanted []orchestrator.Wanted) []finding.Finding {
	if len(wanted) == 0 {
		return []finding.Finding{why}
	}
	return []finding.Finding{why, finding.Bad(finding.Unknown, "", "routes", "the plans of the routes were not looked at", "Cure what is above, and check again.")}
}

// byPlan puts together what a route wants of one plan, in the order of wanted.
func byPlan(wanted []orchestrator.Wanted) (groups [][]orchestrator.Wanted) {
	type plan struct{ route, process string }
	at := map[plan]int{}
	for _, w := range wanted {
		key := plan{w.Route, w.Process}
		n, ok := at[key]
		if !ok {
			n = len(groups)
			at[key] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], w)
	}
	return groups
}

// doings says what may be done with a plan.
func doings(group []orchestrator.Wanted) finding.Finding {
	var all, moving []string
	for _, w := range group {
		if slices.Contains(all, w.PlanAction) {
			continue
		}
		all = append(all, w.PlanAction)
		if w.PlanAction != readinessCheck {
			moving = append(moving, w.PlanAction)
		}
	}
	subject, name := "route "+group[0].Route, values.Quoted(group[0].Process)
	if len(moving) == 0 {
		return finding.Good(subject, "actions", "a message can have "+name+" do "+readinessCheck+" alone, which moves nothing")
	}
	return finding.Bad(finding.Warning, subject, "actions", "a message can have "+name+" do "+strings.Join(moving, ", ")+
		": that can move production, and nobody is asked again",
		"If it is meant, see that only who may do so can publish to the route's subjects; else take it out of the route's allow.plans or options.")
}

// inspection looks at plans. It is for one goroutine.
type inspection struct {
	c        *Connector
	rows     []planRow
	whole    bool // rows are all plans
	enabled  []planRow
	modes    bool // enabled are all that are enabled
	read     int  // states
	leftOut  int
	readable map[string]finding.Finding // by id
}

func (i *inspection) readLists(ctx context.Context) (failed *orchestrator.Result) {
	if i.rows, i.whole, failed = i.c.allPlans(ctx); failed != nil {
		return failed
	}
	i.enabled, i.modes, failed = i.c.readPlans(ctx, "&onlyEnabled=true")
	i.modes = i.modes && failed == nil
	return nil
}

// plan says how the plan is that is wanted.
func (i *inspection) plan(ctx context.Context, w orchestrator.Wanted) finding.Finding {
	const check = "plan"
	subject, name := "route "+w.Route, values.Quoted(w.Process)
	bad, allowed := finding.Error, ""
	if !w.OwnName {
		bad, allowed = finding.Warning, "; a message may name it (allow), and is set aside then"
	}
	ids := i.ids(w.Process)
	switch {
	case len(ids) == 0 && !i.whole:
		return finding.Bad(finding.Unknown, subject, check, "the list of plans could not be read to its end, and "+name+" was not in what was read",
			"Name the plan by its UUID.")
	case len(ids) == 0:
		return finding.Bad(bad, subject, check, "there is no plan "+name+", or the account may not see it"+allowed,
			"Correct its name in the route, letter by letter, or give the account's role the plan's scope.")
	case len(ids) > 1:
		return finding.Bad(bad, subject, check, fmt.Sprintf("there are %d plans of the name %s%s", len(ids), name, allowed), "Name it by its UUID.")
	case !i.whole && !values.IsGUID(w.Process):
		return finding.Bad(bad, subject, check, "the list of plans could not be read to its end, so that "+name+" may be the name of several"+allowed, "Name it by its UUID.")
	case i.modes && !find(i.enabled, ids[0]):
		return finding.Bad(finding.Warning, subject, check, name+" is not enabled, or in use at this moment: the product refuses to run it then",
			"Enable the plan in Recovery Orchestrator.")
	}
	return i.state(ctx, subject, name, ids[0])
}

// ids are those of the plans that a name or a UUID stands for.
func (i *inspection) ids(process string) (ids []string) {
	for _, r := range i.rows {
		same := string(r.Name) == process
		if values.IsGUID(process) {
			same = strings.EqualFold(r.id(), process)
		}
		if same && r.id() != "" && !slices.Contains(ids, r.id()) {
			ids = append(ids, r.id())
		}
	}
	return ids
}

// state says whether the plan's state can be read, without which nothing is done
// with it.
func (i *inspection) state(ctx context.Context, subject, name, id string) finding.Finding {
	f, ok := i.readable[id]
	if !ok {
		f = i.readState(ctx, id)
		if i.readable == nil {
			i.readable = map[string]finding.Finding{}
		}
		i.readable[id] = f
	}
	f.Subject, f.Detail = subject, name+f.Detail
	return f
}

func (i *inspection) readState(ctx context.Context, id string) finding.Finding {
	if i.read++; i.read > maxInspected {
		i.leftOut++
		return finding.Good("", "plan", " is there, with the id "+id)
	}
	_, none := i.c.state(ctx, id)
	if none != nil {
		return finding.Bad(finding.Unknown, "", "plan", " is there, and could not be looked at: "+detailOf(ctx, *none), remedy.OfHold(none.Reason))
	}
	return finding.Good("", "plan", " is there, with the id "+id+", and can be looked at")
}

// detailOf says why there is no answer to judge.
func detailOf(ctx context.Context, r orchestrator.Result) string {
	if ctx.Err() != nil {
		return "no answer in the time that a check has"
	}
	return r.Detail
}
