// Package uipath puts requests onto UiPath Orchestrator. It knows the product's
// API, and nothing of queues of our own or of what becomes of a message.
package uipath

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// Settings make a connector.
type Settings struct {
	Client orchestrator.Client
	// Tenant is sent as X-UIPATH-TenantName, which standalone installations
	// with several tenants need; empty: not sent.
	Tenant string
	// ContentLimit is the most UTF-16 units of an item's content as JSON;
	// 0: no limit of our own.
	ContentLimit int
	// Settle is how late the product may still carry out a call of which no
	// answer came.
	Settle time.Duration
	// LookUpsPerMinute bounds the look-ups of what may have been carried out;
	// the product allows 100 a minute to a whole tenant. At least 1.
	LookUpsPerMinute int
	// LookedUp, if set, is told of every look-up of a request.
	LookedUp func(orchestrator.LookUp)
}

// Connector speaks UiPath Orchestrator's API. It is safe for concurrent use.
type Connector struct {
	Settings
	queues      lookup.Cache[queueKey, queueDefinition]
	releases    lookup.Cache[releaseName, string]
	jobs        lookup.Book
	items       lookup.Owners
	budget      *lookup.Budget
	itemLookUps *lookup.LookUps[group, sighting]
	jobLookUps  *lookup.LookUps[group, jobSighting]
}

var _ orchestrator.Connector = (*Connector)(nil)

// New makes a connector. It makes no call.
func New(s Settings) *Connector {
	c := &Connector{Settings: s, budget: lookup.NewBudget(s.LookUpsPerMinute)}
	c.itemLookUps, c.jobLookUps = c.newItemLookUps(), c.newJobLookUps()
	return c
}

// Claims reports true for a job: StartJobs starts one with every call.
func (c *Connector) Claims(r *job.Request) bool { return r.Action == job.StartJob }

// Submit adds the request's queue item, or starts its job.
func (c *Connector) Submit(ctx context.Context, t orchestrator.Try) orchestrator.Result {
	switch {
	case t.Request.Action == job.StartJob:
		return c.submitJob(ctx, &t)
	case t.Again:
		return c.addItemAgain(ctx, &t)
	}
	return c.addQueueItem(ctx, &t)
}

// Probe asks for one row of a list that the account must be able to read anyway
// to do its work: QueueDefinitions (Queues.View) or Releases (Processes.View).
// Without a folder header a healthy server refuses it in its own form, which
// proves as much. A refusal in any other form comes from something in between.
func (c *Connector) Probe(ctx context.Context, action job.Action) orchestrator.Result {
	r, _ := c.probe(ctx, action)
	return r
}

func (c *Connector) probe(ctx context.Context, action job.Action) (orchestrator.Result, orchestrator.Answer) {
	set := "QueueDefinitions"
	if action == job.StartJob {
		set = "Releases"
	}
	a := c.Client.Do(ctx, orchestrator.Call{
		Operation: "Probe" + set, Method: http.MethodGet,
		Path:   "/odata/" + set + query("$top", "1", "$select", "Id"),
		Header: c.header(""),
	})
	if _, ok := readList[struct{}](a); ok {
		return orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{Verdict: job.Delivered, Status: a.Status}}, a
	}
	e, envelope := readError(a.Body)
	r := orchestrator.Classify(a, false, envelope)
	r.ErrorCode = string(e.ErrorCode)
	if r.Health == orchestrator.Well && !envelope {
		r.Health, r.Verdict, r.Reason = orchestrator.Ill, job.Unavailable, job.UnexpectedAnswer
		r.Detail = "status " + strconv.Itoa(a.Status) + " does not come from the product: check the connection's url"
	}
	return r, a
}

// header has the folder, if any, and the tenant.
func (c *Connector) header(folder string) http.Header {
	h := make(http.Header, 6)
	if folder != "" {
		name, value := folderHeader(folder)
		h[name] = []string{value}
	}
	if c.Tenant != "" {
		h["X-UIPATH-TenantName"] = []string{c.Tenant}
	}
	return h
}
