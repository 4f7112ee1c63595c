package setup

import (
	"fmt"
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/request"
)

// What no request of a route to a Control Room could have is said at the start.
func TestRoutesToAControlRoom(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ generation, route, want string }{
		"items":                   {"a360", `fixed: {queue: Q, action: add_queue_item}, reference_column: Ref`, ""},
		"priority of an item":     {"a360", `fixed: {queue: Q, action: add_queue_item}, defaults: {priority: low}`, "routes[0].defaults.priority: "},
		"fixed reference":         {"a360", `fixed: {queue: Q, action: add_queue_item, content: {Ref: "1"}}, reference_column: Ref`, ""},
		"devices":                 {"e11", `fixed: {process: P, action: start_job, options: {deviceIds: [1]}}`, ""},
		"devices by the message":  {"e11", `fixed: {process: P, action: start_job}, allow: {options: [deviceIds]}`, ""},
		"no devices":              {"e11", `fixed: {process: P, action: start_job}`, "routes[0].defaults.options: no request of this route could be valid: options.deviceIds: missing"},
		"users":                   {"a360", `fixed: {process: P, action: start_job}, allow: {options: ["*"]}`, ""},
		"an empty list of users":  {"a360", `fixed: {process: P, action: start_job, options: {runAsUserIds: []}}`, "routes[0].fixed.options: "},
		"a call-back is allowed":  {"a360", `fixed: {process: P, action: start_job, options: {runAsUserIds: [1]}}, allow: {options: [poolIds, callbackInfo]}`, "routes[0].allow.options[1]: "},
		"a number for reference":  {"a360", `fixed: {queue: Q, action: add_queue_item, content: {Ref: 1}}, reference_column: Ref`, "routes[0].fixed.content: "},
		"nothing for reference":   {"a360", `fixed: {queue: Q, action: add_queue_item, content: {Ref: ""}}, reference_column: Ref`, "routes[0].fixed.content: "},
		"no users":                {"a360", `fixed: {process: P, action: start_job}, allow: {options: [overrideDefaultDevice]}`, "options.runAsUserIds: missing"},
		"unattended":              {"a360", `fixed: {process: P, action: start_job, priority: high, options: {unattendedRequest: {poolIds: [1]}}}`, ""},
		"unattended if named":     {"a360", `fixed: {process: P, action: start_job}, allow: {options: [unattendedRequest]}`, ""},
		"priority of an old kind": {"a360", `fixed: {process: P, action: start_job, priority: high, options: {runAsUserIds: [1]}}`, "routes[0].fixed.priority: "},
		"an unknown option":       {"a360", `fixed: {process: P, action: start_job, options: {runAsUserIds: [1], deviceIds: [1]}}`, "routes[0].fixed.options: "},
		"an option of no bot":     {"a360", `fixed: {process: P, action: start_job, options: {runAsUserIds: [1]}}, allow: {options: [poolIds, runasUserIds]}`, `routes[0].allow.options[1]: is not an option of a bot, letter by letter; there are botLabel, callbackInfo, description, `},
		"an option of the other":  {"e11", `fixed: {process: P, action: start_job, options: {deviceIds: [1]}}, allow: {options: [runAsUserIds]}`, "routes[0].allow.options[0]: is not an option of a bot, letter by letter; there are callbackInfo, deviceIds, runWithRdp"},
		"options of either kind":  {"a360", `fixed: {process: P, action: start_job}, allow: {options: [runAsUserIds, unattendedRequest, "*"]}`, ""},
		"a call-back":             {"a360", `fixed: {process: P, action: start_job, options: {runAsUserIds: [1], callbackInfo: {url: "https://h"}}}`, ""},
		"a call-back by default":  {"a360", `fixed: {process: P, action: start_job, options: {runAsUserIds: [1]}}, defaults: {options: {callbackInfo: {url: "https://h"}}}`, "routes[0].defaults.options.callbackInfo: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := fmt.Sprintf(`connections:
  room: {product: automation_anywhere, generation: %s, url: "https://h", credentials: [{grant: control_room, username: u, api_key: k}]}
routes: [{name: r, subjects: [jobs.>], connection: room, %s}]
`, tt.generation, tt.route)
			cfg, err := config.Parse("q.yaml", []byte(text), func(string) (string, bool) { return "", false })
			if err != nil {
				t.Fatal(err)
			}
			err = Supported(cfg)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// A publisher can choose neither a call-back nor a folder, whatever the route
// allows, and the reference goes into the route's column.
func TestDecodersOfAControlRoom(t *testing.T) {
	t.Parallel()
	const text = `connections:
  room: {product: automation_anywhere, generation: a360, url: "https://h", credentials: [{grant: control_room, username: u, api_key: k}]}
routes:
  - {name: any, subjects: [jobs.a.>], connection: room, defaults: {queue: Own, options: {}}, allow: {queues: [Invoices], processes: ["*"], options: ["*", callbackInfo]}, reference_column: Ref}
  - {name: own, subjects: [jobs.b.>], connection: room, fixed: {action: start_job, process: P, options: {callbackInfo: {url: "https://h"}}}}
`
	cfg, err := config.Parse("q.yaml", []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	decoders, err := Decoders(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		route  int
		body   string
		reason job.Reason
		want   func(*job.Request) bool
	}{
		"a call-back":             {0, `{"id":"1","action":"start_job","process":"P","options":{"callbackInfo":{"url":"https://x"}}}`, job.NotAllowed, nil},
		"another option":          {0, `{"id":"1","action":"start_job","process":"P","options":{"poolIds":[1]}}`, "", func(r *job.Request) bool { return !r.FolderFromRoute && r.ReferenceColumn == "" }},
		"another than the fixed":  {1, `{"id":"1","options":{"callbackInfo":{"url":"https://x"}}}`, job.NotAllowed, nil},
		"the fixed one":           {1, `{"id":"1","options":{"callbackInfo":{"url":"https://h"}}}`, "", func(r *job.Request) bool { return r.FolderFromRoute }},
		"a folder":                {1, `{"id":"1","folder":"F"}`, job.InvalidRequest, nil},
		"a queue in another case": {0, `{"id":"1","action":"add_queue_item","queue":"invoices"}`, job.NotAllowed, nil},
		"a queue":                 {0, `{"id":"1","action":"add_queue_item","queue":"Invoices"}`, "", func(r *job.Request) bool { return !r.FolderFromRoute && r.ReferenceColumn == "Ref" }},
		"the route's queue":       {0, `{"id":"1","action":"add_queue_item"}`, "", func(r *job.Request) bool { return r.FolderFromRoute }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, o, ok := decoders[tt.route].Decode(t.Context(), request.Message{Data: []byte(tt.body)})
			if ok != (tt.reason == "") || o.Reason != tt.reason || ok && !tt.want(r) {
				t.Errorf("%+v: %+v", o, r)
			}
		})
	}
}
