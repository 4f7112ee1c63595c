// Package automationanywhere puts requests onto Automation Anywhere's Control
// Room, of Enterprise 11 or of Automation 360. It knows the product's API, and
// nothing of queues of our own or of what becomes of a message.
package automationanywhere

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
	// Generation is e11 or a360: the paths and forms of the API.
	Generation string
	// ContentLimit is the most UTF-16 units of an item's content as JSON;
	// 0: no limit of our own.
	ContentLimit int
	// Settle is how late the product may still carry out a call of which no
	// answer came.
	Settle time.Duration
	// LookUpsPerMinute bounds the look-ups of what may have been carried out. At
	// least 1.
	LookUpsPerMinute int
	// LookedUp, if set, is told of every look-up of a request.
	LookedUp func(orchestrator.LookUp)
}

// Connector speaks the Control Room's API. It is safe for concurrent use.
type Connector struct {
	Settings
	api     api
	queues  lookup.Cache[string, string] // ids by name
	bots    lookup.Cache[string, string] // ids by path
	columns lookup.Cache[shelf, column]

	items             lookup.Owners
	deployments       lookup.Book
	budget            *lookup.Budget
	itemLookUps       *lookup.LookUps[shelf, sighting]
	deploymentLookUps *lookup.LookUps[struct{}, deploymentSighting]
}

var _ orchestrator.Connector = (*Connector)(nil)

// New makes a connector. It makes no call.
func New(s Settings) *Connector {
	c := &Connector{Settings: s, api: apiOf(s.Generation), budget: lookup.NewBudget(s.LookUpsPerMinute)}
	c.itemLookUps, c.deploymentLookUps = c.newItemLookUps(), c.newDeploymentLookUps()
	return c
}

// Claims reports true: the product takes any item, and starts any bot, as often
// as it is asked.
func (c *Connector) Claims(*job.Request) bool { return true }

// Submit adds the request's work item, or starts its bot.
func (c *Connector) Submit(ctx context.Context, t orchestrator.Try) orchestrator.Result {
	if t.Request.Action == job.StartJob {
		return c.submitJob(ctx, t)
	}
	return c.submitItem(ctx, t)
}

// Probe asks for one row of the list of queues, which every account may ask for:
// of an account without a right to it a healthy server says so in its own form.
func (c *Connector) Probe(ctx context.Context, _ job.Action) orchestrator.Result {
	r, _ := c.probe(ctx)
	return r
}

func (c *Connector) probe(ctx context.Context) (orchestrator.Result, orchestrator.Answer) {
	a := c.list(ctx, "ProbeQueues", c.api.queues, query{Page: paging{Length: 1}})
	if _, ok := readList[struct{}](a); ok {
		return orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{Verdict: job.Delivered, Status: a.Status}}, a
	}
	code, envelope := readError(a.Body)
	r := orchestrator.Classify(a, false, envelope)
	r.ErrorCode = code
	if r.Health == orchestrator.Well && !envelope {
		r.Health, r.Verdict, r.Reason = orchestrator.Ill, job.Unavailable, job.UnexpectedAnswer
		r.Detail = "status " + strconv.Itoa(a.Status) + " does not come from the product: check the connection's url"
	}
	return r, a
}

// post makes a call. Lists are asked for by POST, too: acts tells which it is.
func (c *Connector) post(ctx context.Context, operation, path string, body []byte, acts bool) orchestrator.Answer {
	return c.Client.Do(ctx, orchestrator.Call{
		Operation: operation, Method: http.MethodPost, Path: path, Header: http.Header{}, Body: body, Acts: acts,
	})
}

func (c *Connector) tell(what orchestrator.LookUp) {
	if c.LookedUp != nil {
		c.LookedUp(what)
	}
}

// duplicate is the result of a request that was carried out already.
func duplicate(status int, receipt job.Receipt) orchestrator.Result {
	return orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{Verdict: job.Duplicate, Status: status, Receipt: receipt}}
}

// delivered is the result of an answer that confirms the effect.
func delivered(status int, receipt job.Receipt) orchestrator.Result {
	return orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{
		Verdict: job.Delivered, Status: status, Receipt: receipt, Called: true,
	}}
}
