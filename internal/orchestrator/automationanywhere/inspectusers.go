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

// runAsList are the users that bots may run as.
type runAsList struct {
	ids   []string
	whole bool
	none  *orchestrator.Result // there is no list
}

// runAs says whether the users are there that the route has its bots run as.
func (i *inspection) runAs(ctx context.Context, subject string, w orchestrator.Wanted) {
	const check = "run-as users"
	named := runAsUsersOf(w.Options)
	if len(named) == 0 {
		return
	}
	if i.users == nil {
		i.users = i.c.listRunAsUsers(ctx)
	}
	switch list := i.users; {
	case list.none != nil && i.stops(ctx, subject, check, "the list of run-as users", *list.none):
	case list.none != nil:
		i.add(finding.Bad(finding.Unknown, subject, check, "the list of run-as users cannot be read: "+list.none.Detail, remedy.OfHold(job.Forbidden)))
	default:
		missing := slices.DeleteFunc(named, func(id string) bool { return slices.Contains(list.ids, id) })
		switch {
		case len(missing) == 0:
			i.add(finding.Good(subject, check, "all that the route names are there"))
		case !list.whole:
			i.add(finding.Bad(finding.Unknown, subject, check, "not seen among the many that there are: "+strings.Join(missing, ", "), "See in the Control Room that they are unattended bot runners."))
		default:
			i.add(finding.Bad(finding.Error, subject, check, "not there, or not seen by the account: "+strings.Join(missing, ", "),
				"Correct the ids in the route's options: they are those of users registered as unattended bot runners."))
		}
	}
}

// runAsUsersOf are those that options name, of either kind of deployment.
func runAsUsersOf(options job.Fields) []string {
	type users struct {
		RunAsUserIDs []values.Code `json:"runAsUserIds"`
	}
	var newer users
	_ = json.Unmarshal(options[unattended], &newer) // none where it is not set
	var older []values.Code
	_ = json.Unmarshal(options[runAsUserIDs], &older) // none where it is not set
	var all []string
	for _, id := range append(newer.RunAsUserIDs, older...) {
		all = appendNew(all, string(id))
	}
	return all
}

func (c *Connector) listRunAsUsers(ctx context.Context) *runAsList {
	type user struct {
		ID values.Code `json:"id"`
	}
	found, whole, a, ok := find[user](ctx, c, "ListRunAsUsers", runAsUsers, nil)
	if !ok {
		r := refine(a, false, botRights)
		return &runAsList{none: &r}
	}
	list := &runAsList{whole: whole}
	for _, u := range found {
		list.ids = append(list.ids, string(u.ID))
	}
	return list
}
