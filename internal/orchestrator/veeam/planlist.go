package veeam

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// The bounds of the list of plans: how many are asked for at once, and how often.
const (
	pageSize = 100
	maxPages = 100
)

// planRow is what is used of a plan in a list (Availability Orchestrator 3 REST
// API reference, RecoveryPlanInfo).
type planRow struct {
	ID   text `json:"id"`
	Name text `json:"name"`
}

// id is empty unless it is a UUID: it becomes part of a path.
func (r planRow) id() string {
	if !values.IsGUID(string(r.ID)) {
		return ""
	}
	return string(r.ID)
}

func find(rows []planRow, id string) bool {
	return slices.ContainsFunc(rows, func(r planRow) bool { return strings.EqualFold(r.id(), id) })
}

// page is a part of a list.
type page struct {
	total *int
	rows  []planRow
}

// readPage takes the answer to a GET of a list.
func readPage(a orchestrator.Answer) (page, bool) {
	var list struct {
		Total *int       `json:"total"`
		Data  *[]planRow `json:"data"`
	}
	if !succeeded(a) || json.Unmarshal(a.Body, &list) != nil || list.Data == nil {
		return page{}, false
	}
	return page{list.Total, *list.Data}, true
}

// plansNamed are the plans of exactly that name. whole tells that there are no
// others. The server is asked to filter them (REST API reference, Filter
// Parameter); where it does not, or finds none, all are read.
func (c *Connector) plansNamed(ctx context.Context, name string) (named []planRow, whole bool, failed *orchestrator.Result) {
	is := func(r planRow) bool { return string(r.Name) == name && r.id() != "" }
	filtered := !c.noFilter.Load()
	refused := false
	if filtered {
		answer := c.getPlans(ctx, 0, "&filter="+nameIs(name))
		p, ok := readPage(answer)
		refused = refusesFilter(answer)
		switch {
		case !ok && !refused:
			return nil, false, c.listFailed(answer)
		case ok && len(p.rows) > 0 && !slices.ContainsFunc(p.rows, func(r planRow) bool { return !is(r) }) && p.endsAt(len(p.rows)):
			return p.rows, true, nil
		}
	}
	rows, whole, failed := c.allPlans(ctx)
	if failed == nil && refused {
		c.noFilter.Store(true) // not the server fails, then
	}
	return slices.DeleteFunc(rows, func(r planRow) bool { return !is(r) }), whole, failed
}

// refusesFilter tells the answers that may mean the filter, and not the server.
func refusesFilter(a orchestrator.Answer) bool {
	switch a.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusNotImplemented:
		return a.Err == nil
	}
	return false
}

// nameIs is the filter for a name, escaped.
func nameIs(name string) string {
	type condition struct {
		Property string `json:"property"`
		Operator string `json:"operator"`
		Value    string `json:"value"`
	}
	b, _ := json.Marshal([]condition{{"name", "==", name}}) // texts always encode
	return strings.ReplaceAll(url.QueryEscape(string(b)), "+", "%20")
}

func (c *Connector) allPlans(ctx context.Context) (rows []planRow, whole bool, failed *orchestrator.Result) {
	return c.readPlans(ctx, "")
}

// readPlans reads a list page by page, and each plan once. whole tells that it was
// read to its end: a server may give the same page for ever.
func (c *Connector) readPlans(ctx context.Context, query string) (rows []planRow, whole bool, failed *orchestrator.Result) {
	seen := map[planRow]bool{}
	start := 0
	for range maxPages {
		answer := c.getPlans(ctx, start, query)
		p, ok := readPage(answer)
		if !ok {
			return nil, false, c.listFailed(answer)
		}
		before := len(rows)
		for _, r := range p.rows {
			if !seen[r] {
				seen[r] = true
				rows = append(rows, r)
			}
		}
		start += len(p.rows)
		switch {
		case len(p.rows) > 0 && len(rows) == before:
			return rows, false, nil // what came before, once more
		case len(p.rows) == 0 || p.total != nil && start >= *p.total:
			return rows, p.endsAt(start), nil
		}
	}
	return rows, false, nil
}

// endsAt reports whether a list has no more than n rows, as far as it says.
func (p page) endsAt(n int) bool {
	if p.total == nil {
		return len(p.rows) == 0 || len(p.rows) < pageSize && n == len(p.rows)
	}
	return n >= *p.total
}

func (c *Connector) getPlans(ctx context.Context, start int, query string) orchestrator.Answer {
	return c.Client.Do(ctx, orchestrator.Call{
		Operation: "GetPlans", Method: http.MethodGet,
		Path: c.path("/Plans?start=" + strconv.Itoa(start) + "&limit=" + strconv.Itoa(pageSize) + query),
	})
}

// listFailed is the result of a list that could not be read. What is refused there
// is not the request, for every request asks for the same.
func (c *Connector) listFailed(a orchestrator.Answer) *orchestrator.Result {
	r := refine(a, false)
	switch {
	case r.Verdict == job.Rejected || r.Verdict == job.Busy || a.Status == http.StatusNotFound:
		r.Health, r.Verdict, r.Reason = orchestrator.Ill, job.Unavailable, job.UnexpectedAnswer
		r.Detail = c.notServed(a.Status)
	default:
		r.Detail = "the list of plans could not be read: " + r.Detail
	}
	return &r
}
