package check

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/request"
)

func TestWanted(t *testing.T) {
	t.Parallel()
	type preset = request.Preset
	type allow = request.Allow
	items, jobs := job.AddQueueItem, job.StartJob
	item := func(folder, queue string, own bool) orchestrator.Wanted {
		return orchestrator.Wanted{Route: "r", Action: items, Folder: folder, Queue: queue, OwnFolder: own, OwnName: own}
	}
	start := func(folder, process string, own bool) orchestrator.Wanted {
		return orchestrator.Wanted{Route: "r", Action: jobs, Folder: folder, Process: process, OwnFolder: own, OwnName: own}
	}
	folder := func(w orchestrator.Wanted) orchestrator.Wanted { w.OwnFolder = true; return w }
	name := func(w orchestrator.Wanted) orchestrator.Wanted { w.OwnName = true; return w }
	tests := map[string]struct {
		fixed, defaults preset
		allow           allow
		want            []orchestrator.Wanted
		open            string
	}{
		"all is fixed": {fixed: preset{Action: items, Folder: "F", Queue: "Q"}, want: []orchestrator.Wanted{item("F", "Q", true)}},
		"a job":        {fixed: preset{Action: jobs, Folder: "F", Process: "P"}, want: []orchestrator.Wanted{start("F", "P", true)}},
		"an action that the message chooses": {
			fixed: preset{Folder: "F", Queue: "Q", Process: "P"}, want: []orchestrator.Wanted{item("F", "Q", true), start("F", "P", true)},
		},
		"an action that has no name": {fixed: preset{Folder: "F", Queue: "Q"}, want: []orchestrator.Wanted{item("F", "Q", true)}},
		"allowed queues": {
			fixed: preset{Action: items, Folder: "F"}, defaults: preset{Queue: "Q"}, allow: allow{Queues: []string{"q", "R"}},
			want: []orchestrator.Wanted{item("F", "Q", true), folder(item("F", "R", false))},
		},
		"several folders": {
			fixed: preset{Action: items}, defaults: preset{Folder: "F", Queue: "Q"}, allow: allow{Folders: []string{"G"}, Queues: []string{"R"}},
			want: []orchestrator.Wanted{item("F", "Q", true), name(item("G", "Q", false)), folder(item("F", "R", false)), item("G", "R", false)},
		},
		"any queue": {
			fixed: preset{Action: items, Folder: "F"}, allow: allow{Queues: []string{"*"}},
			want: []orchestrator.Wanted{folder(item("F", "", false))}, open: "any queue",
		},
		"any folder": {
			fixed: preset{Action: items, Queue: "Q"}, allow: allow{Folders: []string{"*", "F"}},
			want: []orchestrator.Wanted{item("F", "", false)}, open: "any folder",
		},
		"any folder beside the default one": {
			fixed: preset{Action: items, Queue: "Q"}, defaults: preset{Folder: "F"}, allow: allow{Folders: []string{"*"}},
			want: []orchestrator.Wanted{item("F", "Q", true)}, open: "any folder",
		},
		"nothing is known": {allow: allow{Folders: []string{"*"}, Processes: []string{"*"}}, open: "any folder and any process"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := &config.Config{Routes: []config.Route{
				{Name: "r", Connection: "acme", Fixed: tt.fixed, Defaults: tt.defaults, Allow: tt.allow},
				{Name: "other", Connection: "beta", Fixed: request.Preset{Action: items, Folder: "X", Queue: "Y"}},
			}}
			got, open := wanted(cfg, "acme")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if (tt.open == "") != (len(open) == 0) || len(open) > 0 && !strings.Contains(open[0].Detail, tt.open) {
				t.Errorf("%+v", open)
			}
		})
	}
}

