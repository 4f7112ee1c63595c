package veeam_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

func TestStatusesOfRefusals(t *testing.T) {
	t.Parallel()
	taken := func(a *acting) { a.SetState(a.plan.ID, veeam.Editing) }
	runs := func(a *acting) { a.Begin(a.plan.ID, veeam.Restore) }
	gone := func(a *acting) { a.plan.ID = "ed1e67cf-f059-4722-bf2e-08f016d0b7b8" }
	odd := func(a *acting) { a.plan.ID = "payroll" }
	disabled := func(a *acting) { a.SetDisabled(a.plan.ID, true) }
	author := func(a *acting) {
		a.SetUser(veeam.User{Username: `LAB\queueferry`, Password: "secret", Role: veeam.PlanAuthor})
	}
	operator := func(a *acting) {
		a.SetUser(veeam.User{Username: `LAB\queueferry`, Password: "secret", Role: veeam.PlanOperator})
	}
	tests := map[string]struct {
		settings veeam.Settings
		before   func(*acting)
		want     int
		why      veeam.Reason
	}{
		"it runs":              {veeam.Settings{}, runs, 409, veeam.Busy},
		"it runs, 400":         {veeam.Settings{BusyStatus: 400}, runs, 400, veeam.Busy},
		"it runs, 500":         {veeam.Settings{BusyStatus: 500}, runs, 500, veeam.Busy},
		"it runs, 200":         {veeam.Settings{BusyStatus: 200, Errors: veeam.WrappedErrors}, runs, 200, veeam.Busy},
		"it is being edited":   {veeam.Settings{}, taken, 409, veeam.Busy},
		"disabled":             {veeam.Settings{}, disabled, 400, veeam.DisabledPlan},
		"disabled, 409":        {veeam.Settings{DisabledStatus: 409}, disabled, 409, veeam.DisabledPlan},
		"unknown":              {veeam.Settings{}, gone, 404, veeam.UnknownPlan},
		"unknown, 400":         {veeam.Settings{UnknownPlanStatus: 400}, gone, 400, veeam.UnknownPlan},
		"unknown, 500":         {veeam.Settings{UnknownPlanStatus: 500}, gone, 500, veeam.UnknownPlan},
		"a name for an id":     {veeam.Settings{}, odd, 404, veeam.UnknownPlan},
		"a plan author":        {veeam.Settings{}, author, 403, veeam.Denied},
		"a plan author, 401":   {veeam.Settings{DeniedStatus: 401}, author, 401, veeam.Denied},
		"a plan operator may":  {veeam.Settings{}, operator, 200, ""},
		"an administrator may": {veeam.Settings{}, func(*acting) {}, 200, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.settings.RunFor = -1
			a := startWith(t, test.settings, veeam.Plan{})
			test.before(a)
			got := a.act(veeam.ReadinessCheck, checkBody)
			if got.status != test.want || (got.header.Get("WWW-Authenticate") != "") != (test.want == 401) {
				t.Errorf("got %d %s", got.status, got.text)
			}
			if test.why == "" {
				return
			}
			attempts := a.Attempts()
			if len(attempts) != 1 || attempts[0].Why != test.why || attempts[0].Plan != a.plan.ID || attempts[0].Action != veeam.ReadinessCheck ||
				string(attempts[0].Body) != checkBody || attempts[0].Holder != `lab\queueferry` || attempts[0].Time.IsZero() {
				t.Errorf("the books have %+v", attempts)
			}
			for _, path := range []string{"Plans/", "RuntimeDetails/Plans/"} {
				want := 200
				if test.why == veeam.UnknownPlan {
					want = test.want
				}
				if got := a.get(path + a.plan.ID); got.status != want {
					t.Errorf("%s: got %d %s", path, got.status, got.text)
				}
			}
		})
	}
}

