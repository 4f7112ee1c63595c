package automationanywhere

import (
	"cmp"
	"slices"
	"strings"
)

// listModel is the body of every list (Automation 360, Filtering, pagination and
// sorting).
type listModel struct {
	Fields []string   `json:"fields"`
	Filter *filter    `json:"filter"`
	Sort   []sorting  `json:"sort"`
	Page   *pageModel `json:"page"`
}

type filter struct {
	Operator string   `json:"operator"`
	Field    string   `json:"field"`
	Value    string   `json:"value"`
	Operands []filter `json:"operands"`
}

type sorting struct {
	Field     string `json:"field"`
	Direction string `json:"direction"`
}

type pageModel struct {
	Offset int `json:"offset"`
	Length int `json:"length"`
}

// maxRows is the most rows of one page, and how many come without a page.
const maxRows = 200

// row is an entity by its members' names.
type row map[string]string

// matches reports whether a row passes; ok is false for a filter that cannot be
// judged.
func (f *filter) matches(r row) (passes, ok bool) {
	if f == nil || f.Operator == "NONE" {
		return true, true
	}
	switch f.Operator {
	case "and", "or":
		return f.combine(r)
	}
	value, known := r[f.Field]
	if !known || len(f.Operands) > 0 {
		return false, false
	}
	switch f.Operator {
	case "eq":
		// Whether letters count is not documented: they do not here, so that a caller
		// has to compare by itself.
		return strings.EqualFold(value, f.Value), true
	case "ne":
		return !strings.EqualFold(value, f.Value), true
	case "substring":
		return strings.Contains(strings.ToLower(value), strings.ToLower(f.Value)), true
	}
	return false, false
}

func (f *filter) combine(r row) (passes, ok bool) {
	all, some := true, false
	for i := range f.Operands {
		one, ok := f.Operands[i].matches(r)
		if !ok {
			return false, false
		}
		all, some = all && one, some || one
	}
	return f.Operator == "and" && all || f.Operator == "or" && some, len(f.Operands) > 0
}

// take gives the rows of a page, in order, and how many passed the filter.
func (m *listModel) take(rows []row) (page []row, passed int, ok bool) {
	for _, r := range rows {
		match, judged := m.Filter.matches(r)
		if !judged {
			return nil, 0, false
		}
		if match {
			page = append(page, r)
		}
	}
	if !m.order(page) {
		return nil, 0, false
	}
	offset, length := 0, maxRows
	if m.Page != nil {
		offset, length = m.Page.Offset, m.Page.Length
	}
	if offset < 0 || length < 0 {
		return nil, 0, false
	}
	passed = len(page)
	page = page[min(offset, passed):]
	return page[:min(length, maxRows, len(page))], passed, true
}

func (m *listModel) order(rows []row) bool {
	for _, by := range slices.Backward(m.Sort) {
		direction := 1
		switch by.Direction {
		case "asc":
		case "desc":
			direction = -1
		default:
			return false
		}
		slices.SortStableFunc(rows, func(a, b row) int {
			return direction * compare(by.Field, a[by.Field], b[by.Field])
		})
	}
	return true
}

// compare puts ids in the order of numbers, everything else in that of texts.
func compare(field, a, b string) int {
	if field == "id" {
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	}
	return strings.Compare(a, b)
}