func TestRoutesOffline(t *testing.T) {
	t.Parallel()
	cfg := &config.Config{
		Connections: []config.Connection{{Name: "acme", Timeout: 20 * time.Second}},
		Routes: []config.Route{
			{Name: "long", Connection: "acme", AckWait: 30 * time.Second}, {Name: "short", Connection: "acme", AckWait: 20 * time.Second},
			{Name: "paused", Connection: "acme", AckWait: time.Minute, Pause: true},
		},
	}
	var got []string
	for _, f := range offlineRoutes(cfg) {
		got = append(got, f.Subject+" "+f.Check+" "+f.Status.String())
		if f.Subject == "route short" && !strings.Contains(f.Remedy, "30s") {
			t.Error(f.Remedy)
		}
	}
	want := []string{"route long ack_wait ok", "route short ack_wait warning", "route paused pause warning", "route paused ack_wait ok"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	both := []job.Action{job.AddQueueItem, job.StartJob}
	tests := map[string]struct {
		granted []string
		needs   []job.Action
		want    []finding.Status
	}{
		"whole":               {[]string{"OR.Queues", "OR.Jobs", "OR.Execution"}, both, []finding.Status{finding.OK}},
		"halves":              {[]string{"OR.Queues.Read", "OR.Queues.Write", "OR.Jobs.Read", "OR.Jobs.Write", "OR.Execution.Read"}, both, []finding.Status{finding.OK}},
		"by roles":            {[]string{"OR.Default"}, both, []finding.Status{finding.OK}},
		"of no use":           {[]string{"OR.Folders"}, both, []finding.Status{finding.Error}},
		"to read only":        {[]string{"OR.Queues.Read"}, both[:1], []finding.Status{finding.Error}},
		"to start only":       {[]string{"OR.Jobs.Write", "OR.Execution.Read"}, both[1:], []finding.Status{finding.Warning}},
		"a token says none":   {nil, both, nil},
		"a case of no matter": {[]string{"or.queues"}, both[:1], []finding.Status{finding.OK}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []finding.Status
			for _, f := range scopes(config.UiPath, "s", "scopes", tt.granted, tt.needs) {
				got = append(got, f.Status)
			}
			if !slices.Equal(got, tt.want) {
				t.Error(got)
			}
		})
	}
	all := scopes(config.UiPath, "s", "scopes", []string{"OR.Queues.Write"}, both)
	for _, want := range []string{"OR.Queues.Read, to read", "holds the route", "OR.Jobs.Write, to start jobs", "OR.Execution.Read"} {
		if !strings.Contains(all[0].Detail, want) {
			t.Errorf("no %q in %s", want, all[0].Detail)
		}
	}
	if got := scopes(config.Veeam, "s", "scopes", []string{"x"}, both); got != nil {
		t.Errorf("another product: %+v", got)
	}
}

// What no token lets be read is not asked for.
func TestReadable(t *testing.T) {
	t.Parallel()
	names := []orchestrator.Wanted{{Action: job.AddQueueItem}, {Action: job.StartJob}}
	for name, tt := range map[string]struct {
		product config.Product
		tokens  map[uint64][]string
		want    []orchestrator.Wanted
	}{
		"both":              {config.UiPath, map[uint64][]string{1: {"OR.Queues", "OR.Execution"}}, names},
		"neither":           {config.UiPath, map[uint64][]string{1: {"OR.Queues.Write", "OR.Jobs"}}, nil},
		"queues":            {config.UiPath, map[uint64][]string{1: {"OR.Queues.Read"}}, names[:1]},
		"one token of two":  {config.UiPath, map[uint64][]string{1: {"OR.Queues.Write"}, 2: {"OR.Default"}}, names},
		"a token says none": {config.UiPath, map[uint64][]string{1: nil}, names},
		"no token is seen":  {config.UiPath, nil, names},
		"another product":   {config.Veeam, map[uint64][]string{1: {"x"}}, names},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, readable(tt.product, tt.tokens, names)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScopesOfAToken(t *testing.T) {
	t.Parallel()
	for token, want := range map[string][]string{
		"e30.eyJzY29wZSI6WyJPUi5RdWV1ZXMiLCJPUi5Kb2JzIl19.x": {"OR.Queues", "OR.Jobs"},
		"e30.eyJzY29wZSI6Ik9SLlF1ZXVlcyBPUi5Kb2JzIn0.x":      {"OR.Queues", "OR.Jobs"},
		"e30.eyJzY29wZSI6N30.x":                              nil,
		"e30.bm90IGpzb24.x":                                  nil,
		"rt_opaque":                                          nil,
		"a.%%%.c":                                            nil,
	} {
		if got := scopesOf(token); !slices.Equal(got, want) {
			t.Errorf("%s: %q", token, got)
		}
	}
	if got := shown([]string{"OR.Queues", "hunter2", "OR.\x1b[31m", "OR." + strings.Repeat("x", 99)}); !slices.Equal(got, []string{"OR.Queues"}) {
		t.Errorf("shown: %q", got)
	}
}
