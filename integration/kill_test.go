package integration

import (
	"context"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// killing is one way to die: where, and what the orchestrator does to the victim.
type killing struct {
	at          moment
	after, late bool
	fault       *uipath.Fault
	dead        string // the reason of the victim's dead letter; empty: it has its effect
}

// The faults of the victim's calls: an answer that tells nothing, and a refusal.
var (
	doubtful = uipath.Fault{Status: 503, Body: uipath.BodyHTML, Commit: uipath.CommitFirst, Calls: 1, Match: isVictim,
		Operations: []uipath.Operation{uipath.AddQueueItem, uipath.StartJobs}}
	refused = uipath.Fault{Kind: uipath.FailItems, Status: 400, Message: "No.", Match: isVictim,
		Operations: []uipath.Operation{uipath.AddQueueItem, uipath.StartJobs}}
)

func isVictim(reference string) bool { return reference == victim }

// killings are the steps of a message's life, each with a worker that dies there.
var killings = map[string]killing{
	"pulled, nothing sent":               {at: pulled, after: true},
	"sent, not carried out":              {at: sending},
	"sent, carried out later":            {at: sending, late: true},
	"carried out, not answered":          {at: answering},
	"answered, nothing done since":       {at: answering, after: true},
	"in doubt, about to be noted":        {at: recording, fault: &doubtful},
	"in doubt, noted":                    {at: recorded, after: true, fault: &doubtful},
	"dead, about to be noted":            {at: marking, fault: &refused, dead: "rejected"},
	"dead, noted":                        {at: marked, after: true, fault: &refused, dead: "rejected"},
	"dead letter on its way":             {at: burying, fault: &refused, dead: "rejected"},
	"dead letter stored, not confirmed":  {at: buried, fault: &refused, dead: "rejected"},
	"dead letter stored, about to term":  {at: terminating, fault: &refused, dead: "rejected"},
	"dead letter stored, and terminated": {at: terminating, after: true, fault: &refused, dead: "rejected"},
	"about to ack":                       {at: acking},
	"acked":                              {at: acking, after: true},
}

// claims are the further steps of a request that is claimed in the ledger.
var claims = map[string]killing{
	"claim on its way":               {at: claiming},
	"claim stored, not confirmed":    {at: claimed},
	"claimed, nothing sent":          {at: claimed, after: true},
	"carried out, about to be noted": {at: finishing},
	"carried out, and noted":         {at: finished, after: true},
}

// A worker that is killed at any step loses nothing and repeats nothing: the next
// one brings every message to its end, and the victim's to the only right one.
// Nothing here ends as unknown_outcome: there is somebody to ask.
func TestAKilledWorkerLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	for name, task := range map[string]task{
		"unique item": uniqueItem, "plain item": plainItem, "job": startJob,
	} {
		for where, k := range killings {
			t.Run(name+"/"+where, func(t *testing.T) {
				t.Parallel()
				k.run(t, task)
			})
		}
	}
	for where, k := range claims {
		t.Run("job/"+where, func(t *testing.T) {
			t.Parallel()
			k.run(t, startJob)
		})
	}
}

func (k killing) run(t *testing.T, task task) {
	r := newRig(t, uipath.Settings{LookUpsPerMinute: -1})
	r.uipath.AddProcess(folder, "Post")
	if k.fault != nil {
		r.uipath.AddFault(*k.fault)
	}
	first := k.upTo(r, task)
	if first.wait() != -1 {
		t.Fatalf("the worker was not killed:\n%s", first.log)
	}
	second := r.spawn(r.file(task, "", ""))
	r.ask(task, "after", 5)
	r.settledBy(second)
	r.has(1, task, "before", 1)
	r.has(1, task, "after", 5)
	want := 1
	if k.dead != "" {
		want = 0
	}
	if got := task.count(r, victim); got != want {
		t.Errorf("%s: has %d effects, want %d", victim, got, want)
	}
	r.onlyVictimDied(task, k.dead)
	for _, v := range r.uipath.Violations() {
		t.Error(v)
	}
	if t.Failed() {
		t.Logf("the first worker:\n%s\nthe second:\n%s", first.log, second.log)
	}
}

// upTo runs a worker until it is killed at the given step. Before the victim it
// has an ordinary message.
func (k killing) upTo(r *rig, task task) *pod {
	r.t.Helper()
	var p *pod
	a := &ambush{at: k.at, after: k.after, late: k.late}
	a.lie(r, func() { _ = p.cmd.Process.Kill() })
	p = r.spawn(r.file(task, a.trap.url(), a.booth.url()))
	r.streamIsThere(p)
	r.ask(task, "before", 1)
	r.settledBy(p)
	r.publish(task.body(victim))
	p.await("the worker comes to where it is "+string(k.at), a.struck)
	return p
}

func (r *rig) streamIsThere(p *pod) {
	r.t.Helper()
	r.eventually("the stream is there", func() bool {
		select {
		case <-p.done:
			r.t.Fatalf("the worker ended:\n%s", p.log)
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := r.js.Stream(ctx, "JOBS_DEAD")
		_, err2 := r.js.Stream(ctx, "JOBS")
		return err == nil && err2 == nil
	})
}

// settledBy waits until the stream is empty, and shows the log where it does not get so.
func (r *rig) settledBy(p *pod) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for r.left() > 0 {
		if time.Now().After(deadline) {
			r.t.Fatalf("%d messages are left:\n%s", r.left(), p.log)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// onlyVictimDied checks that there is one dead letter, the victim's, with its
// payload as it came; or none, where the reason is empty.
func (r *rig) onlyVictimDied(task task, reason string) {
	r.t.Helper()
	dead := r.deadLetters()
	if reason == "" {
		if len(dead) > 0 {
			r.t.Errorf("%d dead letters, the first %v", len(dead), dead[0].Header)
		}
		return
	}
	if len(dead) != 1 {
		r.t.Fatalf("%d dead letters, want one", len(dead))
	}
	if got := dead[0].Header.Get("Queueferry-Reason"); got != reason || string(dead[0].Data) != task.body(victim) {
		r.t.Errorf("reason %q, want %q; payload %s", got, reason, dead[0].Data)
	}
}
