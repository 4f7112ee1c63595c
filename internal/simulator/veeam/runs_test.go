package veeam_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

// seen is what a client branches on.
type seen struct {
	State            string
	Running, Stable  bool
	Last             string
	Run, Check, Test string
	Progress         float64
}

func (a *acting) see() seen {
	a.t.Helper()
	got := a.details()
	if got.status != 200 {
		a.t.Fatalf("got %d %s", got.status, got.text)
	}
	return seen{
		State: got.value("state"), Running: got.body["isRunningState"].(bool), Stable: got.body["isStableState"].(bool),
		Last: got.value("lastStableState"), Run: got.value("currentRunResult"), Check: got.value("currentCheckResult"),
		Test: got.value("currentTestResult"), Progress: got.body["totalProgress"].(float64),
	}
}

func (a *acting) expect(when string, want seen) {
	a.t.Helper()
	if diff := cmp.Diff(want, a.see()); diff != "" {
		a.t.Errorf("%s: %s", when, diff)
	}
}

func TestDetails(t *testing.T) {
	t.Parallel()
	a := startWith(t, veeam.Settings{}, veeam.Plan{State: veeam.RestoreComplete})
	want := map[string]any{
		"state": "RestoreComplete", "stateName": "Restored", "resultName": "", "isRunningState": false, "isStableState": true,
		"lastStableState": "RestoreComplete", "lastStableStateName": "Restored", "totalProgress": 0.0,
		"currentRunResult": "Undefined", "currentTestResult": "Undefined", "currentCheckResult": "Undefined",
		"planType": "Restore", "planMode": "Enabled", "recoveryLocationId": "3f6c2d0e-51a8-4f0b-9d3c-6a1b7e9f2c44",
		"isUndoPossible": false, "isEditingByCurrentUser": false, "currentEditingUser": nil, "roles": []any{},
	}
	if diff := cmp.Diff(want, a.details().body); diff != "" {
		t.Error(diff)
	}
	if got := a.get("RuntimeDetails/Plans/" + a.plan.ID + "?x=1"); got.status != 400 {
		t.Errorf("a parameter: %d", got.status)
	}
}

func TestLifeOfARun(t *testing.T) {
	t.Parallel()
	a := startWith(t, veeam.Settings{RunFor: -1}, veeam.Plan{Result: "Warning"})
	rests := seen{State: "NeedsVerification", Last: "NeedsVerification", Run: "Undefined", Check: "Undefined", Test: "Undefined"}
	a.expect("at first", rests)

	a.act(veeam.ReadinessCheck, checkBody)
	checking := rests
	checking.State, checking.Running, checking.Progress = "Checking", true, 50
	a.expect("while it is checked", checking)
	a.Finish(a.plan.ID)
	verified := seen{State: "Verified", Last: "Verified", Run: "Undefined", Check: "Warning", Test: "Undefined", Progress: 100}
	a.expect("checked", verified)

	a.act(veeam.Restore, restoreBody)
	a.expect("while it is restored", seen{State: "Restoring", Running: true, Last: "Verified", Run: "Undefined", Check: "Warning",
		Test: "Undefined", Progress: 50})
	a.Finish(a.plan.ID)
	a.expect("restored", seen{State: "RestoreComplete", Stable: true, Last: "RestoreComplete", Run: "Warning", Check: "Warning",
		Test: "Undefined", Progress: 100})
	if got := a.act(veeam.Restore, restoreBody); got.status != 200 {
		t.Errorf("the same again: %d", got.status)
	}
	a.expect("while it is restored again", seen{State: "Restoring", Running: true, Last: "RestoreComplete", Run: "Undefined", Check: "Warning",
		Test: "Undefined", Progress: 50})
	a.Finish(a.plan.ID)
	a.act(veeam.ReadinessCheck, checkBody)
	a.expect("while it is checked again", seen{State: "Checking", Running: true, Last: "RestoreComplete", Run: "Warning", Check: "Undefined",
		Test: "Undefined", Progress: 50})
}

func TestRunsEndByThemselves(t *testing.T) {
	t.Parallel()
	a := startWith(t, veeam.Settings{RunFor: time.Hour}, veeam.Plan{RunFor: 50 * time.Millisecond})
	a.act(veeam.ReadinessCheck, checkBody)
	soon(t, func() bool { return !a.see().Running })
	run := a.Runs("")[0]
	if took := run.Ended.Sub(run.Began); took != 50*time.Millisecond || run.End != veeam.Finished {
		t.Errorf("it took %v and is %s", took, run.End)
	}
}

func soon(t *testing.T, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen")
		}
	}
}

