package integration

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// process is what the routes of these tests may start.
const process = "PostInvoice"

// jobs are the settings of a route that starts jobs and takes its time for
// nothing.
var jobs = settings{
	connection: "timeout: 1s\nsettle: 500ms\nbreaker: {failures: 5, open: 300ms}\nlook_ups_per_minute: 600",
	route:      "retry: {first: 50ms, max: 500ms}",
}

// newJobRig has a process to start.
func newJobRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, uipath.Settings{})
	r.uipath.AddProcess(folder, process)
	return r
}

// startJobs runs a worker with a route that may start jobs.
func (r *rig) startJobs(s settings) *running {
	r.t.Helper()
	cfg := r.configure(s)
	route := &cfg.Routes[0]
	route.Allow.Processes, route.Allow.Options = []string{"*"}, []string{"*"}
	cfg.Connections[0].Credentials[0].Scopes = []string{"OR.Queues", "OR.Jobs", "OR.Execution.Read"}
	return r.startWith(cfg)
}

func jobRequest(id string) string {
	return fmt.Sprintf(`{"id": %q, "action": "start_job", "process": %q, "arguments": {"in_Id": %q}}`, id, process, id)
}

// jobsOf counts the jobs under a reference.
func (r *rig) jobsOf(reference string) (n int) {
	for _, j := range r.uipath.Jobs() {
		if j.Reference == reference {
			n++
		}
	}
	return n
}

// oneDead waits for the one dead letter, and checks its reason and a part of its
// detail.
func (r *rig) oneDead(w *running, reason, detail string) {
	r.t.Helper()
	r.settledAll()
	dead := r.deadLetters()
	if len(dead) != 1 || dead[0].Header.Get("Queueferry-Reason") != reason || !strings.Contains(dead[0].Header.Get("Queueferry-Detail"), detail) {
		r.t.Errorf("%d dead letters, want %s: %s", len(dead), reason, detail)
		for _, m := range dead {
			r.t.Log(m.Header)
		}
		r.t.Log(w.log)
	}
}

// lastVerdict is the verdict of the last delivery of a request.
func lastVerdict(w *running, id string) (verdict any) {
	for _, e := range w.log.events("delivery.settled") {
		if e["request_id"] == id {
			verdict = e["verdict"]
		}
	}
	return verdict
}

func TestARequestStartsAJob(t *testing.T) {
	t.Parallel()
	r := newJobRig(t)
	w := r.startJobs(settings{})
	r.publish(`{"id": "inv-1", "action": "start_job", "process": "postinvoice", "priority": "high",
		"arguments": {"in_Id": "000123", "in_Amount": 12.50}, "options": {"RuntimeType": "Unattended", "RunAsMe": true}}`)
	r.settledAll()
	all := r.uipath.Jobs()
	if len(all) != 1 {
		t.Fatalf("%d jobs\n%s", len(all), w.log)
	}
	got := all[0]
	if got.Process != process || got.Reference != "inv-1" || got.Priority != "High" || got.RuntimeType != "Unattended" || got.InputArguments != `{"in_Amount":12.50,"in_Id":"000123"}` {
		t.Errorf("%+v", got)
	}
	want := map[string]any{
		"ReleaseKey": got.ProcessKey, "Strategy": "ModernJobsCount", "JobsCount": 1.0, "Reference": "inv-1", "JobPriority": "High",
		"InputArguments": got.InputArguments, "RuntimeType": "Unattended", "RunAsMe": true,
	}
	if diff := cmp.Diff(want, r.startInfo()); diff != "" {
		t.Error(diff)
	}
	w.end()
	if e := w.log.events("delivery.settled"); len(e) != 1 || e[0]["verdict"] != "delivered" || e[0]["receipt"] != fmt.Sprint(got.ID) {
		t.Errorf("%v", e)
	}
	if v := r.uipath.Violations(); len(v) > 0 {
		t.Errorf("the orchestrator complains: %v", v)
	}
}

// startInfo is what the last start sent.
func (r *rig) startInfo() map[string]any {
	r.t.Helper()
	calls := r.uipath.Calls()
	var body struct {
		StartInfo map[string]any `json:"startInfo"`
	}
	if err := json.Unmarshal(calls[len(calls)-1].Body, &body); err != nil {
		r.t.Fatal(err)
	}
	return body.StartInfo
}

