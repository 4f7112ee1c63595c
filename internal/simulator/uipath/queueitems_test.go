package uipath_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func TestAddedItemIsGivenBackAsTheServerKeepsIt(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	got := r.call("POST", addPath, nil, `{"itemData":{"Name":"invoices","Priority":"High","Reference":"  Inv-1 ",
		"DeferDate":"2026-01-31T19:00:00.123456789+01:00","DueDate":"2026-02-01T06:00:00Z","RiskSlaDate":null,"Progress":"begun",
		"SpecificContent":{"Vendor":"AC\u004dE \u00fc","Amount":12.50,"Count":9007199254740993,"Paid":false,"Note":null,
		"When@odata.type":"#String","When":"2026-01-01T00:00:00.1+01:00","Text":"\":\"2026-01-01T00:00:00Z\""}}}`)
	if got.status != 201 {
		t.Fatalf("got %d %s", got.status, got.text)
	}
	item := r.Items()[0]
	want := map[string]any{
		"Reference": "Inv-1 ", "Priority": "High", "Status": "New", "Progress": "begun",
		"DeferDate": "2026-01-31T18:00:00.1234567Z", "DueDate": "2026-02-01T06:00:00Z", "RiskSlaDate": nil,
		"Id": float64(item.ID), "Key": item.Key, "UniqueKey": item.UniqueKey, "OrganizationUnitId": float64(r.folder.ID),
		"SpecificData": `{"DynamicProperties":{"Amount":12.5,"Count":9007199254740993,"Note":null,"Paid":false,"Text":"\":\"2026-01-01T00:00:00Z\"","Vendor":"ACME ü","When":"2025-12-31T23:00:00.1000000Z"}}`,
		"SpecificContent": map[string]any{
			"Vendor": "ACME ü", "Amount": 12.5, "Count": 9007199254740993.0, "Paid": false, "Note": nil,
			"When": "2025-12-31T23:00:00.1000000Z", "Text": `":"2026-01-01T00:00:00Z"`,
		},
	}
	shown := map[string]any{}
	for name := range want {
		shown[name] = got.body[name]
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Error(diff)
	}
	if context := got.body["@odata.context"]; context != r.URL()+"/odata/$metadata#QueueItems/$entity" {
		t.Errorf("context %v", context)
	}
	if item.Queue != "Invoices" || item.Folder != "Finance/AP" || item.Fields()["Vendor"] != "ACME ü" {
		t.Errorf("the books show %+v", item)
	}
	created, err := time.Parse(time.RFC3339, got.body["CreationTime"].(string))
	if err != nil || time.Since(created).Abs() > time.Minute || created.Nanosecond()%int(time.Millisecond) != 0 {
		t.Errorf("created %v %v, want milliseconds", created, err)
	}
}

