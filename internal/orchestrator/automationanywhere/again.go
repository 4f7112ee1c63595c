package automationanywhere

import (
	"context"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

const (
	itemDoubt = "an earlier try may have added the item"
	itemHint  = "look for the reference among the queue's work items"
)

// submitItem adds a work item, unless an earlier try of the request may have: then
// it finds that out first, for the product takes an item as often as it comes.
func (c *Connector) submitItem(ctx context.Context, t orchestrator.Try) orchestrator.Result {
	if !t.Again {
		return c.addItem(ctx, t)
	}
	if t.Request.ReferenceColumn == "" {
		return c.cannotTellItem(ctx, t, orchestrator.Result{}, "the route has no reference_column to find it by")
	}
	if wait := t.Settling(c.Settle); wait > 0 {
		return orchestrator.Later(job.Settling, wait, itemDoubt+", and still may: it is looked up when that is over")
	}
	queue, _, none := c.queue(ctx, t.Request)
	switch {
	case queue != "":
		return c.addUnlessThere(ctx, t, queue)
	case none.Verdict == job.Rejected:
		return c.cannotTellItem(ctx, t, none, "the queue could not be found to look for it")
	case none.Verdict == job.Deferred:
		none.Detail += "; " + itemDoubt
	}
	return none
}

func (c *Connector) addUnlessThere(ctx context.Context, t orchestrator.Try, queue string) orchestrator.Result {
	seen, stop := c.itemLookUps.LookUp(ctx, shelf{queue, t.Request.ReferenceColumn}, t.Request)
	if stop != nil {
		return *stop
	}
	item, what, why := seen.claim(t, &c.items)
	c.tell(what)
	switch what {
	case orchestrator.Found:
		return duplicate(seen.status, item.receipt)
	case orchestrator.Absent:
		return c.addItem(ctx, t)
	}
	r := orchestrator.Result{Health: orchestrator.Well}
	r.Status = seen.status
	return c.cannotTellItem(ctx, t, r, why)
}

// cannotTellItem adds the item again only where the route wants that.
func (c *Connector) cannotTellItem(ctx context.Context, t orchestrator.Try, r orchestrator.Result, why string) orchestrator.Result {
	if t.Resend {
		return c.addItem(ctx, t)
	}
	return untold(r, itemDoubt, why, itemHint)
}

// claim finds the one item that an earlier try of the request made, and takes it
// for it.
func (s sighting) claim(t orchestrator.Try, items *lookup.Owners) (found storedItem, what orchestrator.LookUp, why string) {
	if len(s.items) > 0 && len(lookup.NotOfOthers(items, t.Request.ID, []anonymous{anonymousOf(t.Request)})) == 0 {
		return storedItem{}, orchestrator.Unclear, "another request of its reference was added in a batch, whose answer does not tell which item is whose"
	}
	found, what, why = s.ours(t, items)
	for what == orchestrator.Found && !lookup.Take(items, t.Request.ID, found) {
		found, what, why = s.ours(t, items) // another request has taken it in between
	}
	return found, what, why
}

// ours finds the one item that an earlier try of the request made: of the same
// content, and not made before the first try, if the row tells when. One of other
// content may be it, too, for the server rewrites values, and bots may; but not one
// that belongs to another request.
func (s sighting) ours(t orchestrator.Try, items *lookup.Owners) (found storedItem, what orchestrator.LookUp, why string) {
	why, n := s.unclear, 0
	for _, item := range lookup.NotOfOthers(items, t.Request.ID, s.items) {
		switch {
		case item.before(t.FirstTry.Add(s.ahead - lookup.Slack - t.Skew)):
		case item.before(t.FirstTry.Add(s.ahead - lookup.Slack)):
			why = "an item of its reference was made so near to the first try that the clocks of two machines decide"
		case !item.row.holds(contentOf(t.Request)):
			why = "an item of its reference has other content"
		case item.receipt.ID == "":
			why = "an item of its reference has no id"
		default:
			found, n = item, n+1
		}
	}
	switch {
	case n == 1:
		return found, orchestrator.Found, ""
	case n > 1:
		return storedItem{}, orchestrator.Unclear, "the queue has several items that may be it"
	case why != "":
		return storedItem{}, orchestrator.Unclear, why
	}
	return storedItem{}, orchestrator.Absent, ""
}
