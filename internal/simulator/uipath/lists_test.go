package uipath_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func (r *rig) references(path string) []any {
	r.t.Helper()
	got := r.call("GET", path, nil, "")
	if got.status != 200 {
		r.t.Fatalf("%s: %d %s", path, got.status, got.text)
	}
	var references []any
	for _, row := range got.rows() {
		references = append(references, row["Reference"])
	}
	return references
}

func TestLookUpOfItems(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{LookUpsPerMinute: -1})
	unique := r.AddQueue("Finance/AP", "Second", uipath.Queue{})
	for _, reference := range []string{"a", "b", "Guns N' Roses", "1+1 & 50%?", "ünï", "c"} {
		r.add("Second", reference)
	}
	r.add("Invoices", "a")
	of := func(filter string) string {
		return query("$filter", fmt.Sprintf("QueueDefinitionId eq %d and %s", unique.ID, filter))
	}
	tests := map[string]struct {
		query string
		want  []any
	}{
		"one reference":         {of("Reference eq 'a'"), []any{"a"}},
		"several references":    {of("(Reference eq 'c' or Reference eq 'A' or Reference eq 'x')"), []any{"a", "c"}},
		"in the whole folder":   {query("$filter", "Reference eq 'a'"), []any{"a", "a"}},
		"a quote, doubled":      {of("Reference eq 'Guns N'' Roses'"), []any{"Guns N' Roses"}},
		"signs of URLs":         {of("Reference eq '1+1 & 50%?'"), []any{"1+1 & 50%?"}},
		"other letters":         {of("reference eq 'ÜNÏ'"), []any{"ünï"}},
		"none":                  {of("Reference eq 'nothing'"), nil},
		"newest first":          {query("$orderby", "Id desc", "$top", "2"), []any{"a", "c"}},
		"by two properties":     {query("$orderby", "Reference asc,Id desc", "$top", "3"), []any{"1+1 & 50%?", "a", "a"}},
		"top and skip":          {query("$top", "2", "$skip", "1"), []any{"b", "Guns N' Roses"}},
		"top zero":              {query("$top", "0"), nil},
		"beyond the end":        {query("$skip", "100"), nil},
		"filter without dollar": {query("filter", "Reference eq 'c'", "$top", "1"), []any{"a"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, r.references("/odata/QueueItems"+test.query)); diff != "" {
				t.Error(diff)
			}
		})
	}
	got := r.call("GET", "/odata/QueueItems"+query("$count", "true", "$top", "1", "$select", "Id"), nil, "")
	if got.body["@odata.count"] != 7.0 || len(got.rows()) != 1 || len(got.rows()[0]) != 1 {
		t.Errorf("count and select: %s", got.text)
	}
	if violations := strings.Join(r.Violations(), "\n"); violations != `ListQueueItems: unknown query option "filter"` {
		t.Errorf("violations: %s", violations)
	}
}

func TestQueriesThatAreRefused(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{LookUpsPerMinute: -1})
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf("Reference eq '%d'", i))
	}
	of := func(references []string) string {
		return query("$filter", "QueueDefinitionId eq 1 and ("+strings.Join(references, " or ")+")")
	}
	queries := map[string]string{
		"top beyond the cap":       query("$top", "101"),
		"top below zero":           query("$top", "-1"),
		"top a text":               query("$top", "all"),
		"filter broken":            query("$filter", "Reference eq 'Guns N' Roses'"),
		"too many nodes":           of(many),
		"unknown property":         query("$filter", "Name eq 'a'"),
		"unknown order":            query("$orderby", "Name"),
		"order by DeferDate":       query("$orderby", "DeferDate"),
		"order by content":         query("$orderby", "SpecificContent"),
		"order with a word":        query("$orderby", "Id down"),
		"six orders":               query("$orderby", "Id,Id,Id,Id,Id,Id"),
		"unknown selection":        query("$select", "Id,Name"),
		"unknown option":           query("$where", "Id eq 1"),
		"option in capitals":       query("$Filter", "Id eq 1"),
		"option twice":             query("$top", "1", "$top", "2"),
		"expansion":                query("$expand", "Robot"),
		"count a number":           query("$count", "1"),
		"plus for a space":         "?$filter=Reference+eq+'a'",
		"plus for a plus":          "?$filter=Reference%20eq%20'a+b'",
		"quotes that are not safe": `?$filter=Reference%20eq%20"a"`,
	}
	for name, query := range queries {
		t.Run(name, func(t *testing.T) {
			got := r.call("GET", "/odata/QueueItems"+query, nil, "")
			if got.status != 400 || got.code() != 1000 || !strings.HasPrefix(got.message(), "Invalid OData query options") {
				t.Errorf("got %d %s", got.status, got.text)
			}
		})
	}
	if got := r.call("GET", "/odata/QueueItems"+of(many[1:]), nil, ""); got.status != 200 {
		t.Errorf("19 references: %d %s", got.status, got.text)
	}
	if got := r.call("POST", addPath+query("$filter", "Id eq 1"), nil, itemBody("Invoices", "a")); got.status != 400 {
		t.Errorf("an option of lists: %d %s", got.status, got.text)
	}
	if got := r.call("POST", addPath+query("$select", "Id"), nil, itemBody("Invoices", "a")); got.status != 201 || len(got.body) != 2 {
		t.Errorf("a selection: %d %s", got.status, got.text)
	}
}

func TestRawSpaceInAQueryIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.logIn()
	address := strings.TrimPrefix(strings.SplitAfter(r.URL(), "/acme")[0], "http://")
	conn, err := net.Dial("tcp", strings.TrimSuffix(address, "/acme"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /acme/prod/orchestrator_/odata/QueueItems?$filter=Reference eq 'a' HTTP/1.1\r\nHost: x\r\n"+
		"Authorization: Bearer %s\r\nX-UIPATH-FolderPath: Finance/AP\r\n\r\n", r.token)
	first := make([]byte, 12)
	if _, err := conn.Read(first); err != nil || string(first) != "HTTP/1.1 400" {
		t.Errorf("got %q %v", first, err)
	}
}

func TestTopCaps(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	for range 101 {
		r.AddItem("Finance/AP", "Invoices", uipath.Item{})
	}
	if n := len(r.references("/odata/QueueItems")); n != 100 {
		t.Errorf("%d items without $top, want 100", n)
	}
	for path, limit := range map[string]int{"QueueItems": 100, "Jobs": 1000, "Releases": 1000, "QueueDefinitions": 1000, "Folders": 1000} {
		for top, want := range map[int]int{limit: 200, limit + 1: 400} {
			if got := r.call("GET", "/odata/"+path+query("$top", fmt.Sprint(top)), nil, ""); got.status != want {
				t.Errorf("%s with %d: %d %s", path, top, got.status, got.text)
			}
		}
	}
}

func TestNamesOfQueuesAndProcesses(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	quoted := r.AddQueue("Finance/AP", "Guns N' Roses", uipath.Queue{UniqueReference: true})
	process := r.AddProcess("Finance/AP", "Guns N' Roses")
	r.AddQueue("Elsewhere", "Hidden", uipath.Queue{})
	filter := query("$filter", "Name eq 'guns n'' roses'")
	rows := r.call("GET", "/odata/QueueDefinitions"+filter, nil, "").rows()
	if len(rows) != 1 || rows[0]["Id"] != float64(quoted.ID) || rows[0]["EnforceUniqueReference"] != true || rows[0]["Name"] != "Guns N' Roses" {
		t.Errorf("queues: %v", rows)
	}
	rows = r.call("GET", "/odata/Releases"+filter+"&"+query("$select", "Id,Key,Name")[1:], nil, "").rows()
	want := []map[string]any{{"Id": float64(process.ID), "Key": process.Key, "Name": "Guns N' Roses"}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	namesake := r.AddNamesake("Finance/AP", "GUNS N' ROSES")
	if rows = r.call("GET", "/odata/Releases"+filter, nil, "").rows(); len(rows) != 2 || rows[1]["Key"] != namesake.Key {
		t.Errorf("processes of one name: %v", rows)
	}
	for _, name := range []string{"Hidden", "Nothing"} {
		if rows := r.call("GET", "/odata/QueueDefinitions"+query("$filter", "Name eq '"+name+"'"), nil, "").rows(); len(rows) != 0 {
			t.Errorf("%s: %v", name, rows)
		}
	}
	r.RemoveQueue("Finance/AP", "guns n' roses")
	if rows := r.call("GET", "/odata/QueueDefinitions"+filter, nil, "").rows(); len(rows) != 0 {
		t.Errorf("removed: %v", rows)
	}
}

func TestLookUpsAreLimited(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{LookUpsPerMinute: 3})
	statuses := func(path string, calls int) (got []int) {
		for range calls {
			got = append(got, r.call("GET", path, nil, "").status)
		}
		return got
	}
	if diff := cmp.Diff([]int{200, 200}, statuses("/odata/QueueItems", 2)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{200, 429}, statuses("/odata/Jobs", 2)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{429}, statuses("/odata/QueueItems", 1)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{200, 200}, append(statuses("/odata/QueueDefinitions", 1), statuses("/odata/Releases", 1)...)); diff != "" {
		t.Error(diff)
	}
	if got := r.add("Invoices", "a"); got.status != 201 {
		t.Errorf("adding: %d", got.status)
	}
	r.SetLookUpsPerMinute(0)
	if diff := cmp.Diff([]int{200, 200, 200, 200, 200}, statuses("/odata/QueueItems", 5)); diff != "" {
		t.Error(diff)
	}
}

func TestListsThatLagOrIgnoreTheFilter(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.add("Invoices", "a")
	r.add("Invoices", "b")
	r.call("POST", startPath, nil, jobBody("a"))
	filter := query("$filter", "Reference eq 'a'")

	lag := r.AddFault(uipath.Fault{Kind: uipath.LagLookUps, Delay: time.Hour})
	for _, path := range []string{"/odata/QueueItems", "/odata/Jobs"} {
		if got := r.references(path + filter); got != nil {
			t.Errorf("lagging: %v", got)
		}
	}
	lag.Remove()
	r.SetFault(uipath.Fault{Kind: uipath.LagLookUps, Delay: time.Nanosecond})
	if got := r.references("/odata/QueueItems" + filter); len(got) != 1 {
		t.Errorf("past the lag: %v", got)
	}
	r.SetFault(uipath.Fault{Kind: uipath.IgnoreFilter, Operations: []uipath.Operation{uipath.ListQueueItems}})
	if got := r.references("/odata/QueueItems" + query("$filter", "Reference eq 'nothing'")); len(got) != 2 {
		t.Errorf("ignoring the filter: %v", got)
	}
	if got := r.references("/odata/Jobs" + query("$filter", "Reference eq 'nothing'")); got != nil {
		t.Errorf("another operation: %v", got)
	}
}
