package request

import (
	"testing"

	"github.com/queueferry/queueferry/internal/job"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	const place = "JOBS-7-1700000000000000001"
	const body = `{"id":"b","action":"add_queue_item","queue":"Q"}`
	const event = `{"specversion":"1.0","id":"e","source":"s","type":"t","data":{"id":"b","action":"add_queue_item","queue":"Q"}}`
	passID := Settings{Transform: `{id, action: "add_queue_item", queue: "Q"}`, Allow: openRoute.Allow}
	noID := Settings{Transform: `{action: "add_queue_item", queue: "Q"}`, Allow: openRoute.Allow}
	tests := map[string]struct {
		s    Settings
		m    Message
		want string
	}{
		"header before all":             {openRoute, message(body, "Queueferry-Request-Id", "h", "Nats-Msg-Id", "n"), "h"},
		"header in another case":        {openRoute, message(body, "queueferry-request-id", "h"), "h"},
		"header exact before others":    {openRoute, message(body, "queueferry-request-id", "low", "QUEUEFERRY-REQUEST-ID", "up", "Queueferry-Request-Id", "h"), "h"},
		"of two cases always the first": {openRoute, message(body, "queueferry-request-id", "low", "QUEUEFERRY-REQUEST-ID", "up"), "up"},
		"first value of a header":       {openRoute, message(body, "Queueferry-Request-Id", "h", "Queueferry-Request-Id", "i"), "h"},
		"empty header counts as none":   {openRoute, message(body, "Queueferry-Request-Id", ""), "b"},
		"body before message id":        {openRoute, message(body, "Nats-Msg-Id", "n"), "b"},
		"empty id counts as none":       {openRoute, message(`{"id":"","action":"add_queue_item","queue":"Q"}`, "Nats-Msg-Id", "n"), "n"},
		"null id counts as none":        {openRoute, message(`{"id":null,"action":"add_queue_item","queue":"Q"}`), place},
		"message id":                    {openRoute, message(`{"action":"add_queue_item","queue":"Q"}`, "nats-msg-id", "n"), "n"},
		"place in the stream":           {openRoute, message(`{"action":"add_queue_item","queue":"Q"}`), place},
		"other headers do not count":    {openRoute, message(`{"action":"add_queue_item","queue":"Q"}`, "Queueferry-Id", "x"), place},
		"event":                         {openRoute, message(event, "Content-Type", ceJSON, "Nats-Msg-Id", "n"), "s|e"},
		"event by content":              {openRoute, message(event), "s|e"},
		"header before the event":       {openRoute, message(event, "Queueferry-Request-Id", "h"), "h"},
		"transform gives the id":        {passID, message(`{"id":"b"}`, "Nats-Msg-Id", "n"), "b"},
		"transform gives none":          {noID, message(`{"id":"b"}`, "Nats-Msg-Id", "n"), "n"},
		"transform of an event":         {passID, message(event, "Content-Type", ceJSON), "s|e"},
		"transform of an event, plain":  {passID, message(event), "s|e"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 5 {
				if got := accept(t, tt.s, tt.m); got.ID != tt.want {
					t.Errorf("id %q, want %q", got.ID, tt.want)
				}
			}
		})
	}
}

// A message that is refused has its id all the same: it is under the id that
// it is looked for among the dead letters.
func TestIdentityOfTheRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		m      Message
		reason job.Reason
		want   string
	}{
		"not JSON":                {message(`{"id":"b"`, "Nats-Msg-Id", "n"), job.Undecodable, "n"},
		"not JSON, header":        {message(`x`, "Queueferry-Request-Id", "h"), job.Undecodable, "h"},
		"unknown key first":       {message(`{"x":1,"id":"b"}`), job.InvalidRequest, "b"},
		"wrong type first":        {message(`{"queue":{"deep":[1]},"id":"b"}`), job.InvalidRequest, "b"},
		"duplicate key first":     {message(`{"x":1,"x":2,"id":"b"}`), job.InvalidRequest, "b"},
		"duplicate below first":   {message(`{"content":{"x":1,"x":2},"id":"b"}`), job.InvalidRequest, "b"},
		"duplicate id":            {message(`{"id":"b","id":"c"}`), job.InvalidRequest, "b"},
		"id of a wrong type":      {message(`{"id":7}`, "Nats-Msg-Id", "n"), job.InvalidRequest, "n"},
		"native beside an id":     {message(`{"id":"b","itemData":{}}`), job.InvalidRequest, "b"},
		"not allowed":             {message(`{"id":"b","action":"start_job","process":"P","options":{"x":1}}`), job.NotAllowed, "b"},
		"missing beside all else": {message(`{"id":"b"}`), job.InvalidRequest, "b"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if req := refuse(t, Settings{Allow: Allow{Processes: []string{"P"}}}, tt.m, tt.reason, ""); req.ID != tt.want {
				t.Errorf("id %q, want %q", req.ID, tt.want)
			}
		})
	}
}
