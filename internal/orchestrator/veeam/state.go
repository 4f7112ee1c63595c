package veeam

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// state is how a plan is, as its runtime details say (REST API reference,
// RuntimeDetails). They are gone when the server was started anew.
type state struct {
	known   bool // there are runtime details
	running bool
	edited  bool // somebody edits the plan
	// name is the API's name of the state, or where it has none the one for display,
	// and run and check are what the last run and the last readiness check came to.
	// They are compared, and never shown.
	name, run, check string
}

// readState takes runtime details. Those that neither name the state nor tell
// whether the plan is at work are as good as none; ok is false for what is no
// runtime details at all.
func readState(body []byte) (s state, ok bool) {
	var details struct {
		State   text  `json:"state"`
		Shown   text  `json:"stateName"`
		Running truth `json:"isRunningState"`
		Run     text  `json:"currentRunResult"`
		Check   text  `json:"currentCheckResult"`
		Editor  text  `json:"currentEditingUser"`
	}
	body = []byte(strings.TrimSpace(string(body)))
	switch {
	case len(body) == 0:
		return state{}, true
	case body[0] != '{' && body[0] != 'n' || json.Unmarshal(body, &details) != nil:
		return state{}, false
	}
	name := cmp.Or(details.State, details.Shown)
	if name == "" && !details.Running.told {
		return state{}, true
	}
	return state{
		known: true, running: details.Running.yes, edited: details.Editor != "",
		name: short(name), run: short(details.Run), check: short(details.Check),
	}, true
}

// short bounds what is kept of a text.
func short(t text) string { return strings.ToValidUTF8(string(t[:min(len(t), 64)]), "") }

// state reads how a plan is. Where it cannot be told that there is such a plan,
// none says why. A plan without runtime details has the zero state.
func (c *Connector) state(ctx context.Context, id string) (s state, none *orchestrator.Result) {
	answer := c.Client.Do(ctx, orchestrator.Call{
		Operation: "GetRuntimeDetails", Method: http.MethodGet, Path: c.path("/RuntimeDetails/Plans/" + id),
	})
	if succeeded(answer) && !isPage(answer.Header) {
		s, ok := readState(answer.Body)
		if s.known {
			return s, nil
		}
		if ok {
			return c.stateless(ctx, id, answer)
		}
	}
	switch answer.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusInternalServerError:
		if answer.Err == nil {
			return c.stateless(ctx, id, answer)
		}
	}
	r := refine(answer, false)
	r.Detail = "the plan's state could not be read: " + r.Detail
	return state{}, &r
}

// stateless finds out what it means that a plan has no runtime details: which
// status says that there is no such plan is not documented, so that its absence
// must show in the list. A server that fails for one plan alone shall not hold up
// all others.
func (c *Connector) stateless(ctx context.Context, id string, answer orchestrator.Answer) (state, *orchestrator.Result) {
	where, failed := c.listed(ctx, id)
	switch {
	case failed != nil:
		return state{}, failed
	case where == absent:
		r := orchestrator.Result{Health: orchestrator.Well, Outcome: job.Reject(job.NotFound, noSuchID)}
		r.Status = answer.Status
		return state{}, &r
	case ofIngress(answer):
		r := refine(answer, false)
		r.Detail = "the plan's state could not be read: " + r.Detail
		return state{}, &r
	case answer.Status == http.StatusInternalServerError:
		r := busy("the plan's state could not be read: the API answered with status 500, and shows the list of plans all the same")
		r.Health, r.Status = orchestrator.Well, answer.Status
		return state{}, &r
	}
	return state{}, nil
}
