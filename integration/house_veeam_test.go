package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

const planOf = "Plan "

// occupied is the id of a request whose plan runs until it is told to end.
const occupied = "occupied-0"

// newVeeam has a plan for each request: what was made is told by the plan alone.
func newVeeam(t *testing.T, action server.Operation) (*house, *veeam.Orchestrator) {
	t.Helper()
	o, err := veeam.Start(veeam.Settings{RunFor: 150 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	named := map[string]string{} // ids of requests by their plan's
	known := []string{double, double}
	for i := range 10 {
		known = append(known, fmt.Sprint("before-", i), fmt.Sprint("inv-", i))
	}
	for _, name := range known {
		named[o.AddPlan(veeam.Plan{Name: planOf + name, Type: veeam.RestorePlan}).ID] = name
	}
	victims := o.AddPlan(veeam.Plan{Name: planOf + victim, Type: veeam.RestorePlan}).ID
	named[victims] = victim
	slow := o.AddPlan(veeam.Plan{Name: planOf + occupied, Type: veeam.RestorePlan, RunFor: -1}).ID
	named[slow] = occupied
	return &house{
		site: siteOf(o.Server),
		connection: yaml{
			"product": "veeam", "url": o.URL(),
			"credentials": []any{yaml{"grant": "password", "username": `LAB\queueferry`, "password": "secret"}},
		},
		field: "process", twice: planOf + double, alien: "folder", of: "F",
		occupy: func(string) func() {
			o.Begin(slow, action)
			return func() { o.Finish(slow) }
		},
		mine: func(r *http.Request, _ []byte) bool { return strings.Contains(r.URL.Path, victims) },
		made: func() (ids []string) {
			for _, run := range o.Runs("") {
				if run.Action == action && run.Holder != "" {
					ids = append(ids, named[run.Plan])
				}
			}
			return ids
		},
		acts: []server.Operation{action}, looks: []server.Operation{veeam.GetDetails}, reads: []server.Operation{veeam.ListPlans, veeam.GetDetails},
		logIns: []server.Operation{veeam.LogIn},
		api:    append([]server.Operation{veeam.ListPlans, veeam.GetPlan, veeam.GetDetails}, veeam.Actions...),
	}, o
}

func readinessChecks(t *testing.T) *house {
	t.Helper()
	h, _ := newVeeam(t, veeam.ReadinessCheck)
	h.place = yaml{"action": "start_job", "process": planOf + "inv-0"}
	h.route = yaml{"defaults": yaml{"action": "start_job"}, "allow": yaml{"plans": h.plans("ReadinessCheck")}}
	h.request = func(id string) yaml { return yaml{"id": id, "process": planOf + id} }
	h.other = func(r yaml) { r["options"] = yaml{"generateReport": true} }
	return h
}

// restores stand for all actions that move production.
func restores(t *testing.T) *house {
	t.Helper()
	h, _ := newVeeam(t, veeam.Restore)
	options := func() yaml {
		return yaml{
			"action": "Restore", "restoreLocationId": "3f6c2d0e-51a8-4f0b-9d3c-6a1b7e9f2c44", "executeChainedPlans": false,
			"restorepointDate": nil, "protectStorageVolumes": false,
		}
	}
	h.place = yaml{"action": "start_job", "process": planOf + "inv-0", "options": options()}
	h.route = yaml{"defaults": yaml{"action": "start_job"}, "allow": yaml{"plans": h.plans("Restore")}}
	h.request = func(id string) yaml { return yaml{"id": id, "process": planOf + id, "options": options()} }
	h.other = func(r yaml) {
		changed := options()
		changed["executeChainedPlans"] = true
		r["options"] = changed
	}
	return h
}

// plans allows an action on those that the requests name, and on two names that
// are wrong.
func (h *house) plans(action string) (all []any) {
	names := []string{missing, planOf + double, planOf + victim, planOf + occupied}
	for i := range 10 {
		names = append(names, fmt.Sprint(planOf, "before-", i), fmt.Sprint(planOf, "inv-", i))
	}
	for _, name := range names {
		all = append(all, yaml{"plan": name, "actions": []any{action}})
	}
	return all
}