func TestTheNativeStartInfo(t *testing.T) {
	t.Parallel()
	r := newJobRig(t)
	key := r.uipath.AddProcess(folder, "Other").Key
	robot := r.uipath.AddRobot(folder)
	w := r.startJobs(settings{})
	r.publish(fmt.Sprintf(`{"startInfo": {"ReleaseKey": %q, "Strategy": "Specific", "RobotIds": [%d], "JobsCount": 0, "NoOfRobots": 0, "Source": "Manual",
		"JobPriority": "Low", "InputArguments": "{\"a\":\"b\"}", "Reference": "native-1"}}`, key, robot))
	r.settledAll()
	want := map[string]any{
		"ReleaseKey": key, "Strategy": "Specific", "RobotIds": []any{float64(robot)}, "JobPriority": "Low", "InputArguments": `{"a":"b"}`, "Reference": "native-1",
	}
	if diff := cmp.Diff(want, r.startInfo()); diff != "" {
		t.Error(diff)
	}
	r.publish(`{"startInfo": {"ReleaseName": "PostInvoice", "JobsCount": 2, "InputArguments": {"a": 1}}}`, "Nats-Msg-Id", "native-2")
	r.settledAll()
	if n, m := r.jobsOf("native-1"), r.jobsOf("native-2"); n != 1 || m != 2 {
		t.Errorf("%d and %d jobs\n%s", n, m, w.log)
	}
	if dead := r.deadLetters(); len(dead) > 0 {
		t.Errorf("dead letter %v", dead[0].Header)
	}
}

func TestAProcessThatIsMissing(t *testing.T) {
	t.Parallel()
	r := newJobRig(t)
	w := r.startJobs(jobs)
	r.publish(`{"id": "inv-1", "action": "start_job", "process": "Missing"}`)
	r.oneDead(w, "not_found", `process: "Missing" does not exist in the folder "Finance/AP"`)
	if n := r.uipath.Counts().Total(uipath.StartJobs); n != 0 {
		t.Errorf("%d starts", n)
	}
}

func TestArgumentsThatAreTooLong(t *testing.T) {
	t.Parallel()
	r := newJobRig(t)
	w := r.startJobs(jobs)
	r.publish(fmt.Sprintf(`{"id": "inv-1", "action": "start_job", "process": %q, "arguments": {"a": %q}}`, process, strings.Repeat("x", 10_000)))
	r.oneDead(w, "too_large", "options.InputFile")
	if n := len(r.uipath.Jobs()); n != 0 {
		t.Errorf("%d jobs", n)
	}
}

func TestPendingJobsAreWaitedFor(t *testing.T) {
	t.Parallel()
	r := newJobRig(t)
	s := jobs
	s.route = "retry: {attempts: 1, first: 50ms, max: 100ms}"
	w := r.startJobs(s)
	f := r.uipath.SetFault(uipath.PendingJobs())
	r.publish(jobRequest("inv-1"))
	r.eventually("it was tried some times", func() bool { return f.Hits() >= 3 })
	if n := r.left(); n != 1 {
		t.Errorf("%d messages are left", n)
	}
	r.uipath.ClearFault()
	r.settledAll()
	if n := r.jobsOf("inv-1"); n != 1 || len(r.deadLetters()) > 0 {
		t.Errorf("%d jobs, %d dead letters\n%s", n, len(r.deadLetters()), w.log)
	}
}

// A start whose answer was lost is looked up, and not repeated.
func TestALostAnswerStartsNoSecondJob(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]uipath.Fault{
		"started, then cut":           uipath.CommitThenDrop(uipath.StartJobs),
		"started, then 503":           uipath.CommitThenStatus(503, uipath.StartJobs),
		"started, then broken":        {Status: 201, Body: uipath.BodyBroken, Commit: uipath.CommitFirst, Operations: []uipath.Operation{uipath.StartJobs}},
		"started, and never answered": {Kind: uipath.BlackHole, Commit: uipath.CommitFirst, Operations: []uipath.Operation{uipath.StartJobs}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newJobRig(t)
			w := r.startJobs(jobs)
			fault.Calls = 1
			r.uipath.SetFault(fault)
			r.publish(jobRequest("inv-1"))
			r.settledAll()
			w.end()
			if n := r.jobsOf("inv-1"); n != 1 || len(r.deadLetters()) > 0 || lastVerdict(w, "inv-1") != "duplicate" {
				t.Errorf("%d jobs, %d dead letters\n%s", n, len(r.deadLetters()), w.log)
			}
			if n := r.uipath.Counts().Total(uipath.StartJobs); n != 1 {
				t.Errorf("%d starts", n)
			}
		})
	}
}

// A start that was lost on its way is made again once a look-up has proven that
// it finds jobs by their reference.
func TestALostStartIsMadeAgain(t *testing.T) {
	t.Parallel()
	r := newJobRig(t)
	w := r.startJobs(jobs)
	r.publish(jobRequest("proof"))
	r.settledAll()
	r.uipath.SetFault(uipath.Fault{Kind: uipath.Drop, Operations: []uipath.Operation{uipath.StartJobs}, Calls: 1})
	r.publish(jobRequest("inv-1"))
	r.settledAll()
	w.end()
	if n := r.jobsOf("inv-1"); n != 1 || len(r.deadLetters()) > 0 || lastVerdict(w, "inv-1") != "delivered" {
		t.Errorf("%d jobs, %d dead letters\n%s", n, len(r.deadLetters()), w.log)
	}
}

