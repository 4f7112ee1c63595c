package automationanywhere

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reply reply
		want  orchestrator.Health
	}{
		"a list":          {reply{status: 200, body: `{"list":[]}`}, orchestrator.Well},
		"forbidden":       {reply{status: 403, body: envelope("no")}, orchestrator.Well},
		"a page":          {reply{status: 200, body: "<html>"}, orchestrator.Ill},
		"a proxy":         {reply{status: 404, body: "<html>"}, orchestrator.Ill},
		"a bad request":   {reply{status: 400, body: "no"}, orchestrator.Ill},
		"an error":        {reply{status: 500, body: envelope("generic.server.exception")}, orchestrator.Ill},
		"a refused token": {reply{status: 401, body: envelope("UM1117")}, orchestrator.Refused},
		"throttled":       {reply{status: 429}, orchestrator.Throttled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := &room{answer: once("Q", tt.reply)}
			if r := api.connector().Probe(t.Context(), job.StartJob); r.Health != tt.want || strings.Contains(r.Detail, canary) {
				t.Errorf("%+v", r)
			}
			if _, body := api.last("Q"); body != `{"page":{"offset":0,"length":1}}` {
				t.Errorf("%s", body)
			}
		})
	}
}

// What a check says of routes, with lists alone.
func TestInspect(t *testing.T) {
	t.Parallel()
	queue := orchestrator.Wanted{Route: "r", Action: job.AddQueueItem, Queue: "Invoices", OwnFolder: true, OwnName: true, ReferenceColumn: "Ref"}
	process := orchestrator.Wanted{Route: "r", Action: job.StartJob, Process: `Bots\Post`, OwnFolder: true, OwnName: true}
	with := func(w orchestrator.Wanted, set func(*orchestrator.Wanted)) orchestrator.Wanted { set(&w); return w }
	post := []fileJSON{{86, `Automation Anywhere\Bots\Post`, taskBot}}
	crowd := func(r *room, content string) *room {
		for i := range 3 {
			r.hold(fmt.Sprint("old-", i), content)
		}
		return r
	}
	options := func(text string) func(*orchestrator.Wanted) {
		return func(w *orchestrator.Wanted) { _ = json.Unmarshal([]byte(text), &w.Options) }
	}
	for name, tt := range map[string]struct {
		room   *room
		wanted orchestrator.Wanted
		want   string // what is said of the route
		asked  string
		detail string
	}{
		"all is well":        {crowd(&room{}, `{}`), queue, "queue ok, reference column ok", "QQI", "col2"},
		"an empty queue":     {&room{}, queue, "queue ok, reference column unknown", "QQI", "no item"},
		"no such column":     {crowd(&room{}, `{}`), with(queue, func(w *orchestrator.Wanted) { w.ReferenceColumn = "Nr" }), "queue ok, reference column warning", "QQI", "none of 3"},
		"not displayed":      {crowd(&room{shown: map[string]string{}}, `{}`), queue, "queue ok, reference column warning", "QQI", "no display column"},
		"no column at all":   {&room{}, with(queue, func(w *orchestrator.Wanted) { w.ReferenceColumn = "" }), "queue ok, look-ups warning", "QQ", "on_unknown"},
		"no such queue":      {&room{}, with(queue, func(w *orchestrator.Wanted) { w.Queue = "Gone" }), "queue error", "QQ", "0 queues"},
		"one that may be":    {&room{}, with(queue, func(w *orchestrator.Wanted) { w.Queue, w.OwnName = "Gone", false }), "queue warning", "QQ", "a message may name it"},
		"a bot that may be":  {&room{}, with(process, func(w *orchestrator.Wanted) { w.OwnName = false }), "bot warning", "QF", "a message may name it"},
		"no consumer":        {&room{answer: once("I", reply{status: 403, body: envelope("no")})}, queue, "queue ok, look-ups warning", "QQI", "403"},
		"a bot":              {&room{bots: post}, process, "bot ok", "QF", "86"},
		"no such bot":        {&room{}, process, "bot error", "QF", "no bot"},
		"a bot by id":        {&room{}, with(process, func(w *orchestrator.Wanted) { w.Process = "86" }), "bot unknown", "Q", ""},
		"users":              {&room{bots: post}, with(process, options(`{"runAsUserIds":[12,"13"]}`)), "bot ok, run-as users ok", "QFU", ""},
		"users, unattended":  {&room{bots: post}, with(process, options(`{"unattendedRequest":{"runAsUserIds":[12,99]}}`)), "bot ok, run-as users error", "QFU", "99"},
		"users that are not": {&room{bots: post}, with(process, options(`{"runAsUserIds":[1]}`)), "bot ok, run-as users error", "QFU", ": 1"},
		"users cannot be read": {&room{bots: post, answer: once("U", reply{status: 403, body: envelope("no")})}, with(process, options(`{"runAsUserIds":[1]}`)),
			"bot ok, run-as users unknown", "QFU", "403"},
		"a pool as well":         {&room{bots: post}, with(process, options(`{"runAsUserIds":[12],"poolIds":["13"]}`)), "bot ok, run-as users ok, device pools ok", "QFUP", ""},
		"a pool that is not":     {&room{bots: post}, with(process, options(`{"unattendedRequest":{"runAsUserIds":[12],"poolIds":[99]}}`)), "bot ok, run-as users ok, device pools error", "QFUP", "99"},
		"devices":                {&room{e11: true, bots: post}, with(process, options(`{"deviceIds":["12"]}`)), "bot ok, devices ok, look-ups warning", "QFM", ""},
		"a device that is not":   {&room{e11: true, bots: post}, with(process, options(`{"deviceIds":[12,99]}`)), "bot ok, devices error, look-ups warning", "QFM", ": 99"},
		"it fails between lists": {&room{bots: post, answer: once("U", reply{status: 502})}, with(process, options(`{"runAsUserIds":[1],"poolIds":[1]}`)), "bot ok, run-as users unknown", "QFU", "502"},
		"Enterprise 11":          {&room{e11: true, bots: post}, process, "bot ok, look-ups warning", "QF", "Enterprise 11"},
		"it fails midway":        {&room{answer: once("F", reply{status: 502})}, with(process, options(`{"runAsUserIds":[1]}`)), "bot unknown", "QF", "502"},
		"the list is slow":       {&room{answer: once("I", reply{status: 401})}, queue, "queue ok, reference column unknown", "QQI", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said, details []string
			for _, f := range tt.room.connector().Inspect(t.Context(), []orchestrator.Wanted{tt.wanted, tt.wanted}) {
				if f.Subject == "route r" {
					said = append(said, fmt.Sprint(f.Check, " ", f.Status))
					details = append(details, f.Detail)
				}
				if (f.Remedy == "") != (f.Status.String() == "ok") || strings.Contains(f.Detail, canary) ||
					strings.HasPrefix(f.Detail, "queue: ") || strings.HasPrefix(f.Detail, "process: ") {
					t.Errorf("%+v", f)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(said, ", ")); diff != "" || !strings.Contains(strings.Join(details, "; "), tt.detail) {
				t.Errorf("%q %s", details, diff)
			}
			if got := tt.room.order(); got != tt.asked {
				t.Errorf("asked %s", got)
			}
		})
	}
}

// A server that is not well ends it at once, and so does the end of the time.
func TestInspectOfNoServer(t *testing.T) {
	t.Parallel()
	wanted := []orchestrator.Wanted{{Route: "r", Action: job.AddQueueItem, Queue: "Invoices"}}
	api := &room{answer: once("Q", reply{status: 503})}
	found := api.connector().Inspect(t.Context(), wanted)
	if len(found) != 2 || found[0].Status.String() != "error" || api.order() != "Q" {
		t.Errorf("%+v", found)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	api = &room{answer: func(string, int) (reply, bool) { return reply{err: context.Canceled}, true }}
	if found := api.connector().Inspect(ctx, wanted); !strings.Contains(found[0].Detail, "time that a check has") {
		t.Errorf("%+v", found)
	}
}
