package uipath

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// sighting is what the queue showed of one reference.
type sighting struct {
	items []storedItem
	ahead time.Duration // of the server's clock
	// unclear says why there may be more items than these; empty: there are none.
	unclear string
}

func (c *Connector) newItemLookUps() *lookup.LookUps[group, sighting] {
	return lookup.New(lookup.Settings[group, sighting]{
		Budget: c.budget, Doubt: "an item must be looked up", Seats: mostReferences, Room: longestFilter, Length: filterLength,
		Same: fold, List: c.listItems, Tell: c.tell,
	})
}

// fold is how the product compares references.
func fold(reference string) string { return strings.ToLower(strings.TrimSpace(reference)) }

// lookUp asks the queue for the request's reference. Where it cannot be asked
// now, stop is what to return instead.
func (c *Connector) lookUp(ctx context.Context, r *job.Request, queue queueDefinition) (s sighting, stop *orchestrator.Result) {
	if id, err := strconv.ParseInt(string(queue.ID), 10, 64); err != nil || id <= 0 {
		return sighting{unclear: "the queue has no id to look it up by"}, nil
	}
	return c.itemLookUps.LookUp(ctx, group{r.Folder, queue.ID}, r)
}

// listItems asks the queue for items by their references.
func (c *Connector) listItems(ctx context.Context, of group, references []string) (seen map[string]sighting, cut bool, stop *orchestrator.Result) {
	began := time.Now()
	a := c.Client.Do(ctx, orchestrator.Call{
		Operation: "GetQueueItems", Method: http.MethodGet,
		Path: "/odata/QueueItems" + query(
			"$filter", itemFilter(of.queue, references), "$select", itemColumns, "$orderby", "Id desc", "$top", strconv.Itoa(mostRows)),
		Header: c.header(of.folder),
	})
	ended := time.Now()
	rows, ok := readList[itemRow](a)
	all := ok && whole(a, len(rows))
	if !ok && !lookup.TooLong(a) {
		s, stop := c.unlisted(a)
		return lookup.Alike(references, s), false, stop
	}
	c.budget.Answered()
	seen, foreign := sortRows(of, references, rows)
	ahead := lookup.Ahead(a, began, ended)
	for reference, s := range seen {
		s.ahead = ahead
		switch {
		case foreign:
			s.unclear = "the look-up returned items that were not asked for, so what it does not return may be there all the same"
		case !all:
			s.unclear = "the queue has more items of the reference than a look-up returns"
		}
		seen[reference] = s
	}
	return seen, !all && !foreign, nil
}

// unlisted is what an answer without a list means.
func (c *Connector) unlisted(a orchestrator.Answer) (s sighting, stop *orchestrator.Result) {
	r := c.refine(a, false)
	if r.Verdict == job.Unavailable {
		return s, &r
	}
	c.budget.Answered()
	s.unclear = "the look-up was refused with status " + strconv.Itoa(r.Status)
	switch {
	case r.Status == http.StatusForbidden:
		s.unclear += "; it needs Queues.View and Transactions.View in the folder, and the scope OR.Queues.Read"
	case r.ErrorCode != "":
		s.unclear += " and error code " + strconv.Quote(r.ErrorCode)
	}
	return s, nil
}

// sortRows gives each reference its items. A server may ignore the filter:
// foreign tells that there were rows of another reference or queue.
func sortRows(of group, references []string, rows []itemRow) (seen map[string]sighting, foreign bool) {
	byName := map[string][]itemRow{}
	for _, reference := range references {
		byName[fold(reference)] = nil
	}
	for _, row := range rows {
		name := fold(row.Reference)
		elsewhere := row.QueueDefinitionID != "" && row.QueueDefinitionID != of.queue
		if _, asked := byName[name]; !asked || elsewhere {
			foreign = true
			continue
		}
		byName[name] = append(byName[name], row)
	}
	seen = make(map[string]sighting, len(references))
	for _, reference := range references {
		seen[reference] = sighting{items: mergeRows(byName[fold(reference)])}
	}
	return seen, foreign
}

// itemFilter selects items of one queue by their references.
func itemFilter(queue code, references []string) string {
	either := anyReference(references)
	if len(references) > 1 {
		either = "(" + either + ")"
	}
	return "QueueDefinitionId eq " + string(queue) + " and " + either
}
