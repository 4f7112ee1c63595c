package request

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

func TestQueueferryRequest(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		want job.Request
	}{
		"queue item with all that it can have": {
			`{"id":"inv-1","action":"add_queue_item","folder":"Finance/AP","queue":"Invoices","reference":"ref-1","priority":"high",
			  "defer_until":"2026-01-31T06:00:00Z","due_by":"2026-01-31T19:00:00.25+01:00",
			  "content":{"Vendor":"ACME", "Amount":12.50, "Big":123456789012345678901234567890, "Note":null},"options":{"Progress":"x"}}`,
			job.Request{
				ID: "inv-1", Action: job.AddQueueItem, Folder: "Finance/AP", Queue: "Invoices", Reference: "ref-1", Priority: job.High,
				DeferUntil: time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC), DueBy: time.Date(2026, 1, 31, 18, 0, 0, 250_000_000, time.UTC),
				Content: job.Fields{"Vendor": []byte(`"ACME"`), "Amount": []byte("12.50"), "Big": []byte("123456789012345678901234567890"), "Note": []byte("null")},
				Options: job.Fields{"Progress": []byte(`"x"`)},
			},
		},
		"job with all that it can have": {
			`{"id":"j-1","action":"start_job","folder":"F","process":"Post","reference":"r","priority":"low","arguments":{"in_A":[1, {"b":true}]},"options":{"JobsCount":2}}`,
			job.Request{
				ID: "j-1", Action: job.StartJob, Folder: "F", Process: "Post", Reference: "r", Priority: job.Low,
				Arguments: job.Fields{"in_A": []byte(`[1, {"b":true}]`)}, Options: job.Fields{"JobsCount": []byte("2")},
			},
		},
		"null counts as absent": {
			`{"id":"n","action":"add_queue_item","queue":"Q","folder":null,"process":null,"reference":null,"priority":null,"defer_until":null,
			  "due_by":null,"content":null,"arguments":null,"options":null,"itemData":null,"startInfo":null}`,
			job.Request{ID: "n", Action: job.AddQueueItem, Queue: "Q", Reference: "n"},
		},
		"escapes in keys and values": {
			`{"id":"\u00e4","\u0061ction":"add_queue_item","queue":"a\"b","content":{"\u006bey":"\n"}}`,
			job.Request{ID: "ä", Action: job.AddQueueItem, Queue: `a"b`, Reference: "ä", Content: job.Fields{"key": []byte(`"\n"`)}},
		},
		"empty objects of the other action": {
			`{"id":"e","action":"start_job","process":"P","content":{}}`,
			job.Request{ID: "e", Action: job.StartJob, Process: "P", Reference: "e"},
		},
		"white space around": {
			" \r\n\t{\"id\":\"w\",\"action\":\"start_job\",\"process\":\"P\"}\n ",
			job.Request{ID: "w", Action: job.StartJob, Process: "P", Reference: "w"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(&tt.want, accept(t, openRoute, message(tt.body))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestQueueferryRequestRefused(t *testing.T) {
	t.Parallel()
	const item = `{"id":"x","action":"add_queue_item","queue":"Q"`
	const start = `{"id":"x","action":"start_job","process":"P"`
	tests := map[string]struct {
		body   string
		reason job.Reason
		detail string
	}{
		"empty":                    {"", job.Undecodable, "empty"},
		"white space":              {" \n", job.Undecodable, "empty"},
		"gzip":                     {"\x1f\x8b\x08\x00", job.Undecodable, "compressed with gzip"},
		"text":                     {"hello", job.Undecodable, "not valid JSON at byte 0"},
		"text, like null":          {"not a request", job.Undecodable, "not valid JSON at byte 1"},
		"text, like a boolean":     {"ticket 7", job.Undecodable, "not valid JSON at byte 1"},
		"text, like a number":      {"12 invoices", job.Undecodable, "not valid JSON at byte 3"},
		"cut short":                {item, job.Undecodable, "not valid JSON"},
		"cut short behind a fault": {`{"qeue":1,"id":`, job.Undecodable, "not valid JSON"},
		"array":                    {"[" + item + "}]", job.Undecodable, "not a JSON object but an array"},
		"null":                     {"null", job.Undecodable, "not a JSON object but null"},
		"string":                   {`"x"`, job.Undecodable, "not a JSON object but a string"},
		"number":                   {"-1", job.Undecodable, "not a JSON object but a number"},
		"boolean":                  {"true", job.Undecodable, "not a JSON object but a boolean"},
		"two objects":              {item + "}{}", job.Undecodable, "a second value follows"},
		"text behind":              {item + "} x", job.Undecodable, "not valid JSON"},
		"invalid UTF-8":            {item + ",\"content\":{\"V\":\"\xff\"}}", job.Undecodable, "near content.V: invalid UTF-8"},
		"lone surrogate":           {item + `,"content":{"V":"\ud800"}}`, job.Undecodable, "near content.V"},
		"comment":                  {item + "/* c */}", job.Undecodable, "not valid JSON"},
		"unknown key":              {item + `,"qeue":"Q"}`, job.InvalidRequest, `unknown key "qeue"; did you mean "queue"?`},
		"unknown key in camels":    {item + `,"deferUntil":"Q"}`, job.InvalidRequest, `unknown key "deferUntil"; did you mean "defer_until"?`},
		"unknown key in capitals":  {item + `,"Queue":"Q"}`, job.InvalidRequest, `unknown key "Queue"; did you mean "queue"?`},
		"unknown key, null":        {item + `,"qeue":null}`, job.InvalidRequest, `unknown key "qeue"`},
		"unknown key, nothing near": {
			item + `,"colour":"red"}`, job.InvalidRequest, `unknown key "colour"`,
		},
		"event without content type": {item + `,"specversion":"1.0"}`, job.InvalidRequest, "Content-Type: application/cloudevents+json"},
		"duplicate key":              {item + `,"queue":"R"}`, job.InvalidRequest, "queue: duplicate key"},
		"duplicate key below":        {item + `,"content":{"a":[{"b":1,"b":2}]}}`, job.InvalidRequest, "content.a.0.b: duplicate key"},
		"duplicate key by escape":    {item + `,"que\u0075e":"R"}`, job.InvalidRequest, "queue: duplicate key"},
		"id of the wrong type":       {`{"id":1,"action":"start_job","process":"P"}`, job.InvalidRequest, "id: must be a string, found a number"},
		"action of the wrong type":   {`{"action":{}}`, job.InvalidRequest, "action: must be a string, found an object"},
		"folder of the wrong type":   {item + `,"folder":12}`, job.InvalidRequest, "folder: must be a string, found a number"},
		"queue of the wrong type":    {`{"queue":[]}`, job.InvalidRequest, "queue: must be a string, found an array"},
		"process of the wrong type":  {`{"process":true}`, job.InvalidRequest, "process: must be a string, found a boolean"},
		"content of the wrong type":  {item + `,"content":"{}"}`, job.InvalidRequest, "content: must be an object, found a string"},
		"arguments, wrong type":      {start + `,"arguments":[]}`, job.InvalidRequest, "arguments: must be an object, found an array"},
		"options of the wrong type":  {item + `,"options":7}`, job.InvalidRequest, "options: must be an object, found a number"},
		"empty folder":               {item + `,"folder":""}`, job.InvalidRequest, "folder: empty"},
		"empty queue":                {`{"action":"add_queue_item","queue":""}`, job.InvalidRequest, "queue: empty"},
		"empty process":              {`{"action":"start_job","process":""}`, job.InvalidRequest, "process: empty"},
		"empty reference":            {item + `,"reference":""}`, job.InvalidRequest, "reference: empty"},
		"empty action":               {`{"action":""}`, job.InvalidRequest, "action: empty"},
		"empty priority":             {item + `,"priority":""}`, job.InvalidRequest, "priority: empty"},
		"empty time":                 {item + `,"due_by":""}`, job.InvalidRequest, "due_by: empty"},
		"unknown action":             {`{"action":"add_item"}`, job.InvalidRequest, `action: "add_item" is none; expected add_queue_item or start_job`},
		"unknown priority":           {item + `,"priority":"High"}`, job.InvalidRequest, `priority: "High" is none; expected low, normal or high`},
		"time without zone":          {item + `,"due_by":"2026-01-31T06:00:00"}`, job.InvalidRequest, `due_by: "2026-01-31T06:00:00" is no time; expected RFC 3339 with its zone`},
		"date alone":                 {item + `,"defer_until":"2026-01-31"}`, job.InvalidRequest, "defer_until: "},
		"day that is not":            {item + `,"defer_until":"2026-02-30T06:00:00Z"}`, job.InvalidRequest, "defer_until: "},
		"time of no meaning":         {item + `,"due_by":"0001-01-01T00:00:00Z"}`, job.InvalidRequest, "due_by: "},
		"time beyond the years":      {item + `,"due_by":"9999-12-31T23:59:59-01:00"}`, job.InvalidRequest, "due_by: "},
		"time before the years":      {item + `,"due_by":"0000-06-01T00:00:00Z"}`, job.InvalidRequest, "due_by: "},
		"time with a comma":          {item + `,"due_by":"2026-01-31T06:00:00,5Z"}`, job.InvalidRequest, "due_by: "},
		"time with a short hour":     {item + `,"due_by":"2026-01-31T6:00:00Z"}`, job.InvalidRequest, "due_by: "},
		"time in a zone of no place": {item + `,"due_by":"2026-01-31T06:00:00+24:00"}`, job.InvalidRequest, "due_by: "},
		"time as a number":           {item + `,"due_by":1700000000}`, job.InvalidRequest, "due_by: must be a string, found a number"},
		"no action":                  {`{"queue":"Q"}`, job.InvalidRequest, "action: missing; set it in the request or under fixed or defaults of the route"},
		"no queue":                   {`{"action":"add_queue_item"}`, job.InvalidRequest, "queue: missing; set it in the request or under fixed or defaults of the route"},
		"no process":                 {`{"action":"start_job"}`, job.InvalidRequest, "process: missing"},
		"item with a process":        {item + `,"process":"P"}`, job.InvalidRequest, "process: add_queue_item has none"},
		"item with arguments":        {item + `,"arguments":{"a":1}}`, job.InvalidRequest, "arguments: add_queue_item has none"},
		"job with a queue":           {start + `,"queue":"Q"}`, job.InvalidRequest, "queue: start_job has none"},
		"job with content":           {start + `,"content":{"a":1}}`, job.InvalidRequest, "content: start_job has none"},
		"job with defer_until":       {start + `,"defer_until":"2026-01-31T06:00:00Z"}`, job.InvalidRequest, "defer_until: start_job has none"},
		"job with due_by":            {start + `,"due_by":"2026-01-31T06:00:00Z"}`, job.InvalidRequest, "due_by: start_job has none"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuse(t, openRoute, message(tt.body), tt.reason, tt.detail)
		})
	}
}

// What a publisher wrote as content must not be found in a detail.
func TestDetailsKeepContentToThemselves(t *testing.T) {
	t.Parallel()
	const secret = "s3cret"
	bodies := map[string]string{
		"content":             `{"action":"add_queue_item","queue":"Q","content":"s3cret"}`,
		"value in content":    `{"action":"add_queue_item","queue":"Q","content":{"v":"s3cret}}`,
		"unknown key's value": `{"action":"add_queue_item","queue":"Q","contents":{"v":"s3cret"}}`,
		"duplicate":           `{"action":"add_queue_item","queue":"Q","content":{"v":"s3cret","v":"s3cret"}}`,
		"input arguments":     `{"startInfo":{"ReleaseName":"P","InputArguments":"{\"v\":s3cret}"}}`,
		"reference":           `{"action":"add_queue_item","queue":"Q","reference":" s3cret"}`,
		"behind":              `{"action":"add_queue_item","queue":"Q"}"s3cret"`,
		"far in a long value": `{"action":"` + strings.Repeat("x", 64) + secret + `"}`,
		"base64":              `{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"s3cret!"}`,
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, out, ok := newDecoder(t, openRoute).Decode(t.Context(), message(body))
			if ok || out.Detail == "" || strings.Contains(out.Detail, secret) {
				t.Errorf("taken %v, detail %q", ok, out.Detail)
			}
		})
	}
}

func TestDetailsAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x\\u0001", 50_000)
	for name, body := range map[string]string{
		"key":      `{"` + long + `":1}`,
		"action":   `{"action":"` + long + `"}`,
		"priority": `{"priority":"` + long + `"}`,
		"time":     `{"due_by":"` + long + `"}`,
		"queue":    `{"action":"add_queue_item","queue":"` + long + `"}`,
		"option":   `{"action":"add_queue_item","queue":"Q","options":{"` + long + `":1}}`,
		"pointer":  `{"content":{"` + long + `":{"` + long + `":{"a":1,"a":1}}}}`,
		"native":   `{"itemData":{},"` + long + `":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, out, ok := newDecoder(t, Settings{Defaults: Preset{Queue: "Q"}}).Decode(t.Context(), message(body))
			if ok || out.Detail == "" || len(out.Detail) > 512 {
				t.Errorf("taken %v, %d bytes of detail", ok, len(out.Detail))
			}
		})
	}
}
