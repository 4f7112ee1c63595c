package uipath_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func TestCommitTypes(t *testing.T) {
	t.Parallel()
	duplicate := func(ordinal float64) any {
		return map[string]any{"Ordinal": ordinal, "ErrorCode": "DuplicateReference", "ErrorMessage": "Error creating Transaction. Duplicate Reference."}
	}
	tests := map[string]struct {
		commit string
		failed []any
		stored []string // besides the one that was there
	}{
		"each on its own":  {"ProcessAllIndependently", []any{duplicate(2), duplicate(4)}, []string{"a", "b", "c"}},
		"all or nothing":   {"AllOrNothing", []any{duplicate(2), duplicate(4)}, nil},
		"until a failure":  {"StopOnFirstFailure", []any{duplicate(2)}, []string{"a"}},
		"unknown":          {"Sometimes", nil, nil},
		"in another case":  {"allornothing", nil, nil},
		"no type at all":   {"", nil, nil},
		"all or nothing 2": {"AllOrNothing", []any{duplicate(2), duplicate(4)}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, uipath.Settings{})
			r.add("Unique", "there")
			got := r.call("POST", bulkPath, nil, bulkBody(test.commit, "a", "THERE", "b", " B", "c"))
			if test.failed == nil {
				if got.status != 400 {
					t.Errorf("got %d %s", got.status, got.text)
				}
				return
			}
			want := map[string]any{"Success": false, "Message": got.body["Message"], "FailedItems": test.failed}
			if diff := cmp.Diff(want, got.body); got.status != 200 || diff != "" {
				t.Errorf("%d %s", got.status, diff)
			}
			var stored []string
			for _, item := range r.Items()[1:] {
				stored = append(stored, item.Reference)
			}
			if diff := cmp.Diff(test.stored, stored); diff != "" {
				t.Error(diff)
			}
			if n := r.Counts().Effects[uipath.BulkAddQueueItems]; n != len(test.stored) {
				t.Errorf("%d effects, want %d", n, len(test.stored))
			}
		})
	}
}

func TestBulkSuccess(t *testing.T) {
	t.Parallel()
	for _, commit := range []string{"ProcessAllIndependently", "AllOrNothing", "StopOnFirstFailure"} {
		t.Run(commit, func(t *testing.T) {
			t.Parallel()
			r := start(t, uipath.Settings{})
			got := r.call("POST", bulkPath, nil, bulkBody(commit, "a", "b"))
			if got.status != 200 || got.text != `{"Success":true,"Message":null,"FailedItems":[]}` || len(r.Items()) != 2 {
				t.Errorf("got %d %s", got.status, got.text)
			}
		})
	}
}

func TestBulkNamesWhatIsWrongWithItems(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{ContentLimit: 40})
	r.AddQueue("Finance/AP", "Unique", uipath.Queue{UniqueReference: true, Required: []string{"N"}})
	got := r.call("POST", bulkPath, nil, `{"queueName":"unique","commitType":"ProcessAllIndependently","queueItems":[
		{"Reference":"`+strings.Repeat("x", 129)+`","SpecificContent":{"N":1}},
		{"SpecificContent":{"N":1}},
		{"Reference":"c","SpecificContent":{"N":{}}},
		{"Reference":"d","SpecificContent":{"N":"`+strings.Repeat("x", 40)+`"}},
		{"Reference":"e","SpecificContent":{"M":1}},
		{"Reference":"f","Name":"Invoices","SpecificContent":{"N":1}},
		{"Reference":"g","Name":"UNIQUE","SpecificContent":{"N":1}}]}`)
	var names []any
	failed, _ := got.body["FailedItems"].([]any)
	for _, f := range failed {
		names = append(names, f.(map[string]any)["ErrorCode"])
	}
	want := []any{"ParameterInvalid", "TransactionReferenceRequired", "ParameterInvalid", "QueueItemContentSizeExceeded",
		"QueueItemSchemaViolationException", "ParameterInvalid"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("%s\n%s", diff, got.text)
	}
	if len(r.Items()) != 1 {
		t.Errorf("%d items, want 1", len(r.Items()))
	}
}

func TestBulkRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	tests := map[string]struct {
		body string
		want int
		code int
	}{
		"unknown queue":    {`{"queueName":"Nowhere","commitType":"AllOrNothing","queueItems":[{}]}`, 404, 1002},
		"no queue":         {`{"commitType":"AllOrNothing","queueItems":[]}`, 400, 0},
		"empty queue name": {`{"queueName":"","commitType":"AllOrNothing","queueItems":[]}`, 400, 0},
		"unknown member":   {`{"queueName":"Unique","commitType":"AllOrNothing","queueItems":[{"folder":1}]}`, 400, 0},
		"item of no type":  {`{"queueName":"Unique","commitType":"AllOrNothing","queueItems":[null]}`, 400, 0},
		"items no list":    {`{"queueName":"Unique","commitType":"AllOrNothing","queueItems":{}}`, 400, 0},
		"too many": {`{"queueName":"Unique","commitType":"AllOrNothing","queueItems":[{}` +
			strings.Repeat(",{}", 15000) + `]}`, 400, 1009},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := r.call("POST", bulkPath, nil, test.body); got.status != test.want || got.code() != test.code {
				t.Errorf("got %d %s", got.status, got.text)
			}
		})
	}
}

func TestBulkAnswerOfOlderServers(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{LowerCaseBulkAnswer: true})
	if got := r.call("POST", bulkPath, nil, bulkBody("AllOrNothing", "a")); got.body["success"] != true || got.body["failedItems"] == nil {
		t.Errorf("got %s", got.text)
	}
}

func TestBulkThatTellsLess(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.add("Unique", "a")
	r.SetFault(uipath.Fault{Kind: uipath.NullOrdinals})
	got := r.call("POST", bulkPath, nil, bulkBody("ProcessAllIndependently", "a", "b"))
	if !strings.Contains(got.text, `"Ordinal":null,"ErrorCode":"DuplicateReference"`) {
		t.Errorf("got %s", got.text)
	}
	r.SetFault(uipath.Fault{Kind: uipath.NoFailedItems})
	got = r.call("POST", bulkPath, nil, bulkBody("ProcessAllIndependently", "a", "c"))
	if got.body["Success"] != false || !strings.Contains(got.text, `"FailedItems":[]`) {
		t.Errorf("got %s", got.text)
	}
	r.SetFault(uipath.Fault{Kind: uipath.FailItems, ErrorName: "SqlAcquireLockFailure", ErrorCode: 1010, Status: 409,
		Match: func(reference string) bool { return reference == "d" }})
	got = r.call("POST", bulkPath, nil, bulkBody("ProcessAllIndependently", "d", "e"))
	if !strings.Contains(got.text, `[{"Ordinal":1,"ErrorCode":"SqlAcquireLockFailure"`) || len(r.ItemsByReference("Finance/AP", "Unique", "e")) != 1 {
		t.Errorf("got %s", got.text)
	}
	if got := r.add("Unique", "d"); got.status != 409 || got.code() != 1010 {
		t.Errorf("got %d %s", got.status, got.text)
	}
}
