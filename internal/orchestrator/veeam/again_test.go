package veeam

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// After a lost answer the plan's state decides. Only a readiness check is made
// again, whatever the route says of what nobody knows.
func TestAgain(t *testing.T) {
	t.Parallel()
	const (
		editing   = `{"state":"Editing","isRunningState":false,"currentEditingUser":"somebody"}`
		checkedOK = `{"state":"Verified","isRunningState":false,"currentCheckResult":"Warning"}`
		halted    = `{"state":"Halted","isRunningState":false,"currentRunResult":"Failed"}`
		restarted = `{"state":"NeedsVerification","isRunningState":false,"currentRunResult":"Undefined"}`
	)
	tests := map[string]struct {
		before, now   string // runtime details; before empty: unknown
		check, action string
	}{
		"at work":                       {idle, inFail, "duplicate 1", "duplicate 1"},
		"at work, before unknown":       {"", inFail, "duplicate 1", "duplicate 1"},
		"a check is at work":            {idle, inCheck, "duplicate 1", "unknown unknown_outcome 1"},
		"another state":                 {idle, failed, "duplicate 1", "duplicate 1"},
		"another state, before unknown": {"", failed, "delivered 1", "unknown unknown_outcome 1"},
		"another result of a check":     {idle, checkedOK, "duplicate 1", "unknown unknown_outcome 1"},
		"what a check leads to":         {idle, checked, "duplicate 1", "unknown unknown_outcome 1"},
		"another result of a run":       {failed, `{"state":"FailoverComplete","isRunningState":false,"currentRunResult":"Failed"}`, "delivered 1", "duplicate 1"},
		"a result that is gone":         {failed, `{"state":"FailoverComplete","isRunningState":false,"currentRunResult":"Undefined"}`, "delivered 1", "unknown unknown_outcome 1"},
		"halted since":                  {failed, halted, "duplicate 1", "duplicate 1"},
		"unchanged":                     {idle, idle, "delivered 1", "unknown unknown_outcome 1"},
		"unchanged but for the names":   {idle, strings.ReplaceAll(idle, "Verified", "VERIFIED"), "delivered 1", "unknown unknown_outcome 1"},
		"being edited":                  {idle, editing, "delivered 1", "unknown unknown_outcome 1"},
		"started anew, and reset":       {failed, restarted, "duplicate 1", "unknown unknown_outcome 1"},
		"started anew, and gone":        {failed, `null`, "delivered 1", "unknown unknown_outcome 1"},
		"there was nothing before":      {`null`, failed, "delivered 1", "unknown unknown_outcome 1"},

		"any other name":                {`{"state":"A","isRunningState":false}`, `{"state":"B","isRunningState":false}`, "duplicate 1", "duplicate 1"},
		"at work, under the same name":  {idle, `{"state":"Verified","isRunningState":true}`, "duplicate 1", "duplicate 1"},
		"at work, and no name":          {`{"isRunningState":false}`, `{"isRunningState":true}`, "duplicate 1", "duplicate 1"},
		"names alone":                   {`{"state":"Verified"}`, `{"state":"RestoreComplete"}`, "duplicate 1", "duplicate 1"},
		"names alone, unchanged":        {`{"state":"Verified"}`, `{"state":"Verified"}`, "delivered 1", "unknown unknown_outcome 1"},
		"display names":                 {`{"stateName":"A","isRunningState":false}`, `{"stateName":"B","isRunningState":false}`, "duplicate 1", "duplicate 1"},
		"a display name beside a name":  {idle, strings.ReplaceAll(idle, canary, "another"), "delivered 1", "unknown unknown_outcome 1"},
		"the result alone":              {idle, strings.Replace(idle, `"Undefined"`, `"Success"`, 1), "delivered 1", "duplicate 1"},
		"somebody is told to edit":      {idle, `{"state":"FailoverComplete","isRunningState":false,"currentEditingUser":"somebody"}`, "duplicate 1", "duplicate 1"},
		"being saved":                   {idle, `{"state":"Saving","isRunningState":false}`, "delivered 1", "unknown unknown_outcome 1"},
		"started anew, and not defined": {failed, `{"state":"Undefined","isRunningState":false}`, "delivered 1", "unknown unknown_outcome 1"},
	}
	for name, tt := range tests {
		for options, want := range map[string]string{"": tt.check, failover: tt.action} {
			for _, resend := range []bool{false, true} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					f := &api{state: states(tt.now)}
					c := f.connector()
					var looks []orchestrator.LookUp
					c.LookedUp = func(l orchestrator.LookUp) { looks = append(looks, l) }
					again := retry(planA, options, tt.before)
					again.Resend = resend
					r := submit(t, c, again)
					if is(r) != want || (strings.Contains(f.order, "A") != (r.Verdict == job.Delivered)) || len(looks) != 1 {
						t.Errorf("%q: %s, want %s, %+v, after %s, looks %v", options, is(r), want, r, f.order, looks)
					}
					if r.Verdict == job.Duplicate && (r.Receipt.Key != planA || looks[0] != orchestrator.Found) {
						t.Errorf("%+v, %v", r, looks)
					}
					if absent := looks[0] == orchestrator.Absent; absent != (r.Verdict == job.Delivered && tt.before != "" && tt.before != "null" && tt.now != "null") {
						t.Errorf("%v", looks)
					}
				})
			}
		}
	}
}

