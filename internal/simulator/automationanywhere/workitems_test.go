package automationanywhere_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
)

func TestAddedItems(t *testing.T) {
	t.Parallel()
	for generation := range generations {
		t.Run(string(generation), func(t *testing.T) {
			t.Parallel()
			r := start(t, automationanywhere.Settings{Generation: generation})
			q := r.AddQueue("Invoices", columns...)
			got := r.api(r.items(q, generation),
				`{"workItems":[{"json":{"Reference":"a","Note":"n","Amount":9007199254740991,"Due":"2017-06-12T00:18:48Z"}},{"json":{"Amount":100}}]}`)
			rows := got.rows()
			if got.status != 200 || len(rows) != 2 {
				t.Fatalf("got %d %s", got.status, got.text)
			}
			want := map[string]any{"col1": "2017-06-12T00:18:48Z", "col2": "a", "col3": "9.007199254740991E15"}
			for name, value := range want {
				if rows[0][name] != value {
					t.Errorf("%s is %v, want %v", name, rows[0][name], value)
				}
			}
			if _, there := rows[1]["col2"]; rows[1]["col3"] != "100.0" || there {
				t.Errorf("the second item is %v", rows[1])
			}
			if _, text := rows[0]["id"].(string); text != (generation == automationanywhere.E11) {
				t.Errorf("the id is %v", rows[0]["id"])
			}
			status := map[automationanywhere.Generation]string{automationanywhere.E11: "READY_TO_RUN", automationanywhere.A360: "NEW"}
			if rows[0]["status"] != status[generation] || rows[0]["version"] == nil {
				t.Errorf("the first item is %v", rows[0])
			}
			if !strings.Contains(got.text, `"json":{"Amount":9007199254740991,"Due":"2017-06-12T00:18:48Z","Note":"n","Reference":"a"}`) {
				t.Errorf("the json is not in order: %s", got.text)
			}
		})
	}
}

func TestRefusedItems(t *testing.T) {
	t.Parallel()
	one := func(content string) string { return `{"workItems":[{"json":` + content + `}]}` }
	long := strings.Repeat("x", 1001)
	tests := map[string]struct {
		body      string
		status    int
		violation bool
	}{
		"good":                        {one(`{"Reference":"a","Note":"` + long + `"}`), 200, false},
		"empty content":               {one(`{}`), 200, false},
		"1000 characters":             {one(`{"Reference":"` + long[1:] + `"}`), 200, false},
		"1001 characters":             {one(`{"Reference":"` + long + `"}`), 400, false},
		"501 characters of two units": {one(`{"Reference":"` + strings.Repeat("😀", 501) + `"}`), 400, false},
		"unknown column":              {one(`{"Other":"a"}`), 400, false},
		"a column in another case":    {one(`{"reference":"a"}`), 400, false},
		"a number as a text":          {one(`{"Reference":1}`), 400, false},
		"a text as a number":          {one(`{"Amount":"1"}`), 400, false},
		"null":                        {one(`{"Reference":null}`), 400, false},
		"null as a number":            {one(`{"Amount":null}`), 400, false},
		"an object":                   {one(`{"Note":{}}`), 400, false},
		"a date without a time":       {one(`{"Due":"2017-06-12"}`), 400, false},
		"a date with an offset":       {one(`{"Due":"2017-06-12T00:18:48+02:00"}`), 400, false},
		"a member twice":              {one(`{"Note":"a","Note":"b"}`), 400, false},
		"json is a text":              {one(`"{}"`), 400, false},
		"json is null":                {one(`null`), 400, false},
		"no json":                     {`{"workItems":[{}]}`, 400, false},
		"no items":                    {`{"workItems":[]}`, 400, false},
		"nothing":                     {`{}`, 400, false},
		"more than allowed":           {itemBody("a", "b", "c"), 400, false},
		"a bare object":               {`{"Reference":"a"}`, 400, true},
		"a further member":            {`{"workItems":[{"json":{},"status":"NEW"}]}`, 400, true},
		"letters count":               {`{"workitems":[{"json":{}}]}`, 400, true},
		"no JSON":                     {`x`, 400, false},
	}
	for name, test := range tests {
		for generation := range generations {
			t.Run(name+"/"+string(generation), func(t *testing.T) {
				t.Parallel()
				r := start(t, automationanywhere.Settings{Generation: generation, MaxItems: 2})
				q := r.AddQueue("Invoices", columns...)
				got := r.api(r.items(q, generation), test.body)
				if got.status != test.status || got.status == 400 && got.value("code") != "generic.bad.request" {
					t.Errorf("got %d %s", got.status, got.text)
				}
				if made := len(r.WorkItems()) == 1; made != (test.status == 200) {
					t.Errorf("items %v", r.WorkItems())
				}
				if noted := len(r.Violations()) > 0; noted != test.violation {
					t.Errorf("violations %q", r.Violations())
				}
			})
		}
	}
}

