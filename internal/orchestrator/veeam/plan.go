package veeam

import (
	"context"
	"strconv"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// noSuchID is said of a plan that was named by its id, or whose id was found.
const noSuchID = "process: there is no plan of this id, or the account may not see it"

// planID finds the id of the plan that a request names: a UUID is one, anything
// else is a name, which counts letter by letter. remembered tells that it was not
// asked for just now, which with anew it always is: another plan may bear the name
// since, and that is too much to risk for what moves production. Where there is no
// id, none says why.
func (c *Connector) planID(ctx context.Context, process string, anew bool) (id string, remembered bool, none *orchestrator.Result) {
	if values.IsGUID(process) {
		return process, false, nil
	}
	if id, ok := c.names.Get(process); ok && !anew {
		return id, true, nil
	}
	rows, whole, none := c.plansNamed(ctx, process)
	if none != nil {
		return "", false, none
	}
	why := ""
	reason := job.RejectedByTarget
	switch {
	case len(rows) > 1:
		why = "there are " + strconv.Itoa(len(rows)) + " plans of the name " + values.Quoted(process) + "; name it by its UUID"
	case !whole:
		why = "the API does not show all of its plans, so that " + values.Quoted(process) + " may be the name of several; name it by its UUID"
	case len(rows) == 0:
		reason, why = job.NotFound, "there is no plan "+values.Quoted(process)+", or the account may not see it"
	default:
		c.names.Put(process, rows[0].id())
		return rows[0].id(), false, nil
	}
	return "", false, &orchestrator.Result{Health: orchestrator.Well, Outcome: job.Reject(reason, "process: "+why)}
}

// presence says whether something is in a list.
type presence int

const (
	unsure presence = iota // the list cannot be read to its end
	present
	absent
)

// listed looks for a plan in the list of all plans. Where the list cannot be read,
// failed says why.
func (c *Connector) listed(ctx context.Context, id string) (where presence, failed *orchestrator.Result) {
	rows, whole, failed := c.allPlans(ctx)
	switch {
	case failed != nil:
		return unsure, failed
	case find(rows, id):
		return present, nil
	case !whole:
		return unsure, nil
	}
	return absent, nil
}