func TestItemsThatAreRefused(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{ContentLimit: 40, MaxBody: 2000})
	r.AddQueue("Finance/AP", "Schema", uipath.Queue{Required: []string{"Vendor"}})
	data := func(members string) string { return `{"itemData":{"Name":"Invoices",` + members + `}}` }
	content := func(members string) string { return data(`"SpecificContent":{` + members + `}`) }
	const null = "itemData must not be null"
	tests := map[string]struct {
		body    string
		status  int
		code    int
		message string // a part of the answer
	}{
		"empty body":               {"", 400, 0, null},
		"null":                     {"null", 400, 0, null},
		"no itemData":              {"{}", 400, 0, null},
		"itemData null":            {`{"itemData":null}`, 400, 0, null},
		"itemData a list":          {`{"itemData":[]}`, 400, 0, null},
		"unknown member":           {data(`"Folder":"x"`), 400, -1, `"itemData.Folder"`},
		"member in other case":     {data(`"reference":"x"`), 400, -1, `"itemData.reference"`},
		"unknown member at top":    {`{"itemData":{"Name":"Invoices"},"id":1}`, 400, -1, `"errors":{"id"`},
		"member twice":             {data(`"Reference":"a","Reference":"b"`), 400, -1, "not valid JSON"},
		"field twice":              {content(`"A":1,"A":2`), 400, -1, "not valid JSON"},
		"broken JSON":              {`{"itemData":{"Name":"Invoices"}`, 400, -1, "not valid JSON"},
		"two documents":            {data(`"Reference":"a"`) + "{}", 400, -1, "not valid JSON"},
		"not UTF-8":                {data("\"Reference\":\"\xff\""), 400, -1, "not valid JSON"},
		"reference a number":       {data(`"Reference":1`), 400, 0, null},
		"priority unknown":         {data(`"Priority":"Urgent"`), 400, 0, null},
		"priority in lower case":   {data(`"Priority":"high"`), 400, 0, null},
		"date without a zone":      {data(`"DueDate":"2026-01-31T19:00:00"`), 400, 0, null},
		"date of another form":     {data(`"DeferDate":"31.01.2026"`), 400, 0, null},
		"date with a space":        {data(`"DeferDate":"2026-01-31 19:00:00Z"`), 400, 0, null},
		"date that is none":        {data(`"RiskSlaDate":"2026-02-30T19:00:00Z"`), 400, 0, null},
		"content a text":           {data(`"SpecificContent":"{}"`), 400, 0, null},
		"content a list":           {data(`"SpecificContent":[]`), 400, 0, null},
		"nested object":            {content(`"A":{"B":1}`), 400, 1015, "Property values must be simple (like numbers or text)"},
		"nested list":              {content(`"A":[1]`), 400, 1015, "Property values must be simple (like numbers or text)"},
		"field name with at sign":  {content(`"a@b":1`), 400, 1015, "a@b"},
		"field name with hash":     {content(`"a#b":1`), 400, 1015, "a#b"},
		"empty field name":         {content(`"":1`), 400, 1015, "invalid"},
		"foreign annotation":       {content(`"A@odata.context":"#String"`), 400, 1015, "A@odata.context"},
		"annotation without hash":  {content(`"A@odata.type":"String"`), 400, 1015, "A@odata.type"},
		"number out of range":      {content(`"A":1e999`), 400, 1015, "1e999"},
		"reference of 129":         {data(`"Reference":"` + strings.Repeat("x", 129) + `"`), 400, 1009, "The field Reference must be a string with a maximum length of 128"},
		"reference of 130 units":   {data(`"Reference":"` + strings.Repeat("𝄞", 65) + `"`), 400, 1009, "maximum length of 128"},
		"ParentOperationId of 129": {data(`"ParentOperationId":"` + strings.Repeat("x", 129) + `"`), 400, 1009, "ParentOperationId"},
		"source unknown":           {data(`"Source":"Queueferry"`), 400, 1009, "Manual|Apps|ProcessOrchestration"},
		"content too large":        {content(`"A":"` + strings.Repeat("x", 33) + `"`), 413, 0, "Payload Too Large"},
		"body too large":           {content(`"A":"` + strings.Repeat("x", 2000) + `"`), 413, -1, "413"},
		"unknown queue":            {`{"itemData":{"Name":"Nowhere"}}`, 404, 1002, "Nowhere does not exist."},
		"no queue":                 {`{"itemData":{}}`, 404, 1002, "does not exist."},
		"schema":                   {`{"itemData":{"Name":"Schema","SpecificContent":{"A":1}}}`, 409, 0, "Vendor"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := r.call("POST", addPath, nil, test.body)
			if got.status != test.status || !strings.Contains(got.text, test.message) {
				t.Fatalf("got %d %s, want %d with %q", got.status, got.text, test.status, test.message)
			}
			if test.code >= 0 && (got.code() != test.code || got.body["traceId"] == "") {
				t.Errorf("code %d, want %d in the envelope: %s", got.code(), test.code, got.text)
			}
		})
	}
	if items := r.Items(); len(items) != 0 {
		t.Errorf("%d items were added", len(items))
	}
}

