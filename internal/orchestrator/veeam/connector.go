// Package veeam speaks the REST API of Veeam Recovery Orchestrator: it has
// recovery plans do things, and knows the Clients resource. It knows nothing of
// queues of our own or of what becomes of a message.
package veeam

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// Settings make a connector.
type Settings struct {
	Client orchestrator.Client
	// APIVersion stands in the path of every call, such as v7.21.
	APIVersion string
	// Settle is how late the product may still carry out a call of which no
	// answer came.
	Settle time.Duration
	// LookedUp, if set, is told of every look-up of a request. A look-up is a look
	// at one plan's state, as is made before every call, and so there is no limit of
	// look-ups.
	LookedUp func(orchestrator.LookUp)
}

// Connector has recovery plans do things. It is safe for concurrent use.
type Connector struct {
	Settings
	names    lookup.Cache[string, string] // ids of plans
	plans    plansInHand
	noFilter atomic.Bool // the server refuses to filter plans by their name
}

var _ orchestrator.Connector = (*Connector)(nil)

// New makes a connector. It makes no call.
func New(s Settings) *Connector { return &Connector{Settings: s} }

// Claims reports true: every call to a plan acts anew.
func (c *Connector) Claims(*job.Request) bool { return true }

// Submit has the request's plan do what the request asks for, unless the plan is
// at work, or an earlier try of the request may have had it do so.
func (c *Connector) Submit(ctx context.Context, t orchestrator.Try) orchestrator.Result {
	a, field, wrong := newAction(t.Request.Options)
	if wrong != "" {
		return orchestrator.Result{Outcome: job.Reject(job.InvalidRequest, field+": "+wrong)}
	}
	if r, ok := look(ctx, &t, a); !ok {
		return r
	}
	id, remembered, none := c.planID(ctx, t.Request.Process, !a.harmless())
	if none != nil {
		return undone(t, a, *none)
	}
	leave, free := c.plans.enter(id)
	if !free {
		return busy("another request of this worker has the plan in hand")
	}
	defer leave()
	now, none := c.state(ctx, id)
	switch {
	case none != nil && remembered && none.Verdict == job.Rejected:
		c.names.Forget(t.Request.Process, id)
		none.Verdict, none.Reason = job.Deferred, ""
		none.Detail = "process: the API does not know its id any more; the next try asks for it anew"
		fallthrough
	case none != nil:
		return undone(t, a, *none)
	case t.Again:
		if r, mayAct := c.again(t, a, id, now); !mayAct {
			return r
		}
	}
	if now.running {
		r := busy("the plan is at work")
		r.Health = orchestrator.Well
		return r
	}
	return c.act(ctx, t, a, id, now)
}

// act makes the call that acts, once what must be known of the time before it is
// kept.
func (c *Connector) act(ctx context.Context, t orchestrator.Try, a action, id string, now state) orchestrator.Result {
	if r, kept := t.Noted(ctx, noteOf(id, now)); !kept {
		return r
	}
	if r, lost := t.Lost(); lost {
		return r
	}
	began := time.Now()
	answer := c.Client.Do(ctx, orchestrator.Call{
		Operation: a.name, Method: http.MethodPost, Path: c.path("/Plans/" + id + "/" + a.name), Body: a.body, Acts: true,
	})
	r := c.acted(ctx, t, a, id, answer)
	if r.Verdict == job.Delivered || r.Verdict == job.Unknown {
		c.plans.called(id, t.Request.ID, began)
	}
	return r
}

