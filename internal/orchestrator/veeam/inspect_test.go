package veeam

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// wants is what a route wants of plans: names and actions alternate.
func wants(own bool, all ...string) (w []orchestrator.Wanted) {
	for i := 0; i < len(all); i += 2 {
		w = append(w, orchestrator.Wanted{Route: "r", Action: job.StartJob, Process: all[i], PlanAction: all[i+1], OwnName: own})
	}
	return w
}

// report is a line for each finding, and an error for one that is not complete.
func report(t *testing.T, f *api, wanted []orchestrator.Wanted) (lines []string) {
	t.Helper()
	for _, found := range f.connector().Inspect(t.Context(), wanted) {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s", found.Subject, found.Check, found.Status)))
		if strings.Contains(found.Detail+found.Remedy, canary) || (found.Remedy == "") != (found.Status.String() == "ok") {
			t.Errorf("%+v", found)
		}
	}
	for _, call := range f.calls {
		if !strings.HasPrefix(call, http.MethodGet+" ") {
			t.Errorf("%s", call)
		}
	}
	return lines
}

// Each plan is looked for by its name or UUID, in the list and among the enabled
// ones, and each action that may be done with it is told.
func TestInspect(t *testing.T) {
	t.Parallel()
	both := listOf(planA, "Site A", planB, "Site B")
	enabled := func(all, on reply) func(string) reply {
		return func(query string) reply {
			if strings.Contains(query, "onlyEnabled=true") {
				return on
			}
			return all
		}
	}
	for name, tt := range map[string]struct {
		plans  func(string) reply
		state  func(int) reply
		wanted []orchestrator.Wanted
		want   string // the plan's finding
		says   string
		acts   string
	}{
		"there":                {nil, nil, wants(true, "Site A", readinessCheck), "ok", planA, "ok"},
		"by UUID":              {nil, nil, wants(true, strings.ToUpper(planA), readinessCheck), "ok", planA, "ok"},
		"real actions":         {nil, nil, wants(true, "Site A", readinessCheck, "Site A", "Failover", "Site A", "Undo"), "ok", "Failover, Undo", "warning"},
		"missing":              {nil, nil, wants(true, "site a", readinessCheck), "error", `there is no plan "site a"`, "ok"},
		"missing, allowed":     {nil, nil, wants(false, "Site C", readinessCheck), "warning", "a message may name it", "ok"},
		"missing, by UUID":     {nil, nil, wants(true, strings.Replace(planA, "1", "3", 1), readinessCheck), "error", "there is no plan", "ok"},
		"several":              {enabled(listOf(planA, "Site A", planB, "Site A"), both), nil, wants(true, "Site A", readinessCheck), "error", "there are 2 plans", "ok"},
		"disabled":             {enabled(both, listOf(planB, "Site B")), nil, wants(true, "Site A", readinessCheck), "warning", "is not enabled", "ok"},
		"modes are not told":   {enabled(both, reply{status: 400}), nil, wants(true, "Site A", readinessCheck), "ok", planA, "ok"},
		"no runtime details":   {nil, always(404, ownError), wants(true, "Site A", readinessCheck), "ok", planA, "ok"},
		"state not to be read": {nil, always(403, ownError), wants(true, "Site A", readinessCheck), "unknown", "could not be looked at", "ok"},
		"half a list, there": {enabled(reply{status: 200, body: strings.Replace(both.body, `"total":2`, `"total":3`, 1)}, both), nil,
			wants(true, "Site A", readinessCheck), "error", "may be the name of several", "ok"},
		"half a list, not there": {enabled(reply{status: 200, body: strings.Replace(both.body, `"total":2`, `"total":3`, 1)}, both), nil,
			wants(true, "Site C", readinessCheck), "unknown", "could not be read to its end", "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &api{plans: tt.plans, state: tt.state}
			want := []string{"orchestrator ok", "permissions unknown", "route r plan " + tt.want, "route r actions " + tt.acts}
			if diff := cmp.Diff(want, report(t, f, tt.wanted)); diff != "" {
				t.Error(diff)
			}
			text := fmt.Sprint(f.connector().Inspect(t.Context(), tt.wanted))
			if !strings.Contains(text, tt.says) || !strings.Contains(text, "version v7.21") {
				t.Errorf("%s", text)
			}
		})
	}
}

// Where the product does not answer nothing else is looked at.
func TestInspectWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer func(string) reply
		says   string
	}{
		"another version": {func(string) reply { return reply{status: 404, body: ownError} }, "Set api_version"},
		"a page":          {func(string) reply { return reply{status: 404, body: htmlPage} }, "Set api_version"},
		"down":            {func(string) reply { return reply{status: 503} }, "status 503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &api{plans: tt.answer}
			if diff := cmp.Diff([]string{"orchestrator error", "routes unknown"}, report(t, f, wants(true, "Site A", readinessCheck))); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"orchestrator error"}, report(t, f, nil)); diff != "" {
				t.Error(diff)
			}
			if text := fmt.Sprint(f.connector().Inspect(t.Context(), nil)); !strings.Contains(text, tt.says) || f.order != "LLL" {
				t.Errorf("%s after %s", text, f.order)
			}
		})
	}
	f := &api{plans: func(string) reply { return reply{status: 403, body: ownError} }}
	if diff := cmp.Diff([]string{"orchestrator ok", "plans error", "routes unknown"}, report(t, f, wants(true, "Site A", readinessCheck))); diff != "" {
		t.Error(diff)
	}
}

// A plan that several routes name is read once, and not more plans than there is
// time for.
func TestInspectReadsLittle(t *testing.T) {
	t.Parallel()
	var rows []string
	var wanted []orchestrator.Wanted
	for i := range maxInspected + 20 {
		id := fmt.Sprintf("%08x-aaaa-4aaa-8aaa-111111111111", i)
		rows = append(rows, id, "Plan "+id)
		for _, route := range []string{"r", "s"} {
			wanted = append(wanted, orchestrator.Wanted{Route: route, Process: id, PlanAction: readinessCheck})
		}
	}
	f := &api{plans: func(query string) reply {
		if strings.Contains(query, "limit=1") && !strings.Contains(query, "limit=100") {
			return listOf()
		}
		return paged(1000, rows...)(query)
	}}
	text := fmt.Sprint(f.connector().Inspect(context.Background(), wanted))
	if n := strings.Count(f.order, "S"); n != maxInspected || strings.Count(f.order, "L") != 5 || !strings.Contains(text, "the state of 20 plans was not read") {
		t.Errorf("%d states, %d lists", n, strings.Count(f.order, "L"))
	}
}
