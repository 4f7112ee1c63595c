package veeam_test

import (
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

// good is a body of each action and a plan that it fits.
var good = map[server.Operation]struct {
	body string
	plan veeam.Plan
	end  veeam.State
}{
	veeam.ReadinessCheck: {checkBody, veeam.Plan{}, veeam.Verified},
	veeam.Restore:        {restoreBody, veeam.Plan{}, veeam.RestoreComplete},
	veeam.Failover:       {failoverBody, veeam.Plan{Type: veeam.StoragePlan}, veeam.FailoverComplete},
	veeam.Enable:         {"", veeam.Plan{Disabled: true}, veeam.NeedsVerification},
	veeam.Disable:        {"", veeam.Plan{}, veeam.NeedsVerification},
	veeam.ResetState:     {`{"executeReadinessCheck":false}`, veeam.Plan{State: veeam.RestoreComplete}, veeam.NeedsVerification},
	veeam.Continue:       {`{"executionContinueOptions":"RetryFailedStep"}`, veeam.Plan{State: veeam.Halted}, veeam.RestoreComplete},
	veeam.Undo:           {"", veeam.Plan{Type: veeam.StoragePlan, State: veeam.Halted}, veeam.UndoComplete},
	veeam.PermanentFailover: {"", veeam.Plan{Type: veeam.ReplicaPlan, State: veeam.FailoverComplete},
		veeam.PermanentFailoverComplete},
	veeam.PrepareToFailback: {"", veeam.Plan{Type: veeam.ReplicaPlan, State: veeam.FailoverComplete},
		veeam.PrepareToFailbackComplete},
	veeam.FailbackToProduction: {`{"restoreLocationId":"3f6c2d0e-51a8-4f0b-9d3c-6a1b7e9f2c44","failbackRestoreVMTags":true}`,
		veeam.Plan{Type: veeam.ReplicaPlan, State: veeam.FailoverComplete}, veeam.FailbackComplete},
	veeam.SwitchoverToProduction: {"", veeam.Plan{Type: veeam.ReplicaPlan, State: veeam.FailbackComplete}, veeam.SwitchoverComplete},
	veeam.CommitFailback:         {"", veeam.Plan{Type: veeam.ReplicaPlan, State: veeam.FailbackComplete}, veeam.CommitFailbackComplete},
}

func TestActions(t *testing.T) {
	t.Parallel()
	for _, action := range veeam.Actions {
		if action == veeam.Halt || action == veeam.MalwareScan {
			continue // in tests of their own
		}
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			a := startWith(t, veeam.Settings{RunFor: -1}, good[action].plan)
			if got := a.act(action, good[action].body); got.status != 200 || got.text != "" || got.header.Get("Location") != "" {
				t.Fatalf("got %d %s", got.status, got.text)
			}
			a.Finish(a.plan.ID)
			if got := a.State(a.plan.ID); got != good[action].end {
				t.Errorf("it ended in %s", got)
			}
			runs := a.Runs(a.plan.ID)
			if len(runs) != 1 || runs[0].Action != action || string(runs[0].Body) != good[action].body ||
				runs[0].Holder != `lab\queueferry` || runs[0].End != veeam.Finished || runs[0].Ended.Before(runs[0].Began) {
				t.Errorf("the books have %+v", runs)
			}
		})
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		action server.Operation
		body   string
	}{
		"no body":                {veeam.ReadinessCheck, ""},
		"null":                   {veeam.ReadinessCheck, "null"},
		"a list":                 {veeam.ReadinessCheck, "[]"},
		"not JSON":               {veeam.ReadinessCheck, "{"},
		"something after it":     {veeam.ReadinessCheck, checkBody + "x"},
		"a member is missing":    {veeam.ReadinessCheck, "{}"},
		"a member twice":         {veeam.ReadinessCheck, `{"generateReport":false,"generateReport":true}`},
		"an unknown member":      {veeam.ReadinessCheck, `{"generateReport":false,"force":true}`},
		"another case":           {veeam.ReadinessCheck, `{"GenerateReport":false}`},
		"text for a boolean":     {veeam.ReadinessCheck, `{"generateReport":"false"}`},
		"null for a boolean":     {veeam.ReadinessCheck, `{"generateReport":null}`},
		"a body where none is":   {veeam.Disable, "{}"},
		"Failover's date here":   {veeam.Restore, strings.Replace(restoreBody, "restorepointDate", "restorePointDate", 1)},
		"Restore's date here":    {veeam.Failover, strings.Replace(failoverBody, "restorePointDate", "restorepointDate", 1)},
		"no date":                {veeam.Restore, strings.Replace(restoreBody, "null", `"yesterday"`, 1)},
		"no location":            {veeam.Restore, strings.Replace(restoreBody, "00000000-0000-0000-0000-000000000000", "Berlin", 1)},
		"an unknown way to go":   {veeam.Continue, `{"executionContinueOptions":"Proceed"}`},
		"another case of Halt's": {veeam.Halt, `{"fullstop":true}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := startWith(t, veeam.Settings{}, good[test.action].plan)
			want := 400
			if test.body == "" {
				want = 415 // no body, no content type
			}
			if got := a.act(test.action, test.body); got.status != want || len(a.Runs("")) != 0 || len(a.Attempts()) != 0 {
				t.Errorf("got %d %s", got.status, got.text)
			}
		})
	}
}

func TestContentTypeOfActions(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "application/json; charset=utf-16": 415,
		"text/json": 415, "application/x-www-form-urlencoded": 415, "": 415,
	} {
		a := startWith(t, veeam.Settings{}, veeam.Plan{})
		got := a.call("POST", "/api/v7.21/Plans/"+a.plan.ID+"/ReadinessCheck",
			header{"Authorization": "Bearer " + a.token, "Content-Type": contentType}, checkBody)
		if got.status != want {
			t.Errorf("%q: got %d, want %d", contentType, got.status, want)
		}
	}
}

func TestOmittableMembers(t *testing.T) {
	t.Parallel()
	a := startWith(t, veeam.Settings{OmittableMembers: true}, veeam.Plan{})
	if got := a.act(veeam.ReadinessCheck, "{}"); got.status != 200 {
		t.Errorf("got %d %s", got.status, got.text)
	}
}

func TestPathsOfActions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		product, method, version, rest string
		want                           int
	}{
		"good":                 {"13", "POST", "v13", "/ReadinessCheck", 200},
		"another case":         {"13", "POST", "v13", "/readinesscheck", 404},
		"unknown action":       {"13", "POST", "v13", "/Run", 404},
		"a title, no path":     {"13", "POST", "v13", "/Failback", 404},
		"further down":         {"13", "POST", "v13", "/ReadinessCheck/Now", 404},
		"another method":       {"13", "GET", "v13", "/ReadinessCheck", 405},
		"with a parameter":     {"13", "POST", "v13", "/ReadinessCheck?force=true", 400},
		"old version":          {"13", "POST", "v7.1", "/ReadinessCheck", 404},
		"new version":          {"7.2.1", "POST", "v13", "/ReadinessCheck", 404},
		"a scan with v13":      {"13", "POST", "v13", "/MalwareScan", 200},
		"a scan with v13.1":    {"13.1", "POST", "v13.1", "/MalwareScan", 200},
		"a scan before it":     {"13", "POST", "v7.21", "/MalwareScan", 404},
		"details by POST":      {"13", "POST", "v13", "", 405},
		"a parameter of a GET": {"13", "GET", "v13", "?x=1", 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := startWith(t, veeam.Settings{Version: test.product}, veeam.Plan{})
			headers, body := header{"Authorization": "Bearer " + a.token}, ""
			if strings.Contains(test.rest, "ReadinessCheck") {
				headers["Content-Type"], body = "application/json", checkBody
			}
			got := a.call(test.method, "/api/"+test.version+"/Plans/"+a.plan.ID+test.rest, headers, body)
			if got.status != test.want {
				t.Errorf("got %d %s, want %d", got.status, got.text, test.want)
			}
		})
	}
}

func TestActionsThatDoNotFit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		action server.Operation
		plan   veeam.Plan
	}{
		"failover of a restore plan":      {veeam.Failover, veeam.Plan{}},
		"restore of a replica plan":       {veeam.Restore, veeam.Plan{Type: veeam.ReplicaPlan}},
		"halt of a plan that rests":       {veeam.Halt, veeam.Plan{}},
		"continue of a plan that rests":   {veeam.Continue, veeam.Plan{}},
		"undo of nothing":                 {veeam.Undo, veeam.Plan{Type: veeam.ReplicaPlan}},
		"commit of no failback":           {veeam.CommitFailback, veeam.Plan{Type: veeam.ReplicaPlan, State: veeam.FailoverComplete}},
		"permanent failover of a storage": {veeam.PermanentFailover, veeam.Plan{Type: veeam.StoragePlan, State: veeam.FailoverComplete}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := startWith(t, veeam.Settings{}, test.plan)
			body := good[test.action].body
			if test.action == veeam.Halt {
				body = `{"fullStop":true}`
			}
			if got := a.act(test.action, body); got.status != 400 || a.Refused(veeam.Unfit) != 1 || len(a.Runs("")) != 0 {
				t.Errorf("got %d %s", got.status, got.text)
			}
		})
	}
}