func TestItemsThatAreJustAccepted(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{ContentLimit: 40})
	bodies := map[string]string{
		"no content":                      `{"itemData":{"Name":"Invoices"}}`,
		"content null":                    `{"itemData":{"Name":"Invoices","SpecificContent":null,"Priority":null,"DueDate":null,"Reference":null}}`,
		"reference of 128":                `{"itemData":{"Name":"Invoices","Reference":"` + strings.Repeat("x", 128) + `"}}`,
		"reference of 128 units":          `{"itemData":{"Name":"Invoices","Reference":"` + strings.Repeat("𝄞", 64) + `"}}`,
		"content of 40":                   `{"itemData":{"Name":"Invoices","SpecificContent":{"A":"` + strings.Repeat("x", 32) + `"}}}`,
		"content of 40 units":             `{"itemData":{"Name":"Invoices","SpecificContent":{"A":"` + strings.Repeat("ü", 32) + `"}}}`,
		"escapes do not count":            `{"itemData":{"Name":"Invoices","SpecificContent":{"A":"` + strings.Repeat(`\u00fc`, 32) + `"}}}`,
		"source of the enumeration":       `{"itemData":{"Name":"Invoices","Source":"Apps"}}`,
		"dots in field names are allowed": `{"itemData":{"Name":"Invoices","SpecificContent":{"a.b:c":1}}}`,
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			if got := r.call("POST", addPath, nil, body); got.status != 201 {
				t.Errorf("got %d %s", got.status, got.text)
			}
		})
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	tests := map[string]int{
		"": 415, "text/plain": 415, "application/x-www-form-urlencoded": 415, "application/json; charset=iso-8859-1": 415,
		"application/json": 201, "application/json; charset=utf-8": 201, "Application/JSON;odata.metadata=minimal": 201,
	}
	for contentType, want := range tests {
		t.Run("as "+contentType, func(t *testing.T) {
			if got := r.call("POST", addPath, header{"Content-Type": contentType}, itemBody("Invoices", "a")); got.status != want {
				t.Errorf("got %d %s, want %d", got.status, got.text, want)
			}
		})
	}
	if got := r.call("POST", addPath, header{"Content-Encoding": "gzip"}, itemBody("Invoices", "a")); got.status != 415 {
		t.Errorf("encoded body: %d", got.status)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	tests := []struct {
		method, path string
		status       int
		html         bool
	}{
		{"GET", "/odata/Robots", 404, true},
		{"GET", "/odata/queueitems", 404, true},
		{"GET", "//odata/QueueItems", 404, true},
		{"GET", "/odata/QueueItems(x)", 404, true},
		{"GET", "/odata/QueueItems(1", 404, true},
		{"POST", "/odata/QueueItems", 405, false},
		{"GET", addPath, 405, false},
		{"PUT", startPath, 405, false},
		{"GET", "/api/Status/Get", 200, false},
		{"GET", "/odata/QueueItems?" + strings.Repeat("x", 2049), 404, true},
	}
	for _, test := range tests {
		t.Run(test.method+test.path[:min(len(test.path), 30)], func(t *testing.T) {
			got := r.call(test.method, test.path, nil, "")
			if html := strings.HasPrefix(got.header.Get("Content-Type"), "text/html"); got.status != test.status || html != test.html {
				t.Errorf("got %d %s %s", got.status, got.header.Get("Content-Type"), got.text)
			}
		})
	}
	if got, err := r.send(t.Context(), "GET", strings.Replace(r.URL(), "/prod/", "/test/", 1)+"/api/Status/Get", nil, ""); err != nil || got.status != 404 {
		t.Errorf("another tenant: %d %v", got.status, err)
	}
}

func TestTraceIDFollowsTheCaller(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	trace := "0af7651916cd43dd8448eb211c80319c"
	got := r.call("POST", addPath, header{"traceparent": "00-" + trace + "-b7ad6b7169203331-01"}, "{}")
	if id, _ := got.body["traceId"].(string); !strings.HasPrefix(id, "00-"+trace+"-") || len(id) != 55 {
		t.Errorf("trace id %q", id)
	}
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{ClockSkew: -time.Hour})
	got := r.add("Invoices", "a")
	created := r.Items()[0].Created
	if behind := time.Since(created); behind < 59*time.Minute || behind > 61*time.Minute {
		t.Errorf("created %v ago", behind)
	}
	if date, err := time.Parse(time.RFC1123, got.header.Get("Date")); err != nil || time.Since(date) < 59*time.Minute {
		t.Errorf("Date: %q", got.header.Get("Date"))
	}
}

func TestConcurrentAddsOfOneReferenceMakeOneItem(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.logIn()
	statuses := make(chan int, 40)
	for i := range cap(statuses) {
		go func() {
			got, err := r.try(t.Context(), "POST", addPath, nil, itemBody("Unique", "same"))
			if err != nil {
				t.Errorf("call %d: %v", i, err)
			}
			statuses <- got.status
		}()
	}
	counts := map[int]int{}
	for range cap(statuses) {
		counts[<-statuses]++
	}
	if diff := cmp.Diff(map[int]int{201: 1, 409: 39}, counts); diff != "" {
		t.Error(diff)
	}
}

func TestItemsOfAnotherOwner(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	hourAgo := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	content, _ := json.Marshal(map[string]any{"Vendor": "Foreign"})
	if _, ok := r.AddItem("Finance/AP", "Unique", uipath.Item{Reference: "a", Content: content, Created: hourAgo}); !ok {
		t.Fatal("not added")
	}
	if _, ok := r.AddItem("Finance/AP", "Nowhere", uipath.Item{}); ok {
		t.Error("added to a queue that is not there")
	}
	if got := r.add("Unique", "a"); got.code() != 1016 {
		t.Errorf("got %d %s", got.status, got.text)
	}
	rows := r.call("GET", "/odata/QueueItems"+query("$filter", "Reference eq 'a'"), nil, "").rows()
	if len(rows) != 1 || fmt.Sprint(rows[0]["SpecificContent"]) != "map[Vendor:Foreign]" || rows[0]["CreationTime"] != hourAgo.Format(time.RFC3339) {
		t.Errorf("got %v", rows)
	}
}
