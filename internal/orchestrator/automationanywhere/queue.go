package automationanywhere

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// queueRow is what is used of a queue.
type queueRow struct {
	ID   values.Code `json:"id"`
	Name string      `json:"name"`
}

// ids is what an id looks like: it stands in an address.
var ids = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,63}$`)

// queue finds the id of the request's queue. remembered tells that it was not
// asked for just now. Where there is no id the result says why.
func (c *Connector) queue(ctx context.Context, r *job.Request) (id string, remembered bool, none orchestrator.Result) {
	if id, ok := c.queues.Get(r.Queue); ok {
		return id, true, orchestrator.Result{}
	}
	id, none = c.askForQueue(ctx, r.Queue)
	if id != "" {
		c.queues.Put(r.Queue, id)
	}
	return id, false, none
}

func (c *Connector) askForQueue(ctx context.Context, name string) (id string, none orchestrator.Result) {
	named := equal("name", name)
	found, whole, a, ok := find[queueRow](ctx, c, "ListQueues", c.api.queues, &named)
	if !ok {
		none = refine(a, false, ofItem)
		if none.Verdict == job.Rejected {
			// It is the list that is refused, whatever is asked for in it.
			none.Reason = job.RejectedByTarget
		}
		none.Detail = "the queue's id could not be asked for: " + none.Detail
		return "", none
	}
	none = orchestrator.Result{Health: orchestrator.Well}
	var matches []string
	for _, row := range found {
		// A server may ignore the filter, or the case of letters.
		if row.Name == name && ids.MatchString(string(row.ID)) {
			matches = appendNew(matches, string(row.ID))
		}
	}
	switch {
	case len(matches) == 1 && whole:
		return matches[0], none
	case len(matches) > 1:
		none.Outcome = job.Reject(job.RejectedByTarget, fmt.Sprintf("queue: there are %d queues named %s; give all but one another name", len(matches), values.Quoted(name)))
	case !whole:
		none.Outcome = job.Reject(job.RejectedByTarget, "queue: the API does not find "+values.Quoted(name)+" by its name among the many that it lists")
	default:
		none.Outcome = job.Reject(job.NotFound, "queue: there are 0 queues named "+values.Quoted(name)+" that the account sees; names count letter by letter")
	}
	none.Status = a.Status
	return "", none
}

func appendNew(all []string, one string) []string {
	if slices.Contains(all, one) {
		return all
	}
	return append(all, one)
}
