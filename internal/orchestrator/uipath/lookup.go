package uipath

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// mostRows is the largest $top of a list of queue items (UiPath Orchestrator API
// guide, Queue items requests).
const mostRows = 100

// sighting is what the queue showed of one reference.
type sighting struct {
	items []storedItem
	ahead time.Duration // of the server's clock
	// unclear says why there may be more items than these; empty: there are none.
	unclear string
	// limited is how long to wait before asking again; 0 where an answer came.
	limited time.Duration
	// failed is the result where no answer came.
	failed *orchestrator.Result
}

// fold is how the product compares references.
func fold(reference string) string { return strings.ToLower(strings.TrimSpace(reference)) }

// lookUp asks the queue for the request's reference. Where it cannot be asked
// now, stop is what to return instead.
func (c *Connector) lookUp(ctx context.Context, r *job.Request, queue queueDefinition) (s sighting, stop *orchestrator.Result) {
	if id, err := strconv.ParseInt(string(queue.ID), 10, 64); err != nil || id <= 0 {
		return sighting{unclear: "the queue has no id to look it up by"}, nil
	}
	of := group{r.Folder, queue.ID}
	f, leads, wait := c.lookUps.join(ctx, of, r)
	if f == nil {
		return s, limited(wait)
	}
	if err := c.lookUps.await(ctx, f); err != nil {
		left := c.refine(orchestrator.Answer{Err: err, Written: true}, false)
		return s, &left
	}
	s = f.seen[fold(r.Reference)]
	switch {
	case s.limited > 0:
		c.tell(Failed)
		return s, limited(c.lookUps.postpone(of, s.limited))
	case s.failed != nil:
		c.tell(Failed)
		failed := *s.failed
		if !leads { // one call failed, not as many as wait for it
			failed.Health, failed.RetryAfter = orchestrator.Untold, 0
		}
		return s, &failed
	}
	return s, nil
}

func limited(wait time.Duration) *orchestrator.Result {
	r := later(job.LookUpsLimited, wait, "an item must be looked up, and no more look-ups may be made now")
	return &r
}

func (c *Connector) tell(what LookUp) {
	if c.LookedUp != nil {
		c.LookedUp(what)
	}
}

// listItems asks the queue for items by their references. An answer that is cut
// off by the API's limit or ours is asked for again in halves: many items of one
// reference shall not hide those of the others.
func (c *Connector) listItems(ctx context.Context, of group, references []string) map[string]sighting {
	began := time.Now()
	a := c.Client.Do(ctx, orchestrator.Call{
		Operation: "GetQueueItems", Method: http.MethodGet,
		Path: "/odata/QueueItems" + query(
			"$filter", itemFilter(of.queue, references), "$select", itemColumns, "$orderby", "Id desc", "$top", strconv.Itoa(mostRows)),
		Header: c.header(of.folder),
	})
	ended := time.Now()
	rows, ok := readList[itemRow](a)
	whole := len(rows) < mostRows && !errors.Is(a.Err, orchestrator.ErrAnswerTooLong)
	if !ok && whole {
		return alike(references, c.unanswered(a))
	}
	c.budget.answered()
	seen, foreign := sortRows(of, references, rows)
	if !whole && !foreign && len(references) > 1 {
		half := len(references) / 2
		seen = c.listHalf(ctx, of, references[:half])
		maps.Copy(seen, c.listHalf(ctx, of, references[half:]))
		return seen
	}
	ahead := clockAhead(a, began, ended)
	for reference, s := range seen {
		s.ahead = ahead
		switch {
		case foreign:
			s.unclear = "the look-up returned items that were not asked for, so what it does not return may be there all the same"
		case !whole:
			s.unclear = "the queue has more items of the reference than a look-up returns"
		}
		seen[reference] = s
	}
	return seen
}

func (c *Connector) listHalf(ctx context.Context, of group, references []string) map[string]sighting {
	if wait := c.budget.take(time.Now()); wait > 0 {
		return alike(references, sighting{limited: wait})
	}
	return c.listItems(ctx, of, references)
}

// unanswered is what an answer without a list means.
func (c *Connector) unanswered(a orchestrator.Answer) sighting {
	r := c.refine(a, false)
	if r.Health == orchestrator.Throttled {
		now := time.Now()
		c.budget.throttled(now, r.RetryAfter)
		return sighting{limited: max(c.budget.take(now), time.Millisecond)}
	}
	if r.Verdict == job.Unavailable {
		return sighting{failed: &r}
	}
	c.budget.answered()
	refused := "the look-up was refused with status " + strconv.Itoa(r.Status)
	switch {
	case r.Status == http.StatusForbidden:
		refused += "; it needs Queues.View and Transactions.View in the folder, and the scope OR.Queues.Read"
	case r.ErrorCode != "":
		refused += " and error code " + strconv.Quote(r.ErrorCode)
	}
	return sighting{unclear: refused}
}

func alike(references []string, s sighting) map[string]sighting {
	seen := make(map[string]sighting, len(references))
	for _, reference := range references {
		seen[fold(reference)] = s
	}
	return seen
}

// sortRows gives each reference its items. A server may ignore the filter:
// foreign tells that there were rows of another reference or queue.
func sortRows(of group, references []string, rows []itemRow) (seen map[string]sighting, foreign bool) {
	seen = alike(references, sighting{})
	byReference := map[string][]itemRow{}
	for _, row := range rows {
		name := fold(row.Reference)
		if _, asked := seen[name]; !asked || row.QueueDefinitionID != of.queue {
			foreign = true
			continue
		}
		byReference[name] = append(byReference[name], row)
	}
	for name, rows := range byReference {
		seen[name] = sighting{items: mergeRows(rows)}
	}
	return seen, foreign
}

// itemFilter selects items of one queue by their references.
func itemFilter(queue code, references []string) string {
	wanted := make([]string, len(references))
	for i, reference := range references {
		wanted[i] = "Reference eq " + quote(reference)
	}
	either := strings.Join(wanted, " or ")
	if len(wanted) > 1 {
		either = "(" + either + ")"
	}
	return "QueueDefinitionId eq " + string(queue) + " and " + either
}