func TestEndsOfRuns(t *testing.T) {
	t.Parallel()
	wanted := map[server.Operation]veeam.State{veeam.ReadinessCheck: "Checked"}
	tests := map[string]struct {
		settings veeam.Settings
		plan     veeam.Plan
		want     seen
	}{
		"by itself":        {veeam.Settings{}, veeam.Plan{}, seen{State: "Verified", Check: "Success", Progress: 100}},
		"failed":           {veeam.Settings{}, veeam.Plan{Result: "Failed"}, seen{State: "NotVerified", Check: "Failed", Progress: 100}},
		"as the plan says": {veeam.Settings{}, veeam.Plan{Ends: wanted}, seen{State: "Checked", Stable: true, Check: "Success", Progress: 100}},
		"as it began":      {veeam.Settings{}, veeam.Plan{State: veeam.Verified}, seen{State: "Verified", Check: "Success", Progress: 100}},
		"without a trace": {veeam.Settings{TracelessChecks: true}, veeam.Plan{State: veeam.RestoreComplete},
			seen{State: "RestoreComplete", Stable: true, Check: "Undefined"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.settings.RunFor = -1
			a := startWith(t, test.settings, test.plan)
			before := a.details().text
			a.act(veeam.ReadinessCheck, checkBody)
			a.Finish(a.plan.ID)
			a.Finish(a.plan.ID)
			test.want.Last, test.want.Run, test.want.Test = test.want.State, "Undefined", "Undefined"
			a.expect("in the end", test.want)
			if same := a.details().text == before; same != test.settings.TracelessChecks {
				t.Errorf("before %s\nafter %s", before, a.details().text)
			}
		})
	}
}

func TestHaltAndContinue(t *testing.T) {
	t.Parallel()
	a := startWith(t, veeam.Settings{RunFor: -1}, veeam.Plan{Type: veeam.ReplicaPlan})
	a.act(veeam.Failover, failoverBody)
	for step, got := range []reply{a.act(veeam.Halt, `{"fullStop":false}`), a.act(veeam.Continue, `{"executionContinueOptions":"ProceedToNextVm"}`)} {
		if got.status != 200 {
			t.Fatalf("step %d: %d %s", step, got.status, got.text)
		}
	}
	if got := a.State(a.plan.ID); got != veeam.FailingOver {
		t.Errorf("it goes on with %s", got)
	}
	a.Finish(a.plan.ID)
	var ends []veeam.End
	for _, run := range a.Runs("") {
		ends = append(ends, run.End)
	}
	if diff := cmp.Diff([]veeam.End{veeam.Stopped, veeam.Finished, veeam.Finished}, ends); diff != "" || a.State(a.plan.ID) != veeam.FailoverComplete {
		t.Errorf("%s %s", diff, a.State(a.plan.ID))
	}
}

// TestContinueResumesWhatWasHalted halts what the plan's type does not tell.
func TestContinueResumesWhatWasHalted(t *testing.T) {
	t.Parallel()
	a := startWith(t, veeam.Settings{RunFor: -1}, veeam.Plan{})
	a.act(veeam.ReadinessCheck, checkBody)
	a.act(veeam.Halt, `{"fullStop":true}`)
	if got := a.see(); got.State != "Halted" || !got.Stable {
		t.Errorf("halted: %+v", got)
	}
	a.act(veeam.Continue, `{"executionContinueOptions":"RetryFailedVm"}`)
	if got := a.see(); got.State != "Checking" {
		t.Errorf("continued: %+v", got)
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]veeam.State{
		`{"executeReadinessCheck":false}`: veeam.NeedsVerification, `{"executeReadinessCheck":true}`: veeam.Checking,
	} {
		a := startWith(t, veeam.Settings{RunFor: -1}, veeam.Plan{})
		a.act(veeam.Restore, restoreBody)
		a.Finish(a.plan.ID)
		a.act(veeam.ResetState, body)
		if got := a.details(); got.value("state") != string(want) || got.value("planMode") != "Disabled" || got.value("currentRunResult") != "Undefined" {
			t.Errorf("%s: %s", body, got.text)
		}
		a.Finish(a.plan.ID)
		if runs := a.Runs(""); len(runs) != 2 || runs[1].Action != veeam.ResetState || runs[1].End != veeam.Finished {
			t.Errorf("the books have %+v", runs)
		}
	}
}

func TestRestartForgets(t *testing.T) {
	t.Parallel()
	a := startWith(t, veeam.Settings{RunFor: -1}, veeam.Plan{State: veeam.RestoreComplete})
	before := a.details().text
	a.act(veeam.ReadinessCheck, checkBody)
	a.Finish(a.plan.ID)
	a.SetState(a.plan.ID, veeam.RestoreComplete)
	a.act(veeam.Restore, restoreBody)
	a.Restart()
	if got := a.details().text; got != before {
		t.Errorf("before %s\nafter %s", before, got)
	}
	if runs := a.Runs(""); len(runs) != 2 || runs[1].End != veeam.Interrupted {
		t.Errorf("the books have %+v", runs)
	}
}
