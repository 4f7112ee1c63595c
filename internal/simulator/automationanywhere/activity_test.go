package automationanywhere_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
	"github.com/queueferry/queueferry/internal/simulator/server"
)

const activityPath = "/v3/activity/list"

// named starts the bot once under each name.
func (r *rig) named(names ...string) {
	r.t.Helper()
	for _, name := range names {
		if got := r.api(deployV3, `{"fileId":1,"runAsUserIds":[4],"automationName":"`+name+`"}`); got.status != 200 {
			r.t.Fatalf("%d %s", got.status, got.text)
		}
	}
}

func byName(name string) string {
	return `{"filter":{"operator":"eq","field":"automationName","value":"` + name + `"}}`
}

func TestActivities(t *testing.T) {
	t.Parallel()
	r := withBots(t, automationanywhere.Settings{})
	r.named("job-1", "JOB-1", "job-10")
	id := r.Deployments()[0].ID
	r.SetDeploymentStatus(id, "RUNNING")
	eq := func(field, value string) string {
		return `{"filter":{"operator":"eq","field":"` + field + `","value":"` + value + `"}}`
	}
	tests := map[string]struct {
		body   string
		status int
		want   []any
	}{
		"latest first": {`{}`, 200, []any{"job-10", "JOB-1", "job-1"}},
		"name":         {byName("job-1"), 200, []any{"JOB-1", "job-1"}},
		"deploymentId": {eq("deploymentId", id), 200, []any{"job-1"}},
		"status":       {eq("status", "RUNNING"), 200, []any{"job-1"}},
		"file":         {eq("fileId", "1"), 200, []any{"job-10", "JOB-1", "job-1"}},
		"sorted":       {`{"sort":[{"field":"automationName","direction":"asc"}],"page":{"offset":0,"length":2}}`, 200, []any{"JOB-1", "job-1"}},
		"unknown":      {eq("botId", "1"), 400, nil},
	}
	for name, test := range tests {
		got := r.api(activityPath, test.body)
		if diff := cmp.Diff(test.want, got.column("automationName")); diff != "" || got.status != test.status {
			t.Errorf("%s: %d\n%s", name, got.status, diff)
		}
	}
	row := r.api(activityPath, eq("deploymentId", id)).rows()[0]
	if row["status"] != "RUNNING" || row["deploymentId"] != id || row["fileId"] != 1.0 || row["filePath"] != bots+`Post` {
		t.Errorf("the row is %v", row)
	}
	if got := r.api("/v2/activity/list", `{}`); got.status != 404 {
		t.Errorf("the other generation's: %d", got.status)
	}
}

func TestOneActivityForEachRun(t *testing.T) {
	t.Parallel()
	r := withBots(t, automationanywhere.Settings{})
	r.api(deployV3, `{"fileId":1,"runAsUserIds":[4,5],"automationName":"all"}`)
	r.api(deployV3, `{"fileId":1,"runAsUserIds":[4,5],"numOfRunAsUsersToUse":1,"automationName":"one"}`)
	for name, want := range map[string]int{"all": 2, "one": 1} {
		if got := r.api(activityPath, byName(name)); len(got.rows()) != want {
			t.Errorf("%s: %s", name, got.text)
		}
	}
}

func TestActivitiesThatCannotBeSeenYet(t *testing.T) {
	t.Parallel()
	r := withBots(t, automationanywhere.Settings{BlindLists: 1})
	r.named("job-1", "job-2")
	for i, want := range []int{0, 1, 1} {
		if got := r.api(activityPath, byName("job-1")); len(got.rows()) != want {
			t.Errorf("list %d: %s", i, got.text)
		}
	}
	if got := r.api(activityPath, byName("job-2")); len(got.rows()) != 0 {
		t.Errorf("the other one: %s", got.text)
	}
	lag := r.AddFault(server.Lagging(time.Hour, automationanywhere.ListActivity))
	if got := r.api(activityPath, "{}"); len(got.rows()) != 0 {
		t.Errorf("with a lag: %s", got.text)
	}
	lag.Remove()
	if got := r.api(activityPath, "{}"); len(got.rows()) != 2 {
		t.Errorf("after it: %s", got.text)
	}
}

func TestActivitiesThatMislead(t *testing.T) {
	t.Parallel()
	r := withBots(t, automationanywhere.Settings{NameSuffix: true})
	r.named("job-1", "job-2")
	if got := r.api(activityPath, byName("job-1")); len(got.rows()) != 0 {
		t.Errorf("a name with a suffix: %s", got.text)
	}
	if got := r.api(activityPath, `{"filter":{"operator":"substring","field":"automationName","value":"job-1"}}`); len(got.rows()) != 1 {
		t.Errorf("a part of the name: %s", got.text)
	}
	r.AddFault(server.Unfiltered(automationanywhere.ListActivity))
	if got := r.api(activityPath, byName("job-3")); len(got.rows()) != 2 {
		t.Errorf("with the filter ignored: %s", got.text)
	}
	unnamed := withBots(t, automationanywhere.Settings{NamesNotFiltered: true})
	if got := unnamed.api(activityPath, byName("job-1")); got.status != 400 {
		t.Errorf("names are no filter: %d", got.status)
	}
}
