package request

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

const ceJSON = "application/cloudevents+json"

func TestCloudEvent(t *testing.T) {
	t.Parallel()
	const attributes = `"specversion":"1.0","id":"e-1","source":"/erp/invoices","type":"com.example.invoice"`
	const item = `{"id":"not this","action":"add_queue_item","queue":"Q","content":{"A":1.50}}`
	want := job.Request{ID: "/erp/invoices|e-1", Action: job.AddQueueItem, Queue: "Q", Reference: "/erp/invoices|e-1", Content: job.Fields{"A": []byte("1.50")}}
	binary := []string{"ce-specversion", "1.0", "ce-id", "e-1", "ce-source", "/erp/invoices", "ce-type", "t", "Content-Type", "application/json"}
	tests := map[string]Message{
		"structured": message(`{`+attributes+`,"data":`+item+`}`, "Content-Type", ceJSON),
		"structured, with parameters and other case": message(`{`+attributes+`,"data":`+item+`}`, "content-type", "Application/CloudEvents+JSON; charset=UTF-8"),
		"structured, short content type":             message(`{`+attributes+`,"data":`+item+`}`, "Content-Type", "application/cloudevents"),
		"structured, by content":                     message(`{` + attributes + `,"data":` + item + `}`),
		"structured, by content, data first":         message(`{"data":`+item+`,`+attributes+`}`, "Nats-Msg-Id", "x"),
		"structured, extensions and null": message(`{`+attributes+`,"data":`+item+
			`,"subject":null,"data_base64":null,"time":"2026-01-31T06:00:00Z","traceparent":"00-a","n":1,"comexampleother":true,"datacontenttype":"application/json"}`, "Content-Type", ceJSON),
		"structured, base64": message(`{`+attributes+`,"data_base64":"eyJhY3Rpb24iOiJhZGRfcXVldWVfaXRlbSIsInF1ZXVlIjoiUSIsImNvbnRlbnQiOnsiQSI6MS41MH19"}`, "Content-Type", ceJSON),
		"binary":             message(item, binary...),
		"binary, other case": message(item, "CE-SpecVersion", "1.0", "Ce-Id", "e-1", "CE-SOURCE", "/erp/invoices", "ce-type", "t"),
	}
	for name, m := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(&want, accept(t, openRoute, m)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCloudEventWithNativeData(t *testing.T) {
	t.Parallel()
	m := message(`{"specversion":"1.0","id":"e","source":"s","type":"t","data":{"itemData":{"Name":"Q"}}}`, "Content-Type", ceJSON)
	want := &job.Request{ID: "s|e", Action: job.AddQueueItem, Queue: "Q", Reference: "s|e"}
	if diff := cmp.Diff(want, accept(t, openRoute, m)); diff != "" {
		t.Error(diff)
	}
}

func TestCloudEventRefused(t *testing.T) {
	t.Parallel()
	const data = `,"data":{"action":"add_queue_item","queue":"Q"}}`
	typed := func(body string) Message { return message(body, "Content-Type", ceJSON) }
	tests := map[string]struct {
		m      Message
		reason job.Reason
		detail string
		id     string
	}{
		"other version":       {typed(`{"specversion":"0.3","id":"e","source":"s","type":"t"` + data), job.InvalidRequest, `specversion: must be "1.0", found "0.3"`, "s|e"},
		"no version":          {typed(`{"id":"e","source":"s","type":"t"` + data), job.InvalidRequest, "specversion: ", "s|e"},
		"no id":               {typed(`{"specversion":"1.0","source":"s","type":"t"` + data), job.InvalidRequest, "id: missing", ""},
		"white space id":      {typed(`{"specversion":"1.0","id":" ","source":"s","type":"t"` + data), job.InvalidRequest, "id: missing", "s| "},
		"no source":           {typed(`{"specversion":"1.0","id":"e","type":"t"` + data), job.InvalidRequest, "source: missing", ""},
		"source no URI":       {typed(`{"specversion":"1.0","id":"e","source":"%zz","type":"t"` + data), job.InvalidRequest, "source: missing or not", "%zz|e"},
		"no type":             {typed(`{"specversion":"1.0","id":"e","source":"s"` + data), job.InvalidRequest, "type: missing", "s|e"},
		"id of a wrong type":  {typed(`{"specversion":"1.0","id":1,"source":"s","type":"t"` + data), job.InvalidRequest, "id: must be a string, found a number", ""},
		"no data":             {typed(`{"specversion":"1.0","id":"e","source":"s","type":"t"}`), job.InvalidRequest, "data: missing", "s|e"},
		"null data":           {typed(`{"specversion":"1.0","id":"e","source":"s","type":"t","data":null}`), job.InvalidRequest, "data: missing", "s|e"},
		"both data":           {typed(`{"specversion":"1.0","id":"e","source":"s","type":"t","data_base64":"e30="` + data), job.InvalidRequest, "data, data_base64: only one", "s|e"},
		"broken base64":       {typed(`{"specversion":"1.0","id":"e","source":"s","type":"t","data_base64":"!"}`), job.InvalidRequest, "data_base64: not valid base64", "s|e"},
		"empty base64":        {typed(`{"specversion":"1.0","id":"e","source":"s","type":"t","data_base64":""}`), job.Undecodable, "in data: empty", "s|e"},
		"data is text":        {typed(`{"specversion":"1.0","id":"e","source":"s","type":"t","data":"{}"}`), job.Undecodable, "in data: not a JSON object but a string", "s|e"},
		"data is wrong":       {typed(`{"specversion":"1.0","id":"e","source":"s","type":"t","data":{"qeue":1}}`), job.InvalidRequest, `in data: unknown key "qeue"`, "s|e"},
		"event in an event":   {typed(`{"specversion":"1.0","id":"e","source":"s","type":"t","data":{"specversion":"1.0","id":"f","source":"s","type":"t"}}`), job.InvalidRequest, "in data: unknown key", "s|e"},
		"duplicate attribute": {typed(`{"type":"t","type":"u","specversion":"1.0","id":"e","source":"s"` + data), job.InvalidRequest, "type: duplicate key", "s|e"},
		"duplicate, untyped":  {message(`{"type":"t","type":"u","specversion":"1.0","id":"e","source":"s"` + data), job.InvalidRequest, "type: duplicate key", "s|e"},
		"not JSON":            {typed(`<event/>`), job.Undecodable, "not valid JSON", ""},
		"empty":               {typed(``), job.Undecodable, "empty", ""},
		"array":               {typed(`[]`), job.Undecodable, "not a JSON object", ""},
		"batch":               {message(`[]`, "Content-Type", "application/cloudevents-batch+json"), job.InvalidRequest, "batch", ""},
		"other format":        {message(`x`, "Content-Type", "application/cloudevents+protobuf"), job.InvalidRequest, "application/cloudevents+json", ""},
		"other content type":  {message(`{"specversion":"1.0","id":"e","source":"s","type":"t"`+data, "Content-Type", "text/plain"), job.InvalidRequest, "specversion", "e"},
		"binary, no source":   {message(`{}`, "ce-specversion", "1.0", "ce-id", "e", "ce-type", "t"), job.InvalidRequest, "in the ce- headers: source: missing", ""},
		"binary, version":     {message(`{}`, "ce-specversion", "2.0", "ce-id", "e", "ce-source", "s", "ce-type", "t"), job.InvalidRequest, "specversion", "s|e"},
		"binary, empty":       {message(``, "ce-specversion", "1.0", "ce-id", "e", "ce-source", "s", "ce-type", "t"), job.Undecodable, "in data: empty", "s|e"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.id == "" {
				tt.id = "JOBS-7-1700000000000000001"
			}
			if req := refuse(t, openRoute, tt.m, tt.reason, tt.detail); req.ID != tt.id {
				t.Errorf("id %q, want %q", req.ID, tt.id)
			}
		})
	}
}

func TestTraceContext(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		m             Message
		parent, state string
	}{
		"none":            {message(`{"traceparent":"x"}`), "", ""},
		"header":          {message(`{}`, "Traceparent", "00-a", "tracestate", "s=1", "ce-traceparent", "00-b"), "00-a", "s=1"},
		"binary event":    {message(`{}`, "ce-specversion", "1.0", "ce-traceparent", "00-b", "tracestate", "s=1"), "00-b", ""},
		"structured":      {message(`{"traceparent":"00-c","tracestate":"s=2"}`, "Content-Type", ceJSON), "00-c", "s=2"},
		"structured, bad": {message(`{"traceparent":7`, "Content-Type", ceJSON), "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if p, s := TraceContext(tt.m); p != tt.parent || s != tt.state {
				t.Errorf("got %q %q", p, s)
			}
		})
	}
}