// acted says what the answer to an action means.
func (c *Connector) acted(ctx context.Context, t orchestrator.Try, a action, id string, answer orchestrator.Answer) orchestrator.Result {
	if accepted(answer) && denies(answer) {
		r := orchestrator.Result{Health: orchestrator.Well, Outcome: job.Reject(job.RejectedByTarget, "the API says that it was not done")}
		r.Status, r.Called = answer.Status, true
		return c.refused(ctx, r, id)
	}
	if accepted(answer) {
		return orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{
			Verdict: job.Delivered, Status: answer.Status, Receipt: job.Receipt{Key: id}, Called: true,
		}}
	}
	r := refine(answer, true)
	if answer.Err != nil || ofIngress(answer) {
		return r
	}
	switch answer.Status {
	case http.StatusBadRequest:
		c.names.Forget(t.Request.Process, id)
		return c.refused(ctx, r, id)
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		c.names.Forget(t.Request.Process, id)
		return c.unknownTo(ctx, r, a, id)
	case http.StatusForbidden:
		if r.Verdict == job.Deferred {
			r.Detail += ": the account's role may not do this with the plan; a Plan Author may not run plans"
		}
	}
	return r
}

// refused tells a plan that went to work in between from an action that it does
// not take: which status says the first is not documented.
func (c *Connector) refused(ctx context.Context, r orchestrator.Result, id string) orchestrator.Result {
	if now, none := c.state(ctx, id); none == nil && (now.running || now.edited) {
		b := busy("the plan is at work, or is being edited")
		b.Health, b.Status, b.ErrorCode, b.Called = orchestrator.Well, r.Status, r.ErrorCode, r.Called
		return b
	}
	if r.Verdict == job.Rejected {
		r.Detail += ": the plan may be disabled, or in a state in which this cannot be done, or an option does not fit it"
	}
	return r
}

// unknownTo tells a plan or an action that is not there from a server that is not
// there: the plan's state was read a moment before.
func (c *Connector) unknownTo(ctx context.Context, r orchestrator.Result, a action, id string) orchestrator.Result {
	where, failed := c.listed(ctx, id)
	switch {
	case failed != nil:
		failed.Called = r.Called
		return *failed
	case where == absent:
		r.Detail = noSuchID
	default:
		r.Detail = "options.action: version " + c.APIVersion + " of the API does not know " + a.name + " for this plan"
	}
	r.Health, r.Verdict, r.Reason = orchestrator.Well, job.Rejected, job.NotFound
	return r
}

// undone is the result of a try that came to nothing before the call. Where an
// earlier one may have moved production, what cannot be found now is no proof that
// it did not.
func undone(t orchestrator.Try, a action, r orchestrator.Result) orchestrator.Result {
	switch {
	case !t.Again || a.harmless():
	case r.Verdict == job.Rejected:
		r.Verdict, r.Reason, r.Detail = job.Unknown, job.UnknownOutcome, doubt+", and its plan cannot be found to see: "+r.Detail
	case r.Verdict == job.Deferred:
		r.Detail += "; " + doubt
	}
	return r
}

func busy(why string) orchestrator.Result {
	return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Busy, Detail: why}}
}

// Probe asks for one plan. Any answer of the product itself shows that it is well,
// but for one that says that there is no list of plans: then the version of the API
// is not served.
func (c *Connector) Probe(ctx context.Context, _ job.Action) orchestrator.Result {
	answer := c.Client.Do(ctx, orchestrator.Call{Operation: "ProbePlans", Method: http.MethodGet, Path: c.path("/Plans?limit=1")})
	if _, ok := readPage(answer); ok {
		return orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{Verdict: job.Delivered, Status: answer.Status}}
	}
	_, envelope := readError(answer.Body)
	r := refine(answer, false)
	missing := answer.Status == http.StatusNotFound || answer.Status == http.StatusMethodNotAllowed
	if r.Health == orchestrator.Well && (!envelope || missing) {
		r.Health, r.Verdict, r.Reason = orchestrator.Ill, job.Unavailable, job.UnexpectedAnswer
		r.Detail = "status " + strconv.Itoa(answer.Status) + " does not come from the product: check the connection's url"
	}
	if missing {
		r.Detail = c.notServed(answer.Status)
	}
	return r
}

func (c *Connector) notServed(status int) string {
	return "the server has no list of plans (status " + strconv.Itoa(status) + "): check that it serves version " + c.APIVersion +
		" of its API (api_version), and the connection's url"
}

// path is below the version of the API.
func (c *Connector) path(resource string) string { return "/api/" + c.APIVersion + resource }
