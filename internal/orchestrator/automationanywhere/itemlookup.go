package automationanywhere

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// shelf is where items are looked for: a queue by its id, and the column that
// bears their references.
type shelf struct{ queue, column string }

// sighting is what the queue showed of one reference.
type sighting struct {
	items  []storedItem
	ahead  time.Duration // of the server's clock
	status int
	// unclear says why there may be more items than these; empty: there are none.
	unclear string
}

// The limits of what is looked up with one request. The product names none.
const (
	mostReferences = 20
	longestFilter  = 8000 // bytes
)

func (c *Connector) newItemLookUps() *lookup.LookUps[shelf, sighting] {
	return lookup.New(lookup.Settings[shelf, sighting]{
		Budget: c.budget, Doubt: "an item must be looked up", Seats: mostReferences - 1, Room: longestFilter,
		Length: operandLength, Same: letterByLetter, List: c.listItems, Tell: c.tell,
	})
}

// operandLength is about what a reference adds to a filter.
func operandLength(reference string) int {
	return len(`{"operator":"substring","field":"automationName","value":""},`) + len(reference)
}

func letterByLetter(reference string) string { return reference }

// listItems asks the queue for items by their references.
func (c *Connector) listItems(ctx context.Context, of shelf, references []string) (seen map[string]sighting, cut bool, stop *orchestrator.Result) {
	if known, ok := c.columns.Get(of); ok {
		seen, cut, stop = c.listBy(ctx, of, known, references)
		if _, still := c.columns.Get(of); still || stop != nil {
			return seen, cut, stop
		}
		// What it was learnt from may have left the queue since.
		if wait := c.budget.Take(time.Now()); wait > 0 {
			return nil, false, c.itemLookUps.Limited(wait)
		}
	}
	return c.learnAndList(ctx, of, references)
}

// learnAndList asks for items of any reference, which show in which display column
// the references stand. Where these are all the items of the queue, they answer
// the question.
func (c *Connector) learnAndList(ctx context.Context, of shelf, references []string) (seen map[string]sighting, cut bool, stop *orchestrator.Result) {
	page := c.askForItems(ctx, of, query{Page: paging{Length: sample}})
	known, ok := learn(page.rows, of.column)
	if last := page.total - sample; !ok && !page.whole && last > 0 {
		// The first items may be older than the column.
		if wait := c.budget.Take(time.Now()); wait > 0 {
			return nil, false, c.itemLookUps.Limited(wait)
		}
		page = c.askForItems(ctx, of, query{Page: paging{Offset: last, Length: sample}})
		page.whole = false
		known, ok = learn(page.rows, of.column)
	}
	if ok {
		c.columns.Put(of, known)
	}
	switch {
	case page.stop != nil || page.refused != "" || page.whole:
		return page.of(references, of, page.refused), false, page.stop
	case !ok:
		return page.of(references, of, "no item of the queue shows in which display column its references stand; is reference_column a display column of the work item model?"), false, nil
	}
	if wait := c.budget.Take(time.Now()); wait > 0 {
		return nil, false, c.itemLookUps.Limited(wait)
	}
	return c.listBy(ctx, of, known, references)
}

// sample is how many items are asked for to learn from.
const sample = 50

// listBy asks for items whose column has one of the references in it, and for the
// one that it was learnt from: a list that does not show that says nothing.
func (c *Connector) listBy(ctx context.Context, of shelf, known column, references []string) (seen map[string]sighting, cut bool, stop *orchestrator.Result) {
	parts := make([]string, 0, len(references)+1)
	operands := make([]filter, 0, len(references)+1)
	for _, reference := range append(slices.Clip(references), known.proof) {
		part := longestPart(reference, wild)
		if part == "" {
			continue // asked for by nothing, and told below
		}
		parts = append(parts, longestPart(reference, wilder))
		for _, name := range known.names() {
			operands = append(operands, contains(name, longestPart(reference, wild)))
		}
	}
	page := c.askForItems(ctx, of, query{Filter: either(operands), Page: paging{Length: mostRows}})
	if page.stop != nil || page.refused != "" {
		return page.of(references, of, page.refused), false, page.stop
	}
	why, foreign, shown := "", page.foreign(of, parts), page.shows(known)
	switch {
	case foreign:
		why = "the look-up returned items that were not asked for, so what it does not return may be there all the same"
	case !page.whole:
		why = "the queue has more items with the reference in them than a look-up returns"
	case !shown:
		c.columns.Forget(of, known)
		why = "the look-up does not show an item that was there"
	}
	seen = page.of(references, of, why)
	for _, reference := range references {
		if s := seen[reference]; longestPart(reference, wild) == "" {
			s.unclear = "the reference has nothing in it that can be looked for"
			seen[reference] = s
		}
	}
	return seen, !page.whole && !foreign, nil
}

// itemPage is the answer to a list of items.
type itemPage struct {
	rows    []itemRow
	whole   bool // these are all
	total   int  // of the queue, where it is told
	status  int
	ahead   time.Duration
	refused string // why the API gave none
	stop    *orchestrator.Result
}

func (c *Connector) askForItems(ctx context.Context, of shelf, q query) itemPage {
	began := time.Now()
	a := c.list(ctx, "ListWorkItems", c.api.itemsOf(of.queue)+"/list", q)
	page := itemPage{status: a.Status, ahead: lookup.Ahead(a, began, time.Now())}
	list, ok := readList[itemRow](a)
	switch {
	case ok:
		page.rows, page.whole, page.total = list.all, list.whole(q.Page, q.Filter != nil), list.total
	case !lookup.TooLong(a):
		return c.unlisted(a, page)
	}
	c.budget.Answered()
	return page
}

// unlisted is what an answer without a list means. A refusal of the look-up itself
// will not pass by waiting.
func (c *Connector) unlisted(a orchestrator.Answer, page itemPage) itemPage {
	r := refine(a, false, ofItem)
	if r.Verdict == job.Unavailable {
		page.stop = &r
		return page
	}
	c.budget.Answered()
	page.refused = refused(r)
	if a.Status == http.StatusForbidden {
		page.refused += "; the account must be a consumer of the queue"
	}
	return page
}

// of gives each reference its items.
func (p itemPage) of(references []string, of shelf, unclear string) map[string]sighting {
	seen := make(map[string]sighting, len(references))
	for _, reference := range references {
		s := sighting{ahead: p.ahead, status: p.status, unclear: unclear}
		for _, row := range p.rows {
			switch {
			case row.bears(of.column, reference):
				s.items = append(s.items, row.item())
			case row.content == nil && unclear == "":
				s.unclear = "the queue has an item that does not show its content"
			}
		}
		seen[reference] = s
	}
	return seen
}

// foreign reports whether there are rows that hold none of the parts that were
// asked for: then the server has ignored the filter.
func (p itemPage) foreign(of shelf, parts []string) bool {
	for _, row := range p.rows {
		held, _ := text(row.content[of.column])
		asked := false
		for _, part := range parts {
			asked = asked || strings.Contains(strings.ToLower(held), strings.ToLower(part))
		}
		if !asked {
			return true
		}
	}
	return false
}

// shows reports whether the page has the item that the column was learnt from.
func (p itemPage) shows(known column) bool {
	for _, row := range p.rows {
		if row.receipt().ID == known.id {
			return true
		}
	}
	return false
}
