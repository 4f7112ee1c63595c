// Package uipath puts requests onto UiPath Orchestrator. It knows the product's
// API, and nothing of queues of our own or of what becomes of a message.
package uipath

import (
	"context"
	"net/http"
	"strconv"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
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
}

// Connector speaks UiPath Orchestrator's API. It is safe for concurrent use.
type Connector struct {
	Settings
	queues queueCache
}

var _ orchestrator.Connector = (*Connector)(nil)

// New makes a connector. It makes no call.
func New(s Settings) *Connector { return &Connector{Settings: s} }

// Submit adds the request's queue item.
func (c *Connector) Submit(ctx context.Context, t orchestrator.Try) orchestrator.Result {
	if t.Again && !t.Resend {
		if r, ok := c.mayResend(ctx, t.Request); !ok {
			return r
		}
	}
	return c.addQueueItem(ctx, t)
}

// mayResend reports whether a request that may have been carried out can be
// sent again: only a queue that refuses a second item of the same reference
// makes that safe.
func (c *Connector) mayResend(ctx context.Context, r *job.Request) (orchestrator.Result, bool) {
	queue, found, result := c.queue(ctx, r.Folder, r.Queue)
	const doubt = "an earlier try may have added the item"
	switch {
	case found && queue.EnforceUniqueReference:
		return orchestrator.Result{}, true
	case result.Verdict == job.Unavailable:
		return result, false
	case result.Verdict == job.Deferred:
		result.Detail += "; " + doubt
		return result, false
	}
	why := "the queue could not be found to see whether it enforces unique references"
	if found {
		why = "the queue does not enforce unique references"
	}
	result.Verdict, result.Reason = job.Unknown, job.UnknownOutcome
	result.Detail = doubt + ", and " + why + ", so it is not sent again; look for the reference in the queue"
	return result, false
}

// Probe asks for one row of a list that the account must be able to read anyway
// to do its work: QueueDefinitions (Queues.View) or Releases (Processes.View).
// Without a folder header a healthy server refuses it in its own form, which
// proves as much. A refusal in any other form comes from something in between.
func (c *Connector) Probe(ctx context.Context, action job.Action) orchestrator.Result {
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
		return orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{Verdict: job.Delivered, Status: a.Status}}
	}
	e, envelope := readError(a.Body)
	r := orchestrator.Classify(a, false, envelope)
	r.ErrorCode = string(e.ErrorCode)
	if r.Health == orchestrator.Well && !envelope {
		r.Health, r.Verdict, r.Reason = orchestrator.Ill, job.Unavailable, job.UnexpectedAnswer
		r.Detail = "status " + strconv.Itoa(a.Status) + " does not come from the product: check the connection's url"
	}
	return r
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