// Nothing is believed to be undone before the product cannot do it any more; what
// shows at once is believed at once.
func TestSettles(t *testing.T) {
	t.Parallel()
	for _, options := range []string{"", failover} {
		synctest.Test(t, func(t *testing.T) {
			f := &api{state: states(idle, inFail)}
			again := retry(planA, options, idle)
			again.UnknownSince = time.Now().Add(-20 * time.Second)
			r := submit(t, f.connector(), again)
			want := orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unavailable, Reason: job.Settling, Wait: 40 * time.Second, Detail: r.Detail}}
			if diff := cmp.Diff(want, r); diff != "" || f.order != "S" {
				t.Errorf("after %s\n%s", f.order, diff)
			}
			if r := submit(t, f.connector(), again); r.Verdict != job.Duplicate {
				t.Errorf("%+v", r)
			}
		})
	}
}

// What was noted of another plan says nothing of this one.
func TestNoteOfAnotherPlan(t *testing.T) {
	t.Parallel()
	again := retry(planB, failover, idle)
	f := &api{state: states(failed)}
	if r := submit(t, f.connector(), again); is(r) != "unknown unknown_outcome 1" || !strings.Contains(r.Detail, "not known") {
		t.Errorf("%+v", r)
	}
	again.Before = "rubbish"
	if r := submit(t, f.connector(), again); is(r) != "unknown unknown_outcome 1" {
		t.Errorf("%+v", r)
	}
}

// What another request of this worker had the plan do since is no proof.
func TestAnotherRequestSince(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ options, want string }{
		"check": {"", "busy 1"}, "failover": {failover, "unknown unknown_outcome 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &api{state: states(idle, inFail)}
			c := f.connector()
			other := try(strings.ToUpper(planA), failover)
			other.Request.ID = "2"
			if r := submit(t, c, other); r.Verdict != job.Delivered {
				t.Fatalf("%+v", r)
			}
			if r := submit(t, c, retry(planA, tt.options, idle)); is(r) != tt.want {
				t.Errorf("%s, %+v", is(r), r)
			}
			later := retry(planA, tt.options, idle)
			later.FirstTry = time.Now()
			if r := submit(t, c, later); r.Verdict != job.Duplicate {
				t.Errorf("tried after it: %+v", r)
			}
		})
	}
}

// A plan that cannot be found after a lost answer is no proof that nothing
// happened.
func TestLostAndNotFound(t *testing.T) {
	t.Parallel()
	gone := func(string) reply { return listOf(planB, "Site B") }
	for name, tt := range map[string]struct {
		plan            string
		f               *api
		check, failover string
	}{
		"by name":     {"Site A", &api{plans: gone}, "rejected not_found 1", "unknown unknown_outcome 1"},
		"by id":       {planA, &api{plans: gone, state: always(404, "")}, "rejected not_found 1", "unknown unknown_outcome 1"},
		"forbidden":   {planA, &api{state: always(403, ownError)}, "deferred forbidden 1", "deferred forbidden 1"},
		"down":        {planA, &api{state: always(503, ownError)}, "unavailable service_unavailable 2", "unavailable service_unavailable 2"},
		"500 for one": {planA, &api{state: always(500, ownError)}, "busy 1", "busy 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tt.f.connector()
			if r := submit(t, c, retry(tt.plan, "", idle)); is(r) != tt.check {
				t.Errorf("check: %s, %+v", is(r), r)
			}
			if r := submit(t, c, retry(tt.plan, failover, idle)); is(r) != tt.failover || r.Verdict == job.Deferred && !strings.Contains(r.Detail, doubt) {
				t.Errorf("failover: %s, %+v", is(r), r)
			}
			if strings.Contains(tt.f.order, "A") {
				t.Errorf("done again: %s", tt.f.order)
			}
		})
	}
}

func TestNoteIsRead(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 100)
	for _, details := range []string{idle, checked, inCheck, failed, `null`, `{"isRunningState":false,"state":"` + long + `"}`} {
		s, ok := readState([]byte(details))
		if !ok {
			t.Fatal(details)
		}
		s.edited = false
		text := noteOf(planA, s)
		if got, ok := readNote(text, planA); !ok || got != s || len(text) > 400 {
			t.Errorf("%s is read as %+v", text, got)
		}
	}
}
