package automationanywhere

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// deployment is what a request asks for: the fields of its body but the bot, and
// where to send it.
type deployment struct {
	api    api
	path   string
	v4     bool
	fields job.Fields
}

// newDeployment reads a request. field and wrong say what is not right.
func (a api) newDeployment(r *job.Request) (d deployment, field, wrong string) {
	d = deployment{api: a, path: a.deploy, v4: a.isUnattended(r.Options)}
	if d.fields, field, wrong = a.readOptions(r.Options); wrong != "" {
		return d, field, wrong
	}
	inputs, name, wrong := a.readInput(r.Arguments)
	if wrong != "" {
		return d, "arguments." + values.Clip(name), wrong
	}
	if len(inputs) > 0 {
		d.set(map[bool]string{true: "botVariables", false: "botInput"}[a.e11], inputs)
	}
	if d.v4 {
		d.path = deployUnattended
		d.set("executionType", "RUN_NOW")
	}
	if !a.e11 {
		d.set("automationName", r.Reference)
	}
	switch {
	case r.Priority == "":
	case d.v4:
		d.set("automationPriority", priorities[r.Priority])
	default:
		return d, "priority", "a bot has none, but with options.unattendedRequest on Automation 360; remove it"
	}
	return d, "", ""
}

func (d *deployment) set(name string, value any) {
	b, err := json.Marshal(value)
	_ = err // texts, and values that were JSON before, always have a form in it
	d.fields[name] = b
}

// body is the request's JSON, for the bot of that id.
func (d *deployment) body(bot string) ([]byte, error) {
	if d.v4 {
		d.fields["botId"] = json.RawMessage(bot)
	} else {
		d.set("fileId", bot)
	}
	return json.Marshal(d.fields)
}

// submitJob starts a bot, unless an earlier try of the request may have: then it
// finds that out first.
func (c *Connector) submitJob(ctx context.Context, t orchestrator.Try) orchestrator.Result {
	d, field, wrong := c.api.newDeployment(t.Request)
	if wrong != "" {
		return orchestrator.Result{Outcome: job.Reject(job.InvalidRequest, field+": "+wrong)}
	}
	if t.Again {
		if r, mayStart := c.lookUpDeployment(ctx, t); !mayStart {
			return r
		}
	}
	return c.start(ctx, t, d)
}

func (c *Connector) start(ctx context.Context, t orchestrator.Try, d deployment) orchestrator.Result {
	bot, remembered, none := c.bot(ctx, t.Request)
	if bot == "" {
		return none
	}
	body, err := d.body(bot)
	if err != nil {
		return orchestrator.Result{Outcome: job.Reject(job.InvalidRequest, "arguments: cannot be written as JSON")}
	}
	if none, lost := t.Lost(); lost {
		return none
	}
	a := c.post(ctx, "DeployBot", d.path, body, true)
	if receipt, ok := readDeployment(a); ok {
		c.started(t.Request, receipt)
		return delivered(a.Status, receipt)
	}
	r := refine(a, true, ofBot)
	if r.Verdict == job.Rejected && r.Reason == job.NotFound {
		c.bots.Forget(t.Request.Process, bot)
		if remembered {
			return stale(r, "process")
		}
		r.Detail = "process: the API does not know the bot, or what it shall run on: " + r.Detail
	}
	return r
}

// started notes what look-ups must find.
func (c *Connector) started(r *job.Request, receipt job.Receipt) {
	lookup.Take(&c.deployments.Owners, r.ID, deploymentRow{receipt: receipt})
	if !c.api.e11 {
		c.deployments.Delivered("", lookup.Proof{Reference: r.Reference, Receipt: receipt, At: time.Now()})
	}
}

// readDeployment takes the answer to a deployment: a deploymentId, a GUID, on
// Automation 360, and an automationId, a number, on Enterprise 11.
func readDeployment(a orchestrator.Answer) (job.Receipt, bool) {
	var body struct {
		DeploymentID values.Code `json:"deploymentId"`
		AutomationID values.Code `json:"automationId"`
	}
	if !a.Succeeded() || json.Unmarshal(a.Body, &body) != nil {
		return job.Receipt{}, false
	}
	receipt := receiptBy(body.DeploymentID, body.AutomationID)
	return receipt, receipt != job.Receipt{}
}

// receiptBy keeps of ids what looks like one.
func receiptBy(deployment, automation values.Code) (r job.Receipt) {
	if ids.MatchString(string(deployment)) {
		r.Key = strings.ToLower(string(deployment))
	}
	switch {
	case automation.Positive():
		r.ID = string(automation)
	case r.Key == "" && ids.MatchString(string(automation)):
		r.Key = strings.ToLower(string(automation))
	}
	return r
}
