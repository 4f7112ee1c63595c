package automationanywhere_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
	"github.com/queueferry/queueferry/internal/simulator/server"
)

// five puts five items into a queue and gives the path of their list.
func (r *rig) five(generation automationanywhere.Generation) string {
	q := r.AddQueue("Invoices", columns...)
	other := r.AddQueue("Other", columns...)
	r.PutWorkItem(other.ID, `{"Reference":"ref-1"}`)
	for i, reference := range []string{"ref-1", "REF-1", "ref-10", "x"} {
		item := r.PutWorkItem(q.ID, fmt.Sprintf(`{"Reference":%q,"Amount":%d}`, reference, i))
		if reference == "x" {
			r.SetWorkItemStatus(item.ID, "ACTIVE")
		}
	}
	r.PutWorkItem(q.ID, `{"Note":"no reference"}`)
	return r.items(q, generation) + "/list"
}

func TestListedItems(t *testing.T) {
	t.Parallel()
	eq := func(field, value string) string {
		return `{"operator":"eq","field":"` + field + `","value":"` + value + `"}`
	}
	sub := func(value string) string { return `{"operator":"substring","field":"col2","value":"` + value + `"}` }
	tests := map[string]struct {
		body string
		want []any // col2
	}{
		"all":             {`{}`, []any{"ref-1", "REF-1", "ref-10", "x", nil}},
		"no filter":       {`{"filter":{}}`, []any{"ref-1", "REF-1", "ref-10", "x", nil}},
		"NONE":            {`{"filter":{"operator":"NONE","operands":[null],"field":"string","value":"string"}}`, []any{"ref-1", "REF-1", "ref-10", "x", nil}},
		"substring":       {`{"filter":` + sub("ref-1") + `}`, []any{"ref-1", "REF-1", "ref-10"}},
		"not there":       {`{"filter":` + sub("y") + `}`, nil},
		"id":              {`{"filter":` + eq("id", "5") + `}`, []any{"REF-1"}},
		"ids":             {`{"filter":{"operator":"and","operands":[{"operator":"gt","field":"id","value":"4"},{"operator":"le","field":"id","value":"6"}]}}`, []any{"REF-1", "ref-10"}},
		"status":          {`{"filter":` + eq("status", "ACTIVE") + `}`, []any{"x"}},
		"or":              {`{"filter":{"operator":"or","operands":[` + sub("x") + `,` + sub("10") + `]}}`, []any{"ref-10", "x"}},
		"not":             {`{"filter":{"operator":"not","operands":[` + sub("ref") + `]}}`, []any{"x", nil}},
		"sort and page":   {`{"sort":[{"field":"id","direction":"desc"}],"page":{"offset":1,"length":2}}`, []any{"x", "ref-10"}},
		"sort by columns": {`{"filter":` + sub("1") + `,"sort":[{"field":"col3","direction":"desc"}]}`, []any{"ref-10", "REF-1", "ref-1"}},
		"fields":          {`{"fields":["col2"],"filter":` + eq("status", "ACTIVE") + `}`, []any{"x"}},
	}
	for name, test := range tests {
		for generation := range generations {
			t.Run(name+"/"+string(generation), func(t *testing.T) {
				t.Parallel()
				r := start(t, automationanywhere.Settings{Generation: generation})
				got := r.api(r.five(generation), test.body)
				if diff := cmp.Diff(test.want, got.column("col2")); diff != "" || got.status != 200 {
					t.Errorf("%d\n%s", got.status, diff)
				}
				if only := len(got.rows()) == 1 && len(got.rows()[0]) == 1; only != (name == "fields") {
					t.Errorf("got %s", got.text)
				}
			})
		}
	}
}

func TestListsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"unknown field":          `{"filter":{"operator":"eq","field":"Reference","value":"y"}}`,
		"a column not shown":     `{"filter":{"operator":"substring","field":"col4","value":"y"}}`,
		"eq on a column":         `{"filter":{"operator":"eq","field":"col2","value":"y"}}`,
		"unknown operator":       `{"filter":{"operator":"contains","field":"col2","value":"y"}}`,
		"operator in capitals":   `{"filter":{"operator":"EQ","field":"id","value":"1"}}`,
		"no operator":            `{"filter":{"field":"id","value":"1"}}`,
		"a number as a value":    `{"filter":{"operator":"eq","field":"id","value":1}}`,
		"and without operands":   `{"filter":{"operator":"and"}}`,
		"not of two":             `{"filter":{"operator":"not","operands":[{"operator":"eq","field":"id","value":"1"},{"operator":"eq","field":"id","value":"1"}]}}`,
		"and with a bad one":     `{"filter":{"operator":"and","operands":[{"operator":"eq","field":"x","value":"1"}]}}`,
		"operands of eq":         `{"filter":{"operator":"eq","field":"id","value":"1","operands":[{"operator":"eq","field":"id","value":"1"}]}}`,
		"unknown sort":           `{"sort":[{"field":"x","direction":"asc"}]}`,
		"unknown direction":      `{"sort":[{"field":"id","direction":"ASC"}]}`,
		"negative offset":        `{"page":{"offset":-1,"length":1}}`,
		"unknown member":         `{"limit":1}`,
		"not an object":          `[]`,
		"nothing":                ``,
		"unknown member of page": `{"page":{"offset":0,"size":1}}`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, automationanywhere.Settings{})
			if got := r.api(r.five(automationanywhere.A360), body); got.status != 400 || got.value("code") == "" {
				t.Errorf("got %d %s", got.status, got.text)
			}
		})
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	r := start(t, automationanywhere.Settings{})
	q := r.AddQueue("Invoices", columns...)
	for range 250 {
		r.PutWorkItem(q.ID, `{}`)
	}
	path := r.items(q, automationanywhere.A360) + "/list"
	tests := map[string]struct {
		body string
		rows int
		page map[string]any
	}{
		"none":     {`{}`, 200, map[string]any{"offset": 0.0, "total": 250.0, "totalFilter": 250.0}},
		"too long": {`{"page":{"offset":0,"length":1000}}`, 200, map[string]any{"offset": 0.0, "total": 250.0, "totalFilter": 250.0}},
		"the rest": {`{"page":{"offset":200,"length":200}}`, 50, map[string]any{"offset": 200.0, "total": 250.0, "totalFilter": 250.0}},
		"past it":  {`{"filter":{"operator":"eq","field":"id","value":"7"},"page":{"offset":1,"length":5}}`, 0, map[string]any{"offset": 1.0, "total": 250.0, "totalFilter": 1.0}},
	}
	for name, test := range tests {
		got := r.api(path, test.body)
		page, _ := got.body["page"].(map[string]any)
		if diff := cmp.Diff(test.page, page); diff != "" || len(got.rows()) != test.rows {
			t.Errorf("%s: %d rows\n%s", name, len(got.rows()), diff)
		}
	}
	bare := start(t, automationanywhere.Settings{OmitPage: true})
	got := bare.api(bare.five(automationanywhere.A360), `{}`)
	if _, there := got.body["page"]; there || len(got.rows()) != 5 {
		t.Errorf("without page: %s", got.text)
	}
}

func TestSubstringsAsPatterns(t *testing.T) {
	t.Parallel()
	body := func(value string) string {
		return `{"filter":{"operator":"or","operands":[{"operator":"substring","field":"col2","value":"` + value + `"}]}}`
	}
	tests := map[string]struct {
		value    string
		patterns bool
		want     int
	}{
		"underscore, plain":  {"ref_1", false, 0},
		"underscore":         {"ref_1", true, 3},
		"percent":            {"r%10", true, 1},
		"percent, plain":     {"r%10", false, 0},
		"no more than those": {"ref.1", true, 0},
		"none of them":       {"f-1", true, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, automationanywhere.Settings{Patterns: test.patterns})
			if got := r.api(r.five(automationanywhere.A360), body(test.value)); len(got.rows()) != test.want {
				t.Errorf("got %d %s", got.status, got.text)
			}
		})
	}
}

func TestListsThatMislead(t *testing.T) {
	t.Parallel()
	r := start(t, automationanywhere.Settings{})
	path := r.five(automationanywhere.A360)
	body := `{"filter":{"operator":"substring","field":"col2","value":"x"}}`
	unfiltered := r.AddFault(server.Unfiltered(automationanywhere.ListWorkItems))
	if got := r.api(path, body); len(got.rows()) != 5 {
		t.Errorf("with the filter ignored: %s", got.text)
	}
	unfiltered.Remove()
	lag := r.AddFault(server.Lagging(time.Hour, automationanywhere.ListWorkItems))
	if got := r.api(path, body); len(got.rows()) != 0 || !strings.Contains(got.text, `"total":0`) {
		t.Errorf("with a lag: %s", got.text)
	}
	lag.Remove()
	if got := r.api(path, body); len(got.rows()) != 1 {
		t.Errorf("after it: %s", got.text)
	}
}
