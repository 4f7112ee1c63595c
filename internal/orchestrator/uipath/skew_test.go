package uipath

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// skewed are times before a first try that another machine's clock showed, and
// what an item, or a job, made then is.
var skewed = map[string]struct {
	skew, before time.Duration
	want         job.Verdict
	told         orchestrator.LookUp
}{
	"after the first try":       {5 * time.Second, -time.Second, job.Duplicate, orchestrator.Found},
	"within the slack":          {5 * time.Second, time.Second, job.Duplicate, orchestrator.Found},
	"within the skew":           {5 * time.Second, 4 * time.Second, job.Unknown, orchestrator.Unclear},
	"older than skew and slack": {5 * time.Second, 8 * time.Second, job.Delivered, orchestrator.Absent},
	"our own clock, in slack":   {0, time.Second, job.Duplicate, orchestrator.Found},
	"our own clock, and older":  {0, 4 * time.Second, job.Delivered, orchestrator.Absent},
	"our own clock, much older": {0, time.Hour, job.Delivered, orchestrator.Absent},
}

func TestItemsOfAnotherClock(t *testing.T) {
	t.Parallel()
	for name, tt := range skewed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				try := doubted(2*time.Minute, 90*time.Second)
				try.Skew = tt.skew
				ours := row{id: 42, content: vendor, created: try.FirstTry.Add(-tt.before)}
				api := &fakeAPI{add: answers(created()), queues: queueAnswers(queueRow("Invoices", false)), items: answers(listed(ours))}
				c := api.connector()
				var told orchestrator.LookUp
				c.Settle, c.LookedUp = settle, func(what orchestrator.LookUp) { told = what }
				if r := c.Submit(t.Context(), try); r.Verdict != tt.want || told != tt.told {
					t.Errorf("%s: %+v", told, r)
				}
			})
		})
	}
}

func TestJobsOfAnotherClock(t *testing.T) {
	t.Parallel()
	for name, tt := range skewed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newJobLookUps(t, 100)
				l.c.jobs.Trust()
				try := again(start())
				try.Skew = tt.skew
				l.list = func() reply {
					return page(0, aJob{7, "inv-1", "PostInvoice", "", try.FirstTry.Add(-tt.before)})
				}
				if r := l.c.Submit(t.Context(), try); r.Verdict != tt.want || len(l.told) != 1 || l.told[0] != tt.told {
					t.Errorf("%v: %+v", l.told, r)
				}
			})
		})
	}
}

// Where a reference is taken, an item that may be older than the first try, or not,
// is nobody's who can be told.
func TestAHolderOfAnotherClock(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		skew, before time.Duration
		want         job.Verdict
	}{
		"within the slack": {5 * time.Second, time.Second, job.Duplicate},
		"within the skew":  {5 * time.Second, 4 * time.Second, job.Unknown},
		"older":            {5 * time.Second, 8 * time.Second, job.Rejected},
		"our own clock":    {0, 4 * time.Second, job.Rejected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				try := doubted(2*time.Minute, 90*time.Second)
				try.Skew = tt.skew
				api := always(taken)
				api.items = answers(listed(row{content: `{"Vendor":"B"}`, created: try.FirstTry.Add(-tt.before)}))
				if r := api.connector().Submit(t.Context(), try); r.Verdict != tt.want {
					t.Errorf("%+v", r)
				}
			})
		})
	}
}

// A request that is someone else's by now is looked up, but neither sent nor
// started.
func TestALostRequestIsNotSent(t *testing.T) {
	t.Parallel()
	lost := meant{job.Unavailable, job.LeaseLost, orchestrator.Untold, ""}
	for still, want := range map[bool]meant{false: lost, true: sent} {
		synctest.Test(t, func(t *testing.T) {
			for again, calls := range map[bool]string{false: "", true: "QI"} {
				api := &fakeAPI{add: answers(created()), queues: queueAnswers(queueRow("Invoices", false)), items: answers(noItems)}
				try := doubted(time.Hour, time.Hour)
				asked := ""
				try.Again, try.Still = again, func() bool { asked = api.order(); return still }
				r := api.connector().Submit(t.Context(), try)
				after := map[bool]string{false: "", true: "P"}[still]
				if meaningOf(r) != want || asked != calls || api.order() != calls+after || r.Called != still {
					t.Errorf("still %t, again %t: %+v, asked after %q, calls %q", still, again, r, asked, api.order())
				}
			}
			for doubt, calls := range map[bool]string{false: "R", true: "LR"} {
				l := newJobLookUps(t, 100)
				l.c.jobs.Trust()
				try := again(start())
				asked := ""
				try.Again, try.Still = doubt, func() bool { asked = l.api.jobOrder(); return still }
				r := l.c.Submit(t.Context(), try)
				after := map[bool]string{false: "", true: "S"}[still]
				if meaningOf(r) != want || asked != calls || l.api.jobOrder() != calls+after || r.Called != still {
					t.Errorf("still %t, again %t: %+v, asked after %q, calls %q", still, doubt, r, asked, l.api.jobOrder())
				}
			}
		})
	}
}
