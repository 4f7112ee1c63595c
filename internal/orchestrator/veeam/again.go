package veeam

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// doubt is why a plan is looked at.
const doubt = "an earlier try may have been carried out"

// looking is noted before anything is asked of the API: as long as it stands,
// nothing was done. A worker that is killed has many requests at that stage.
const looking = "looking"

// look notes that a first try begins, and reports false if that cannot be noted:
// then r is what to return. A readiness check needs no note, for it may be made
// again.
func look(ctx context.Context, t *orchestrator.Try, a action) (r orchestrator.Result, ok bool) {
	switch {
	case t.Before == looking:
		t.Again = false
	case !t.Again && !a.harmless():
		return t.Noted(ctx, looking)
	}
	return r, true
}

// again finds out, by how the plan is now, whether an earlier try of a request was
// carried out. It reports true if the request may be made again: a readiness
// check of which nothing shows. All else is never made again, whatever the route
// says of what nobody knows.
func (c *Connector) again(t orchestrator.Try, a action, id string, now state) (r orchestrator.Result, mayAct bool) {
	before, known := readNote(t.Before, id)
	others := c.plans.others(id, t.Request.ID, t.FirstTry.Add(-t.Skew))
	if !others && shows(a, before, now) {
		c.tell(orchestrator.Found)
		return orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{
			Verdict: job.Duplicate, Receipt: job.Receipt{Key: id},
		}}, false
	}
	if wait := t.Settling(c.Settle); wait > 0 {
		return orchestrator.Later(job.Settling, wait, doubt+", and still may be: the plan is looked at again when that is over"), false
	}
	if a.harmless() && known && before.known && now.known && !others {
		c.tell(orchestrator.Absent)
		return orchestrator.Result{}, true
	}
	c.tell(orchestrator.Unclear)
	if a.harmless() {
		return orchestrator.Result{}, true
	}
	r = orchestrator.Result{Health: orchestrator.Well}
	r.Verdict, r.Reason = job.Unknown, job.UnknownOutcome
	r.Detail = doubt + ", and " + why(known, before, now, others) + "; it is not done again: look at the plan in Recovery Orchestrator"
	return r, false
}

func why(known bool, before, now state, others bool) string {
	switch {
	case others:
		return "another request has had the plan at work since"
	case !now.known:
		return "the plan has no runtime details now"
	case !known || !before.known:
		return "how the plan was before is not known"
	}
	return "the plan does not show it"
}

// shows reports whether the state of a plan is what an action leads to, and not
// something that comes to pass without it.
func shows(a action, before, now state) bool {
	switch {
	case !now.known:
		return false
	case now.running:
		return a.harmless() || !strings.Contains(strings.ToLower(now.name), "check")
	case !before.known:
		return false
	case a.harmless():
		return differs(now.name, before.name) && !editing(now.name) || differs(now.check, before.check)
	}
	return differs(now.name, before.name) && !editing(now.name) && !checking(now.name) || differs(now.run, before.run)
}

// editing tells the states that no action leads to: a person edits the plan. Of their
// names only the form is known: Editing, Saving (User Guide, Plan States and Modes).
func editing(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "edit") || strings.Contains(name, "saving")
}

// checking tells the states that a readiness check leads to, and a new start of
// the server. The product checks its plans every day by itself, so that they prove
// no other action: Needs Verification, Not Verified, Verified, Checking.
func checking(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "check") || strings.Contains(name, "verif")
}

// differs reports whether the name of a state or a result says something that it
// did not say before: after a new start of the server none says anything.
func differs(now, before string) bool {
	return now != "" && !strings.EqualFold(now, "Undefined") && !strings.EqualFold(now, before)
}

// note is what is kept of a plan's state before a call.
type note struct {
	Plan    string `json:"plan"`
	Known   bool   `json:"known"`
	Running bool   `json:"running,omitzero"`
	State   string `json:"state,omitzero"`
	Run     string `json:"run,omitzero"`
	Check   string `json:"check,omitzero"`
}

func noteOf(id string, s state) string {
	b, _ := json.Marshal(note{Plan: id, Known: s.known, Running: s.running, State: s.name, Run: s.run, Check: s.check}) // texts always encode
	return string(b)
}

// readNote reads what was noted of a plan. It reports false for what was noted of
// another one, or not by this connector.
func readNote(text, id string) (state, bool) {
	var n note
	if json.Unmarshal([]byte(text), &n) != nil || !strings.EqualFold(n.Plan, id) {
		return state{}, false
	}
	return state{known: n.Known, running: n.Running, name: n.State, run: n.Run, check: n.Check}, true
}

func (c *Connector) tell(what orchestrator.LookUp) {
	if c.LookedUp != nil {
		c.LookedUp(what)
	}
}
