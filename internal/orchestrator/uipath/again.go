package uipath

import (
	"context"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

const doubt = "an earlier try may have added the item"

// addItemAgain adds a queue item that an earlier try may have added, only where
// that cannot add it twice: to a queue that refuses a second item of the same
// reference, or after a look-up.
func (c *Connector) addItemAgain(ctx context.Context, t *orchestrator.Try) orchestrator.Result {
	queue, found, r := c.queue(ctx, t.Request.Folder, t.Request.Queue)
	switch {
	case found && queue.EnforceUniqueReference:
		return c.addQueueItem(ctx, t)
	case found:
		return c.addUnlessThere(ctx, *t, queue)
	case r.Verdict == job.Unavailable:
		return r
	case t.Resend:
		return c.addQueueItem(ctx, t)
	case r.Verdict == job.Deferred:
		r.Detail += "; " + doubt
		return r
	}
	return untold(r, "the queue could not be found to look for it")
}

// untold is the result of a request of which nobody can tell what became of it.
func untold(r orchestrator.Result, why string) orchestrator.Result {
	r.Verdict, r.Reason, r.Wait = job.Unknown, job.UnknownOutcome, 0
	r.Detail = doubt + ", and " + why + "; look for the reference in the queue"
	return r
}

// addUnlessThere looks for the item in a queue that takes any number of items of
// one reference.
func (c *Connector) addUnlessThere(ctx context.Context, t orchestrator.Try, queue queueDefinition) orchestrator.Result {
	if wait := t.Settling(c.Settle); wait > 0 {
		return orchestrator.Later(job.Settling, wait, doubt+", and still may: it is looked up when that is over")
	}
	s, stop := c.lookUp(ctx, t.Request, queue)
	if stop != nil {
		return *stop
	}
	item, what, why := s.claim(t, &c.items)
	c.tell(what)
	well := orchestrator.Result{Health: orchestrator.Well}
	switch {
	case what == orchestrator.Found:
		well.Verdict, well.Receipt = job.Duplicate, item.receipt
		return well
	case what == orchestrator.Absent, t.Resend:
		return c.addQueueItem(ctx, &t)
	}
	return untold(well, why)
}

// claim finds the one item that an earlier try of the request made, and takes it
// for it.
func (s sighting) claim(t orchestrator.Try, items *lookup.Owners) (found storedItem, what orchestrator.LookUp, why string) {
	if len(s.items) > 0 && addedForAnother(items, t.Request) {
		return storedItem{}, orchestrator.Unclear, "another request of its reference was added in a batch, whose answer does not tell which item is whose"
	}
	found, what, why = s.ours(t, items)
	for what == orchestrator.Found && !lookup.Take(items, t.Request.ID, found) {
		found, what, why = s.ours(t, items) // another request has taken it in between
	}
	return found, what, why
}

// addedForAnother reports whether a batch added an item of the reference for
// another request.
func addedForAnother(items *lookup.Owners, r *job.Request) bool {
	return len(lookup.NotOfOthers(items, r.ID, []anonymous{anonymousOf(r)})) == 0
}

// ours finds the one item that an earlier try of the request made: of the same
// content, and made since the first try. One of other content may be it, too, for
// the server rewrites values; but not one that belongs to another request.
func (s sighting) ours(t orchestrator.Try, items *lookup.Owners) (found storedItem, what orchestrator.LookUp, why string) {
	why, n := s.unclear, 0
	for _, item := range lookup.NotOfOthers(items, t.Request.ID, s.items) {
		same, told := item.holds(t.Request.Content)
		switch {
		case item.created.IsZero():
			why = "an item of its reference does not tell when it was made"
		case !item.since(t.FirstTry.Add(-t.Skew), s.ahead):
		case !item.since(t.FirstTry, s.ahead):
			why = "an item of its reference was made so near to the first try that the clocks of two machines decide"
		case !told:
			why = "an item of its reference does not show its content"
		case !same:
			why = "an item of its reference was made since the first try, and has other content"
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

// taken says what a reference that is taken means: r is the refusal.
func (c *Connector) taken(ctx context.Context, t orchestrator.Try, r orchestrator.Result) orchestrator.Result {
	if t.AcceptDuplicate {
		return duplicate(r, job.Receipt{})
	}
	queue, found, asked := c.queue(ctx, t.Request.Folder, t.Request.Queue)
	switch {
	case found:
	case asked.Verdict == job.Unavailable:
		asked.Called = r.Called
		return asked
	default:
		return unread(r, t, "the queue's definition could not be read")
	}
	s, stop := c.lookUp(ctx, t.Request, queue)
	if stop != nil {
		stop.Called = r.Called
		return *stop
	}
	item, what, why := s.holder(t, &c.items)
	c.tell(what)
	switch {
	case what == orchestrator.Unclear:
		return unread(r, t, why)
	case what == orchestrator.Absent:
		return c.hidden(t, r)
	case why != "":
		return conflict(r, why)
	}
	lookup.Take(&c.items, t.Request.ID, item)
	return duplicate(r, item.receipt)
}

// holder finds the item that has taken the request's reference: one of the same
// content, or one made since the request was first sent, and not by another that
// is known. why says that there are only others.
func (s sighting) holder(t orchestrator.Try, items *lookup.Owners) (found storedItem, what orchestrator.LookUp, why string) {
	what, why = orchestrator.Absent, s.unclear
	another := addedForAnother(items, t.Request)
	for _, item := range s.items {
		same, told := item.holds(t.Request.Content)
		mayBeOurs := t.Again && !another && len(lookup.NotOfOthers(items, t.Request.ID, []storedItem{item})) > 0
		unknown := item.created.IsZero()
		switch {
		case mayBeOurs && !unknown && item.since(t.FirstTry, s.ahead):
			return item, orchestrator.Found, ""
		case item.deleted: // its reference is free again
		case told && same:
			return item, orchestrator.Found, ""
		case !told, mayBeOurs && (unknown || item.since(t.FirstTry.Add(-t.Skew), s.ahead)):
			why = "the item of the reference does not show what it is"
		default:
			what = orchestrator.Found
		}
	}
	switch {
	case why != "":
		return storedItem{}, orchestrator.Unclear, why
	case what == orchestrator.Found:
		return storedItem{}, orchestrator.Found, "the queue has an item of this reference with other content, which this request did not make"
	}
	return storedItem{}, orchestrator.Absent, ""
}

// hidden is the result where the reference is taken and no item shows it. Lists
// lag: that is believed only when it is still so after a while.
func (c *Connector) hidden(t orchestrator.Try, r orchestrator.Result) orchestrator.Result {
	if wait := c.lagging(t); wait > 0 {
		r = orchestrator.Later(job.Settling, wait, "the reference is taken, and its item cannot be seen yet")
		r.Health, r.Called = orchestrator.Well, true
		return r
	}
	return conflict(r, "the queue says that it is taken, and shows no item of it; it may have been removed from the queue")
}

// unread is the result where the item of the reference cannot be told from ours.
func unread(r orchestrator.Result, t orchestrator.Try, why string) orchestrator.Result {
	if t.Again {
		return untold(r, "the item under its reference could not be read: "+why)
	}
	return conflict(r, "the queue has an item of this reference, which could not be read to compare: "+why)
}

func duplicate(r orchestrator.Result, receipt job.Receipt) orchestrator.Result {
	r.Verdict, r.Reason, r.Detail, r.Receipt = job.Duplicate, "", "", receipt
	return r
}

func conflict(r orchestrator.Result, why string) orchestrator.Result {
	r.Verdict, r.Reason, r.Detail = job.Rejected, job.ReferenceConflict, "reference: "+why
	return r
}

// lagging is how long it is still too early to believe that an item which must be
// there is not: lists lag.
func (c *Connector) lagging(t orchestrator.Try) time.Duration {
	switch {
	case t.Again:
		return t.Settling(c.Settle)
	case t.FirstTry.IsZero():
		return c.Settle
	}
	return time.Until(t.FirstTry.Add(c.Settle))
}