func TestEditedPlanDoesNotRun(t *testing.T) {
	t.Parallel()
	a := startWith(t, veeam.Settings{}, veeam.Plan{State: veeam.RestoreComplete})
	a.SetState(a.plan.ID, veeam.Editing)
	got := a.details()
	if got.body["isRunningState"] != false || got.body["isStableState"] != false || got.value("planMode") != "InUse" ||
		got.value("lastStableState") != "RestoreComplete" || got.value("currentEditingUser") == "" {
		t.Errorf("got %s", got.text)
	}
}

func TestClientsHaveTheirUsersRole(t *testing.T) {
	t.Parallel()
	a := startWith(t, veeam.Settings{}, veeam.Plan{})
	a.SetUser(veeam.User{Username: `LAB\queueferry`, Password: "secret", Role: veeam.PlanAuthor})
	a.token = a.ask("grant_type", "client_credentials", "client_id", "client", "client_secret", "client-secret").value("access_token")
	if got := a.act(veeam.ReadinessCheck, checkBody); got.status != 403 || a.Attempts()[0].Holder != "client" {
		t.Errorf("got %d %s", got.status, got.text)
	}
	if got := a.get("Plans"); got.status != 200 {
		t.Errorf("the list: %d", got.status)
	}
}

func TestDisabledPlansCanBeEnabled(t *testing.T) {
	t.Parallel()
	a := startWith(t, veeam.Settings{}, veeam.Plan{Disabled: true})
	for _, step := range []struct {
		action server.Operation
		body   string
		want   int
	}{{veeam.ReadinessCheck, checkBody, 400}, {veeam.Enable, "", 200}, {veeam.ReadinessCheck, checkBody, 200}} {
		if got := a.act(step.action, step.body); got.status != step.want {
			t.Errorf("%s: got %d %s", step.action, got.status, got.text)
		}
	}
}

// TestNoPlanRunsTwiceAtOnce lets many callers run one plan over and over.
func TestNoPlanRunsTwiceAtOnce(t *testing.T) {
	t.Parallel()
	const callers, each = 8, 10
	for name, runFor := range map[string]time.Duration{"for ever": -1, "for a moment": time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := startWith(t, veeam.Settings{RunFor: runFor}, veeam.Plan{})
			var group sync.WaitGroup
			var taken, busy atomic.Int64
			for range callers {
				group.Go(func() {
					for range each {
						switch got, err := a.tryAct(t.Context(), veeam.ReadinessCheck, checkBody); got.status {
						case 200:
							taken.Add(1)
						case 409:
							busy.Add(1)
						default:
							t.Error(got.status, err)
						}
					}
				})
			}
			group.Wait()
			runs := a.Runs(strings.ToUpper(a.plan.ID))
			if len(runs) != int(taken.Load()) || a.Refused(veeam.Busy) != int(busy.Load()) || runFor < 0 && len(runs) != 1 {
				t.Errorf("%d runs and %d refusals; the callers know of %d and %d", len(runs), a.Refused(veeam.Busy), taken.Load(), busy.Load())
			}
			for i := 1; i < len(runs); i++ {
				if runs[i-1].Ended.IsZero() || runs[i].Began.Before(runs[i-1].Ended) {
					t.Fatalf("runs overlap: %+v", runs[i-1:i+1])
				}
			}
		})
	}
}

func TestBegunByHand(t *testing.T) {
	t.Parallel()
	a := startWith(t, veeam.Settings{RunFor: -1}, veeam.Plan{})
	if !a.Begin(a.plan.ID, veeam.Restore) || a.Begin(a.plan.ID, veeam.Restore) {
		t.Error("a plan runs once at a time")
	}
	if runs := a.Runs(""); len(runs) != 1 || runs[0].Holder != "" || runs[0].End != veeam.Running || len(a.Attempts()) != 0 {
		t.Errorf("the books have %+v", runs)
	}
	for name, wrong := range map[string]func(){"Finish": func() { a.Finish("x") }, "Begin": func() { a.Begin("x", veeam.Restore) }} {
		func() {
			defer func() {
				if fmt.Sprint(recover()) != "veeam simulator: no plan x" {
					t.Errorf("%s took an unknown plan", name)
				}
			}()
			wrong()
		}()
	}
}
