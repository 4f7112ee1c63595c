package automationanywhere

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// query is the body of every list (Automation 360, Filtering, pagination and
// sorting).
type query struct {
	Filter *filter `json:"filter,omitempty"`
	Page   paging  `json:"page"`
}

type filter struct {
	Operator string   `json:"operator"`
	Field    string   `json:"field,omitempty"`
	Value    string   `json:"value,omitempty"`
	Operands []filter `json:"operands,omitempty"`
}

type paging struct {
	Offset int `json:"offset"`
	Length int `json:"length"`
}

// mostRows is how many rows a list gives at most; more need paging.
const mostRows = 200

func equal(field, value string) filter { return filter{Operator: "eq", Field: field, Value: value} }

func contains(field, value string) filter {
	return filter{Operator: "substring", Field: field, Value: value}
}

// either is one filter of several.
func either(all []filter) *filter {
	if len(all) == 1 {
		return &all[0]
	}
	return &filter{Operator: "or", Operands: all}
}

func (c *Connector) list(ctx context.Context, operation, path string, q query) orchestrator.Answer {
	body, err := json.Marshal(q)
	_ = err // texts and numbers always have a form in JSON
	return c.post(ctx, operation, path, body, false)
}

// rows are those of a list. Numbers may be written as text, and the page may be
// missing.
type rows[T any] struct {
	all             []T
	total, filtered int // of all pages; -1: not told
}

// readList takes the answer to a list.
func readList[T any](a orchestrator.Answer) (rows[T], bool) {
	var body struct {
		Page struct {
			Total       values.Code `json:"total"`
			TotalFilter values.Code `json:"totalFilter"`
		} `json:"page"`
		List *[]T `json:"list"`
	}
	if !a.Succeeded() || json.Unmarshal(a.Body, &body) != nil || body.List == nil {
		return rows[T]{}, false
	}
	return rows[T]{all: *body.List, total: count(body.Page.Total), filtered: count(body.Page.TotalFilter)}, true
}

func count(told values.Code) int {
	n, err := strconv.Atoi(string(told))
	if err != nil {
		return -1
	}
	return n
}

// whole reports whether the rows of a page are the last. total counts those that
// a filter leaves out, too.
func (r rows[T]) whole(page paging, withFilter bool) bool {
	n := page.Offset + len(r.all)
	return len(r.all) < page.Length && r.filtered <= n && (withFilter || r.total <= n)
}

// mostPages bounds how far a list is read on, for what its filter should have
// found on the first page.
const mostPages = 10

// find asks for the rows of a filter, on as many pages as there are, up to a
// bound: a server may not know the filter. whole tells that these are all. Where
// no list came, the answer says why.
func find[T any](ctx context.Context, c *Connector, operation, path string, f *filter) (found []T, whole bool, a orchestrator.Answer, ok bool) {
	for range mostPages {
		page := paging{Offset: len(found), Length: mostRows}
		a = c.list(ctx, operation, path, query{Filter: f, Page: page})
		list, ok := readList[T](a)
		if !ok {
			return nil, false, a, false
		}
		found = append(found, list.all...)
		if whole := list.whole(page, f != nil); whole || len(list.all) == 0 {
			return found, whole, a, true
		}
	}
	return found, false, a, true
}
