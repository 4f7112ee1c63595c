package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

// The plans that may be restored. Those that are checked bear names of sites, and
// are made as they are asked for: a plan has one request each.
const (
	planERP  = "ERP"  // its restore is carried out, and the answer gets lost
	planCRM  = "CRM"  // its restore gets lost before it is carried out
	planShop = "Shop" // it is at work when its restore is asked for
)

// openVeeam starts a simulated Veeam Recovery Orchestrator.
func openVeeam() (*product, error) {
	o, err := veeam.Start(veeam.Settings{RunFor: 100 * time.Millisecond})
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for _, name := range []string{planERP, planCRM, planShop} {
		ids[name] = o.AddPlan(veeam.Plan{Name: name, Type: veeam.RestorePlan, RunFor: time.Second}).ID
	}
	servers := []*veeam.Orchestrator{o}
	return &product{
		name:        "Veeam",
		connections: []string{"veeam"},
		variables:   map[string]string{"SANDBOX_VEEAM_URL": o.URL()},
		urls:        []string{o.URL()},
		kinds:       planKinds(o, ids),
		bad:         planBad,
		revoke:      o.RevokeTokens,
		lose: func() []fault {
			return faultsOf(servers, often(server.CommitThenDrop(veeam.ReadinessCheck)),
				often(server.Fault{Kind: server.Drop, Operations: []server.Operation{veeam.ReadinessCheck}}))
		},
		trouble: func() []fault {
			o.Begin(ids[planShop], veeam.ReadinessCheck)
			carried, lost := server.CommitThenDrop(veeam.Restore), server.Fault{Kind: server.Drop, Operations: []server.Operation{veeam.Restore}}
			carried.Calls, carried.Match = 1, veeam.OfPlan(ids[planERP])
			lost.Calls, lost.Match = 1, veeam.OfPlan(ids[planCRM])
			return faultsOf(servers, carried, lost, often(server.CommitThenDrop(veeam.ReadinessCheck)))
		},
		away:       func() []fault { return faultsOf(servers, server.Fault{Kind: server.RefuseConnections}) },
		operations: func() []operation { return planOperations(o) },
		logIns:     func() int { return o.LogIns().LogIns },
		lookUps:    func() int { return o.Counts().Total(veeam.GetDetails) },
		sockets:    func() int { return o.Counts().Connections },
		violations: o.Violations,
		close:      o.Close,
	}, nil
}

// runsOf are the runs of an action that the worker began.
func runsOf(o *veeam.Orchestrator, action server.Operation) (runs []veeam.Run) {
	for _, run := range o.Runs("") {
		if run.Action == action && run.Holder != "" {
			runs = append(runs, run)
		}
	}
	return runs
}

func planOperations(o *veeam.Orchestrator) []operation {
	row := func(op server.Operation, things string) operation {
		return operation{string(op), o.Counts().Total(op), len(runsOf(o, op)), things}
	}
	return []operation{row(veeam.ReadinessCheck, "checks of a plan"), row(veeam.Restore, "restores")}
}

func planKinds(o *veeam.Orchestrator, ids map[string]string) []*kind {
	references := map[string]string{} // of requests, by the plan's id
	for name, id := range ids {
		references[id] = "restore-" + name
	}
	madeBy := func(action server.Operation) func() []string {
		return func() []string {
			return taking(runsOf(o, action), func(veeam.Run) bool { return true }, func(r veeam.Run) string { return references[r.Plan] })
		}
	}
	return []*kind{
		{
			subject: "jobs.checks.new", id: "check-%06d", share: 1, repeats: true, things: "checks", made: madeBy(veeam.ReadinessCheck),
			prepare: func(id string) { references[o.AddPlan(veeam.Plan{Name: siteOf(id)}).ID] = id },
			body:    func(id string) string { return plan(id, siteOf(id)) },
			other:   func(id string) string { return plan(id, planERP) },
			try:     plan("mine-3", planERP),
		},
		{
			subject: "jobs.restores.new", id: "restore-%s", things: "restores", made: madeBy(veeam.Restore),
			body: func(id string) string { return plan(id, strings.TrimPrefix(id, "restore-")) },
			try:  plan("mine-4", planShop),
		},
	}
}

func siteOf(id string) string { return strings.Replace(id, "check-", "Site ", 1) }

// plan is a request for a plan.
func plan(id, name string) string { return fmt.Sprintf(`{"id": %q, "process": %q}`, id, name) }

var planBad = []badRequest{
	{"jobs.checks.new", "undecodable", `not a request`},
	{"jobs.checks.new", "invalid_request", `{"id": "ID", "process": "ERP", "folder": "Finance/AP"}`},
	{"jobs.checks.new", "invalid_request", `{"id": "ID", "process": "ERP", "arguments": {"in_Amount": 1}}`},
	{"jobs.checks.new", "not_allowed", `{"id": "ID", "process": "ERP", "options": {"action": "Restore"}}`},
	{"jobs.checks.new", "not_found", `{"id": "ID", "process": "Site 51"}`},
	{"jobs.restores.new", "not_allowed", `{"id": "ID", "process": "Payroll"}`},
}