func TestAddNeedsAQueue(t *testing.T) {
	t.Parallel()
	r := start(t, automationanywhere.Settings{})
	q := r.AddQueue("Invoices", columns...)
	path := r.items(q, automationanywhere.A360)
	r.RemoveQueue("Invoices")
	for _, path := range []string{path, "/v3/wlm/queues/x/workitems", "/v3/wlm/queues/99/workitems/list"} {
		if got := r.api(path, itemBody("a")); got.status != 404 || got.value("code") == "" {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
	}
	if got := r.api("/v2/wlm/queues/1/workitems", itemBody("a")); got.status != 404 {
		t.Errorf("the other generation's: %d", got.status)
	}
	if got := r.call("GET", path, nil, ""); got.status != 405 {
		t.Errorf("GET: %d", got.status)
	}
	if got := r.post(path, itemBody("a")); got.status != 401 {
		t.Errorf("no token: %d", got.status)
	}
}

func TestFaultyItemsOfABatch(t *testing.T) {
	t.Parallel()
	tests := map[automationanywhere.Batches]struct {
		status int
		kept   []string
	}{
		automationanywhere.AllOrNothing: {400, nil},
		automationanywhere.SkipFaulty:   {200, []string{"a", "c"}},
		automationanywhere.RefuseLate:   {400, []string{"a"}},
	}
	for batches, test := range tests {
		t.Run(fmt.Sprint(batches), func(t *testing.T) {
			t.Parallel()
			r := start(t, automationanywhere.Settings{Batches: batches})
			q := r.AddQueue("Invoices", columns...)
			path := r.items(q, automationanywhere.A360)
			got := r.api(path, `{"workItems":[{"json":{"Reference":"a"}},{"json":{"Reference":2}},{"json":{"Reference":"c"}}]}`)
			var kept []string
			for _, item := range r.WorkItems() {
				kept = append(kept, item.Reference)
			}
			if diff := cmp.Diff(test.kept, kept); diff != "" || got.status != test.status {
				t.Errorf("%d\n%s", got.status, diff)
			}
			if got.status == 200 && len(got.rows()) != len(test.kept) {
				t.Errorf("the answer is %s", got.text)
			}
			if got := r.api(path, `{"workItems":[{"json":{"Reference":2}}]}`); got.status != 400 {
				t.Errorf("nothing but a faulty one: %d", got.status)
			}
		})
	}
}

func TestFormsOfTheAnswer(t *testing.T) {
	t.Parallel()
	r := start(t, automationanywhere.Settings{SingleAnswer: true, TextIDs: true, Created: true})
	q := r.AddQueue("Invoices", columns...)
	path := r.items(q, automationanywhere.A360)
	got := r.api(path, itemBody("a"))
	if got.status != 201 || got.value("id") != strconv.FormatInt(q.ID+1, 10) || got.value("status") != "NEW" || got.body["list"] != nil {
		t.Errorf("got %d %s", got.status, got.text)
	}
	if got := r.api(path, itemBody("b", "c")); len(got.rows()) != 2 {
		t.Errorf("of two: %s", got.text)
	}
}

func TestBooksOfItems(t *testing.T) {
	t.Parallel()
	r := start(t, automationanywhere.Settings{})
	q, other := r.AddQueue("Invoices", columns...), r.AddQueue("Orders", columns...)
	path := r.items(q, automationanywhere.A360)
	r.api(path, itemBody("a", "b"))
	r.api(path, itemBody("a"))
	r.PutWorkItem(other.ID, `{"Reference":"a"}`)
	items := r.WorkItemsByReference("Invoices", "a")
	if len(items) != 2 || items[0].QueueID != q.ID || items[1].Columns["col2"] != "a" || time.Since(items[0].Created) > time.Minute {
		t.Errorf("items %+v", items)
	}
	if len(r.WorkItems()) != 4 || r.Counts().Effects[automationanywhere.AddWorkItems] != 3 {
		t.Errorf("items %+v, counts %+v", r.WorkItems(), r.Counts())
	}
	if !r.SetWorkItemStatus(items[0].ID, "SUCCESSFUL") || r.WorkItems()[0].Status != "SUCCESSFUL" || r.SetWorkItemStatus(99, "x") {
		t.Error("the status")
	}
	if !r.DeleteWorkItem(items[0].ID) || r.DeleteWorkItem(items[0].ID) || len(r.WorkItemsByReference("Invoices", "a")) != 1 {
		t.Error("the deletion")
	}
}
