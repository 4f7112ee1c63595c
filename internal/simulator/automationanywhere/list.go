package automationanywhere

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// listModel is the body of every list (Automation 360, Filtering, pagination and
// sorting).
type listModel struct {
	Fields []string   `json:"fields"`
	Filter *filter    `json:"filter"`
	Sort   []sorting  `json:"sort"`
	Page   *pageModel `json:"page"`
}

type sorting struct {
	Field     string `json:"field"`
	Direction string `json:"direction"`
}

type pageModel struct {
	Offset int `json:"offset"`
	Length int `json:"length"`
}

// maxRows is the most rows of one page, and how many come without a page. A
// longer page is not refused, it is cut.
const maxRows = 200

// table is what a list can do with rows of one kind.
type table[T any] struct {
	// fields can be filtered and sorted by. Whether others can is not documented:
	// they are refused.
	fields []string
	// allows limits the operators of a field. Nil: all of them.
	allows func(field, operator string) bool
	get    func(row T, field string) string
	show   func(row T) map[string]any
	// appeared tells since when there has been a row. Nil: lists of these do not lag.
	appeared func(T) time.Time
	// hide takes away rows that the list would show. Nil: none.
	hide func([]T) []T
}

// list answers with a page of the rows. The lock is held.
func list[T any](o *ControlRoom, c *server.Call, t table[T], rows []T) server.Answer {
	var body listModel
	if refused := o.decode(c, &body); refused != nil {
		return *refused
	}
	if !t.takes(&body) {
		return envelope(http.StatusBadRequest, codeMalformed, "The filter, the sort or the page could not be read")
	}
	if body.Filter != nil && o.settings.Patterns {
		patterns := body.Filter.asPatterns()
		body.Filter = &patterns
	}
	visible := t.visible(c, rows)
	passed := t.passing(c, body.Filter, visible)
	t.order(passed, body.Sort)
	offset, length := 0, maxRows
	if body.Page != nil {
		offset, length = body.Page.Offset, body.Page.Length
	}
	page := passed[min(offset, len(passed)):]
	page = page[:min(length, maxRows, len(page))]
	shown := make([]any, len(page))
	for i, row := range page {
		shown[i] = only(t.show(row), body.Fields)
	}
	answer := map[string]any{"list": shown}
	if !o.settings.OmitPage {
		answer["page"] = map[string]any{"offset": offset, "total": len(visible), "totalFilter": len(passed)}
	}
	return server.JSON(http.StatusOK, answer)
}

// takes reports whether a body can be judged.
func (t table[T]) takes(m *listModel) bool {
	if m.Filter != nil && !m.Filter.fits(t.permits) {
		return false
	}
	for _, by := range m.Sort {
		if !slices.Contains(t.fields, by.Field) || by.Direction != "asc" && by.Direction != "desc" {
			return false
		}
	}
	return m.Page == nil || m.Page.Offset >= 0 && m.Page.Length >= 0
}

func (t table[T]) permits(field, operator string) bool {
	return slices.Contains(t.fields, field) && (t.allows == nil || t.allows(field, operator))
}

// visible are the rows that a lagging list shows.
func (t table[T]) visible(c *server.Call, rows []T) []T {
	if t.appeared == nil {
		return rows
	}
	var seen []T
	for _, row := range rows {
		if c.Sees(t.appeared(row)) {
			seen = append(seen, row)
		}
	}
	return seen
}

func (t table[T]) passing(c *server.Call, f *filter, rows []T) []T {
	passed := make([]T, 0, min(len(rows), maxRows))
	for _, row := range rows {
		if f == nil || c.FilterIgnored() || f.matches(func(field string) string { return t.get(row, field) }) {
			passed = append(passed, row)
		}
	}
	if t.hide != nil {
		passed = t.hide(passed)
	}
	return passed
}

func (t table[T]) order(rows []T, sort []sorting) {
	for _, by := range slices.Backward(sort) {
		direction := 1
		if by.Direction == "desc" {
			direction = -1
		}
		slices.SortStableFunc(rows, func(a, b T) int {
			return direction * compare(t.get(a, by.Field), t.get(b, by.Field))
		})
	}
}

// compare puts numbers in their order, everything else in that of texts.
func compare(a, b string) int {
	first, err := strconv.ParseInt(a, 10, 64)
	second, other := strconv.ParseInt(b, 10, 64)
	if err == nil && other == nil {
		return cmp.Compare(first, second)
	}
	return strings.Compare(a, b)
}

// only leaves the members that were asked for; none means all of them.
func only(shown map[string]any, fields []string) map[string]any {
	if len(fields) == 0 {
		return shown
	}
	chosen := map[string]any{}
	for _, name := range fields {
		if value, ok := shown[name]; ok {
			chosen[name] = value
		}
	}
	return chosen
}
