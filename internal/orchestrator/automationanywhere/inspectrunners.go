package automationanywhere

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
	"github.com/queueferry/queueferry/internal/remedy"
)

// runner is one kind of what bots run as, or on: the option with its ids, and the
// list that shows them (Control Room APIs, Devices).
type runner struct {
	check, option, operation, path string
	are                            string // what the ids should be those of
}

var runners = []runner{
	{"run-as users", runAsUserIDs, "ListRunAsUsers", "/v1/devices/runasusers/list", "users registered as unattended bot runners"},
	{"device pools", poolIDs, "ListPools", "/v2/devices/pools/list", "device pools of which the account is an owner or a consumer"},
	{"devices", deviceIDs, "ListDevices", "/v2/devices/list", "devices of bot runners"},
}

// runnerList is what the Control Room shows of one kind.
type runnerList struct {
	ids   []string
	whole bool
	none  *orchestrator.Result // there is no list
}

// runAs says whether what the route has its bots run as, or on, is there.
func (i *inspection) runAs(ctx context.Context, subject string, w orchestrator.Wanted) {
	for _, kind := range runners {
		if named := runnersOf(w.Options, kind.option); len(named) > 0 && i.why == "" {
			i.runners(ctx, subject, kind, named)
		}
	}
}

func (i *inspection) runners(ctx context.Context, subject string, kind runner, named []string) {
	list, asked := i.lists[kind.option]
	if !asked {
		list = i.c.listRunners(ctx, kind)
		i.lists[kind.option] = list
	}
	what := "the list of " + kind.check
	switch {
	case list.none != nil && i.stops(ctx, subject, kind.check, what, *list.none):
		return
	case list.none != nil:
		i.add(finding.Bad(finding.Unknown, subject, kind.check, what+" cannot be read: "+list.none.Detail, remedy.OfHold(job.Forbidden)))
		return
	}
	missing := slices.DeleteFunc(named, func(id string) bool { return slices.Contains(list.ids, id) })
	switch {
	case len(missing) == 0:
		i.add(finding.Good(subject, kind.check, "all that the route names are there"))
	case !list.whole:
		i.add(finding.Bad(finding.Unknown, subject, kind.check, "not seen among the many that there are: "+strings.Join(missing, ", "),
			"See in the Control Room that they are "+kind.are+"."))
	default:
		i.add(finding.Bad(finding.Error, subject, kind.check, "not there, or not seen by the account: "+strings.Join(missing, ", "),
			"Correct the ids in the route's options: they are those of "+kind.are+"."))
	}
}

// runnersOf are those that options name, of either kind of deployment.
func runnersOf(options job.Fields, option string) (all []string) {
	var newer job.Fields
	_ = json.Unmarshal(options[unattended], &newer) // none where it is not set
	for _, value := range []json.RawMessage{newer[option], options[option]} {
		var ids []values.Code
		_ = json.Unmarshal(value, &ids) // none where it is not set
		for _, id := range ids {
			all = appendNew(all, string(id))
		}
	}
	return all
}

func (c *Connector) listRunners(ctx context.Context, kind runner) *runnerList {
	type row struct {
		ID values.Code `json:"id"`
	}
	found, whole, a, ok := find[row](ctx, c, kind.operation, kind.path, nil)
	if !ok {
		r := refine(a, false, ofBot)
		return &runnerList{none: &r}
	}
	list := &runnerList{whole: whole}
	for _, r := range found {
		list.ids = append(list.ids, string(r.ID))
	}
	return list
}
