package main

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

// A worker process has plans do things: what is lost on the way back is found in
// the plan's state, by what was noted of it in the ledger, and done once.
func TestRunOfPlans(t *testing.T) {
	t.Parallel()
	o, err := veeam.Start(veeam.Settings{RunFor: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	plan := o.AddPlan(veeam.Plan{Name: "Site A", Type: veeam.ReplicaPlan, State: veeam.FailoverComplete})
	fault := server.CommitThenDrop(veeam.Undo)
	fault.Calls = 1
	o.SetFault(fault)
	nats := natstest.Start(t)
	const file = `nats: {url: %q}
admin: {listen: "127.0.0.1:0"}
connections:
  vro: {product: veeam, url: %q, settle: 300ms, credentials: [{grant: password, username: 'LAB\queueferry', password: secret}]}
routes:
  - {name: plans, subjects: [jobs.>], connection: vro, defaults: {action: start_job}, allow: {plans: [{plan: Site A, actions: [ReadinessCheck, Undo]}]}}
`
	p := start(t, write(t, fmt.Sprintf(file, nats.URL(), o.URL())))
	nc := nats.Conn(t)
	settled := func(body, verdict, reason string) {
		t.Helper()
		before := len(p.events("delivery.settled"))
		eventually(t, "it is published", func() bool {
			_, err := nc.Request("jobs.a", []byte(body), time.Second)
			return err == nil
		})
		eventually(t, body+" is "+verdict, func() bool {
			for _, l := range p.events("delivery.settled")[before:] {
				if l["verdict"] == verdict && (reason == "" || l["reason"] == reason) {
					return true
				}
			}
			return false
		})
	}
	settled(`{"id":"1","process":"Site A","options":{"action":"Undo"}}`, "duplicate", "")
	settled(`{"id":"1","process":"Site A","options":{"action":"Undo"}}`, "duplicate", "")
	settled(`{"id":"2","process":"Site A"}`, "delivered", "")
	settled(`{"id":"3","action":"add_queue_item","queue":"Q"}`, "rejected", "unsupported_action")
	settled(`{"id":"4","process":"Site A","options":{"action":"Failover"}}`, "rejected", "not_allowed")
	settled(`{"id":"5","process":"Site A","priority":"high"}`, "rejected", "invalid_request")
	if runs := o.Runs(plan.ID); len(runs) != 2 {
		t.Errorf("%d runs: %+v", len(runs), runs)
	}
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if sums := o.LogIns(); sums.Live != 0 {
		t.Errorf("%+v", sums)
	}
}
