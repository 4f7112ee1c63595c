package uipath

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// withID is a request of that id and content, which may have been sent before.
func withID(id string, content job.Fields) orchestrator.Try {
	try := doubted(time.Minute, time.Minute)
	try.Request.ID, try.Request.Content = id, content
	return try
}

// An item that another request was answered with, or found, is not this one's,
// whatever it holds; and it does not hide that this one's is not there.
func TestItemsOfOthers(t *testing.T) {
	t.Parallel()
	acme, other := fields("Vendor", `"ACME"`), fields("Vendor", `"B"`)
	type step struct {
		try  orchestrator.Try
		want job.Verdict
	}
	const delivered = 9007199254740993 // the id of createdItem
	for name, tt := range map[string]struct {
		rows  []row
		steps func() []step
	}{
		"delivered, equal content": {[]row{{id: delivered, content: vendor}}, func() []step {
			return []step{{orchestrator.Try{Request: withID("1", acme).Request}, job.Delivered}, {withID("2", acme), job.Delivered}}
		}},
		"delivered, other content": {[]row{{id: delivered, content: vendor}}, func() []step {
			return []step{{orchestrator.Try{Request: withID("1", acme).Request}, job.Delivered}, {withID("2", other), job.Delivered}}
		}},
		"delivered, and retried": {[]row{{id: 9007199254740999, key: keyA, content: vendor}, {id: delivered, key: keyA, content: vendor, status: "Retried"}}, func() []step {
			return []step{{orchestrator.Try{Request: withID("1", acme).Request}, job.Delivered}, {withID("2", acme), job.Delivered}}
		}},
		"delivered, its own": {[]row{{id: delivered, content: vendor}}, func() []step {
			return []step{{orchestrator.Try{Request: withID("1", acme).Request}, job.Delivered}, {withID("1", acme), job.Duplicate}}
		}},
		"found, equal content": {[]row{{id: 42, content: vendor}}, func() []step {
			return []step{{withID("1", acme), job.Duplicate}, {withID("2", acme), job.Delivered}, {withID("1", acme), job.Duplicate}}
		}},
		"found, other content": {[]row{{id: 42, content: vendor}}, func() []step {
			return []step{{withID("1", acme), job.Duplicate}, {withID("2", other), job.Delivered}}
		}},
		"one of each": {[]row{{id: 43, content: vendor}, {id: delivered, content: vendor}}, func() []step {
			return []step{{orchestrator.Try{Request: withID("1", acme).Request}, job.Delivered}, {withID("2", acme), job.Duplicate}}
		}},
		"nobody knows whose": {[]row{{id: 42, content: vendor}}, func() []step {
			return []step{{withID("2", other), job.Unknown}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := &fakeAPI{add: answers(created()), queues: queueAnswers(queueRow("Invoices", false)), items: answers(listed(tt.rows...))}
				c := api.connector()
				c.Settle = settle
				for i, s := range tt.steps() {
					if r := c.Submit(t.Context(), s.try); r.Verdict != s.want {
						t.Errorf("step %d: %+v", i+1, r)
					}
				}
			})
		})
	}
}

// Two requests that share a look-up do not both take its only item.
func TestAnItemIsTakenOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &fakeAPI{add: answers(created()), queues: queueAnswers(queueRow("Invoices", false)), items: answers(listed(row{id: 42, content: vendor}))}
		c := api.connector()
		c.Settle = settle
		results := make(chan job.Verdict, 2)
		for _, id := range []string{"1", "2"} {
			go func() { results <- c.Submit(t.Context(), withID(id, fields("Vendor", `"ACME"`))).Verdict }()
		}
		got := map[job.Verdict]int{<-results: 1}
		got[<-results]++
		if got[job.Duplicate] != 1 || got[job.Delivered] != 1 || len(api.asked("/odata/QueueItems")) != 1 {
			t.Errorf("%v", got)
		}
	})
}

// An item that is known to be another request's was not made by an earlier try of
// this one, though it holds the reference and is younger.
func TestAReferenceThatAnotherRequestHasTaken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		row   row
		owner string
		want  meant
	}{
		"other content":             {row{id: 42, content: `{"Vendor":"B"}`}, "2", meant{job.Rejected, job.ReferenceConflict, orchestrator.Well, "1016"}},
		"other content, its own":    {row{id: 42, content: `{"Vendor":"B"}`}, "1", meant{job.Duplicate, "", orchestrator.Well, "1016"}},
		"other content, of no time": {row{id: 42, content: `{"Vendor":"B"}`, timeless: true}, "2", meant{job.Rejected, job.ReferenceConflict, orchestrator.Well, "1016"}},
		"equal content":             {row{id: 42, content: vendor}, "2", meant{job.Duplicate, "", orchestrator.Well, "1016"}},
		"hidden":                    {row{id: 42}, "2", meant{job.Unknown, job.UnknownOutcome, orchestrator.Well, "1016"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := always(taken)
				api.items = answers(listed(tt.row))
				c := api.connector()
				lookup.Take(&c.items, tt.owner, storedItem{receipt: job.Receipt{ID: "42"}})
				if r := c.Submit(t.Context(), withID("1", fields("Vendor", `"ACME"`))); meaningOf(r) != tt.want {
					t.Errorf("%+v", r)
				}
			})
		})
	}
}

// Who was told that an item is its own owns it: it is no younger item of another
// request's.
func TestAHolderIsRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := always(taken)
		api.items = answers(listed(row{id: 42, content: vendor}))
		c := api.connector()
		if r := c.Submit(t.Context(), withID("1", fields("Vendor", `"ACME"`))); r.Verdict != job.Duplicate {
			t.Errorf("%+v", r)
		}
		if r := c.Submit(t.Context(), withID("2", fields("Vendor", `"B"`))); r.Reason != job.ReferenceConflict {
			t.Errorf("%+v", r)
		}
	})
}