// Where nobody can tell whether a job was started, the message is set aside; or
// sent again, where the route wants that.
func TestAStartThatNobodyCanTellOf(t *testing.T) {
	t.Parallel()
	drop := uipath.Fault{Kind: uipath.Drop, Operations: []uipath.Operation{uipath.StartJobs}, Calls: 1}
	for name, tt := range map[string]struct {
		before []string // what was started before
		faults []uipath.Fault
		detail string
	}{
		"nothing was ever started": {nil, []uipath.Fault{drop}, "no look-up has found a job by its reference yet"},
		"a filter that is ignored": {[]string{"proof"}, []uipath.Fault{drop, {Kind: uipath.IgnoreFilter, Operations: []uipath.Operation{uipath.ListJobs}}}, "does not filter jobs"},
		"a filter that is refused": {
			[]string{"proof"},
			[]uipath.Fault{drop, {Status: 400, ErrorCode: 1000, Message: "Invalid OData query options", Operations: []uipath.Operation{uipath.ListJobs}}},
			"the look-up was refused",
		},
		"no right to look": {
			[]string{"proof"}, []uipath.Fault{drop, {Status: 403, Operations: []uipath.Operation{uipath.ListJobs}}}, "Jobs.View",
		},
	} {
		for _, resend := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s,resend=%t", name, resend), func(t *testing.T) {
				t.Parallel()
				r := newJobRig(t)
				if strings.HasPrefix(name, "a filter that is ignored") {
					r.uipath.AddJob(folder, process, uipath.Job{Reference: "foreign"})
				}
				s := jobs
				if resend {
					s.route += "\non_unknown: resend"
				}
				w := r.startJobs(s)
				for _, id := range tt.before {
					r.publish(jobRequest(id))
				}
				r.settledAll()
				for _, f := range tt.faults {
					r.uipath.AddFault(f)
				}
				r.publish(jobRequest("inv-1"))
				if resend {
					r.settledAll()
					if n := r.jobsOf("inv-1"); n != 1 || len(r.deadLetters()) > 0 {
						t.Errorf("%d jobs, %d dead letters\n%s", n, len(r.deadLetters()), w.log)
					}
					return
				}
				r.oneDead(w, "unknown_outcome", tt.detail)
				if n := r.jobsOf("inv-1"); n != 0 {
					t.Errorf("%d jobs", n)
				}
			})
		}
	}
}

// Of several jobs only some were started: they are never started again, whatever
// the route says.
func TestJobsThatWereStartedInPart(t *testing.T) {
	t.Parallel()
	r := newJobRig(t)
	s := jobs
	s.route += "\non_unknown: resend"
	w := r.startJobs(s)
	r.uipath.SetFault(uipath.Fault{Kind: uipath.PartialJobs})
	r.publish(fmt.Sprintf(`{"id": "inv-1", "action": "start_job", "process": %q, "options": {"JobsCount": 4}}`, process))
	r.oneDead(w, "unknown_outcome", "may have been started")
	if n := r.jobsOf("inv-1"); n != 2 {
		t.Errorf("%d jobs", n)
	}
}

// A process that is made anew has another key: what was remembered heals by
// itself.
func TestAProcessThatIsMadeAnew(t *testing.T) {
	t.Parallel()
	r := newJobRig(t)
	w := r.startJobs(jobs)
	r.publish(jobRequest("inv-1"))
	r.settledAll()
	anew := r.uipath.AddProcess(folder, process)
	r.publish(jobRequest("inv-2"))
	r.settledAll()
	all := r.uipath.Jobs()
	if len(all) != 2 || all[1].ProcessKey != anew.Key || len(r.deadLetters()) > 0 {
		t.Errorf("%+v, %d dead letters\n%s", all, len(r.deadLetters()), w.log)
	}
}

// A connection of which no route adds items is probed by what an account for
// jobs may read.
func TestAnAccountForJobsAlone(t *testing.T) {
	t.Parallel()
	r := newJobRig(t)
	cfg := r.configure(jobs)
	route := &cfg.Routes[0]
	route.Defaults.Action, route.Fixed.Action, route.Allow.Processes = "", "start_job", []string{process}
	cfg.Connections[0].Credentials[0].Scopes = []string{"OR.Jobs", "OR.Execution.Read"}
	w := r.startWith(cfg)
	r.uipath.SetFault(uipath.Unavailable())
	r.publish(jobRequest("inv-1"))
	r.eventually("the gate shuts", func() bool { return len(w.log.events("gate.changed")) > 0 })
	time.Sleep(500 * time.Millisecond)
	r.uipath.ClearFault()
	r.settledAll()
	if n := r.uipath.Counts().Total(uipath.ListQueueDefinitions); n != 0 {
		t.Errorf("%d probes of queues", n)
	}
	if n := r.jobsOf("inv-1"); n != 1 || len(r.deadLetters()) > 0 {
		t.Errorf("%d jobs, %d dead letters\n%s", n, len(r.deadLetters()), w.log)
	}
}
