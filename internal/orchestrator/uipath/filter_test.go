package uipath

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// linked is a list that goes on elsewhere.
func linked(a reply) reply {
	a.body = strings.TrimSuffix(a.body, "}") + `,"@odata.nextLink":"https://example.com/odata/?$skip=1"}`
	return a
}

// A list that links to a next page does not tell that anything is absent, however
// few rows it has.
func TestAListWithANextPage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]lookUpCase{
		"nothing": {items: func() reply { return linked(listed()) }, want: parked, calls: "QI", told: []orchestrator.LookUp{orchestrator.Unclear}, detail: "more items"},
		"ours":    {items: func() reply { return linked(listed(row{id: 42, content: vendor})) }, want: inTime, calls: "QI", told: []orchestrator.LookUp{orchestrator.Found}},
		"refused": {items: of(linked(reply{status: 503, body: "{}"})), want: down, calls: "QI", told: []orchestrator.LookUp{orchestrator.Failed}, detail: "503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, &fakeAPI{add: answers(created()), queues: queueAnswers(queueRow("Invoices", false))}, 0)
		})
	}
	t.Run("jobs", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newJobLookUps(t, 100)
			l.c.jobs.Trust()
			l.list = func() reply { return linked(page(0)) }
			l.submit(again(start()), unknownJob, "L", orchestrator.Unclear)
			l.list = func() reply { return linked(reply{status: 503, body: "{}"}) }
			l.submit(again(start()), meant{job.Unavailable, job.ServiceUnavailable, orchestrator.Ill, ""}, "L", orchestrator.Failed)
		})
	})
}

// A job that was found by its own reference shows that the filter works, unless
// the same list shows that it does not.
func TestAFoundJobProvesTheFilter(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		foreign, missing bool // jobs nobody asked for; a proof that is not there
		trusted          bool
	}{
		"alone":             {trusted: true},
		"beside foreign":    {foreign: true},
		"without the proof": {missing: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newJobLookUps(t, 100)
				calls := "LRS"
				if tt.missing {
					l.proven()
					calls = "LS"
				}
				jobs := []aJob{{7, "inv-1", "PostInvoice", "", time.Now()}}
				if tt.foreign {
					jobs = append(jobs, aJob{8, "foreign", "PostInvoice", "", time.Now()})
				}
				l.list = func() reply { return page(0, jobs...) }
				l.submit(again(start()), duplicateJob, "L", orchestrator.Found)
				l.list = func() reply { return page(0) }
				other := start()
				other.ID, other.Reference = "2", "inv-2"
				if tt.trusted {
					l.submit(again(other), deliveredJob, calls, orchestrator.Absent)
				} else {
					l.submit(again(other), unknownJob, "L", orchestrator.Unclear)
				}
			})
		})
	}
}

// That a process is not found is no answer to a start: it has no status.
func TestAProcessThatIsNotFoundHasNoStatus(t *testing.T) {
	t.Parallel()
	api := jobCalls{releases: func(int) reply { return rows() }}.api()
	r := api.connector().Submit(t.Context(), orchestrator.Try{Request: start()})
	if r.Reason != job.NotFound || r.Status != 0 {
		t.Errorf("%+v", r)
	}
}
