package integration

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/check"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/secret"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// checked is the report of a check, which must come well before its bound.
func (r *rig) checked(cfg *config.Config) check.Report {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	report := check.Run(ctx, cfg, check.Options{File: "test.yaml"})
	if ctx.Err() != nil {
		r.t.Error("the check does not end")
	}
	for _, f := range report.Findings {
		if f.Subject == "" || f.Check == "" || f.Detail == "" || (f.Remedy == "") != (f.Status == finding.OK) {
			r.t.Errorf("an incomplete finding: %+v", f)
		}
	}
	return report
}

// one is the only finding of a subject and a check that is not fine.
func one(t *testing.T, r check.Report, status finding.Status, subject, checked string) finding.Finding {
	t.Helper()
	var found []finding.Finding
	for _, f := range r.Findings {
		if f.Subject == subject && f.Check == checked && f.Status == status {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d findings of %s %s %s in\n%s", len(found), status, subject, checked, told(r))
	}
	return found[0]
}

func told(r check.Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(f.Status.String() + " | " + f.Subject + " | " + f.Check + " | " + f.Detail + " | " + f.Remedy + "\n")
	}
	return b.String()
}

// strictly is a configuration whose route fixes all names.
func (r *rig) strictly() *config.Config {
	r.t.Helper()
	cfg := r.configure(settings{})
	cfg.Routes[0].Fixed.Action, cfg.Routes[0].Fixed.Queue = "add_queue_item", unique
	cfg.Routes[0].Defaults.Queue, cfg.Routes[0].Allow.Queues = "", nil
	return cfg
}

func errorsOf(r check.Report) (all []finding.Finding) {
	for _, f := range r.Findings {
		if f.Status == finding.Error {
			all = append(all, f)
		}
	}
	return all
}

func TestCheckOfWhatIsFine(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	cfg := r.strictly()
	r.startWith(cfg).end()
	report := r.checked(cfg)
	if report.Result != check.OK || len(errorsOf(report)) > 0 {
		t.Fatalf("%s\n%s", report.Result, told(report))
	}
	for subject, checks := range map[string][]string{
		"connection acme": {"log-in", "scopes", "orchestrator", "clock"}, "route invoices": {"folder", "look-ups", "queue", "ack_wait"},
	} {
		for _, checked := range checks {
			one(t, report, finding.OK, subject, checked)
		}
	}
}

// Nothing is different after a check: not at the orchestrator, not in JetStream.
func TestACheckChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	r.uipath.AddProcess(folder, "PostInvoice")
	cfg := r.configure(settings{})
	for _, made := range []bool{false, true} {
		if made {
			r.startWith(cfg).end()
			r.publish(item("waits"))
			r.eventually("the consumer counts it", func() bool { return r.consumer().NumPending == 1 })
		}
		logIns, before := r.uipath.Counts().LogIns, r.books()
		r.checked(cfg)
		if diff := cmp.Diff(before, r.books()); diff != "" {
			t.Errorf("JetStream has changed:\n%s", diff)
		}
		if got := r.uipath.Counts().LogIns - logIns; got != 1 {
			t.Errorf("%d log-ins", got)
		}
	}
	counts := r.uipath.Counts()
	for op := range maps.Keys(counts.Calls) {
		if slices.Contains(uipath.ActingOperations, op) || op == uipath.Unrouted {
			t.Errorf("%v %s", counts.Calls[op], op)
		}
	}
	if v := r.uipath.Violations(); len(v) > 0 || len(r.uipath.Items())+len(r.uipath.Jobs()) > 0 {
		t.Errorf("violations %v", v)
	}
}

// books is all that JetStream holds, as it says itself.
func (r *rig) books() map[string]any {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all := map[string]any{}
	streams := r.js.ListStreams(ctx)
	for info := range streams.Info() {
		all[info.Config.Name] = []any{info.State.Msgs, info.State.LastSeq, info.State.Consumers, info.Config.Subjects}
		s, err := r.js.Stream(ctx, info.Config.Name)
		if err != nil {
			r.t.Fatal(err)
		}
		consumers := s.ListConsumers(ctx)
		for c := range consumers.Info() {
			all[info.Config.Name+"/"+c.Name] = []any{c.NumPending, c.NumAckPending, c.NumWaiting, c.Delivered.Consumer, c.Delivered.Stream}
		}
	}
	return all
}

func TestCheckOfAnOrchestrator(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		settings uipath.Settings
		fault    func(r *rig, cfg *config.Config)
		status   finding.Status
		subject  string
		check    string
		want     string // in the detail
		remedy   string
	}{
		"a wrong secret": {fault: func(r *rig, _ *config.Config) { r.writeSecret("wrong") },
			status: finding.Error, subject: "connection acme", check: "log-in", want: "invalid_client", remedy: "client_secret"},
		"a scope that the client has not": {settings: uipath.Settings{Clients: []uipath.Client{{ID: "queueferry", Secret: "secret", Scopes: []string{"OR.Jobs"}}}},
			status: finding.Error, subject: "connection acme", check: "log-in", want: "invalid_scope", remedy: "scopes"},
		"a scope that is missing": {fault: func(_ *rig, cfg *config.Config) {
			cfg.Connections[0].Credentials[0].Scopes = []string{"OR.Queues.Read"}
		},
			status: finding.Error, subject: "connection acme", check: "scopes", want: "OR.Queues.Write", remedy: "scope"},
		"no scope to read": {fault: func(_ *rig, cfg *config.Config) {
			cfg.Connections[0].Credentials[0].Scopes = []string{"OR.Queues.Write"}
		},
			status: finding.Error, subject: "connection acme", check: "scopes", want: "the first answer that is lost holds the route", remedy: "scope"},
		"plain HTTP to a port for TLS": {settings: uipath.Settings{TLS: true}, fault: func(r *rig, cfg *config.Config) {
			cfg.Connections[0].TLS.CAFile = filepath.Join(r.t.TempDir(), "ca.pem")
			if err := os.WriteFile(cfg.Connections[0].TLS.CAFile, r.uipath.CAPEM(), 0o600); err != nil {
				r.t.Fatal(err)
			}
			cfg.Connections[0].URL = strings.Replace(cfg.Connections[0].URL, "https:", "http:", 1)
		}, status: finding.Error, subject: "connection acme", check: "orchestrator", want: "speaks TLS at that port", remedy: "url"},
		"TLS to a port for plain HTTP": {fault: func(_ *rig, cfg *config.Config) {
			cfg.Connections[0].URL = strings.Replace(cfg.Connections[0].URL, "http:", "https:", 1)
		}, status: finding.Error, subject: "connection acme", check: "orchestrator", want: "plain HTTP: the address says https", remedy: "url"},
		"a wrong folder": {fault: func(_ *rig, cfg *config.Config) { cfg.Routes[0].Fixed.Folder = "Finance/AR" },
			status: finding.Error, subject: "route invoices", check: "folder", want: `"Finance/AR" does not exist`, remedy: "folder"},
		"a missing queue": {fault: func(_ *rig, cfg *config.Config) { cfg.Routes[0].Fixed.Queue = "Nothing" },
			status: finding.Error, subject: "route invoices", check: "queue", want: `no queue "Nothing" in "Finance/AP"`, remedy: "correct its name in the route"},
		"a queue without unique references": {fault: func(_ *rig, cfg *config.Config) { cfg.Routes[0].Fixed.Queue = plain },
			status: finding.Warning, subject: "route invoices", check: "queue", want: "does not enforce unique references", remedy: "Enforce unique references"},
		"a missing process": {fault: func(_ *rig, cfg *config.Config) { startsJobs(cfg, "Nothing") },
			status: finding.Error, subject: "route invoices", check: "process", want: `no process "Nothing"`, remedy: "correct its name"},
		"two processes of one name": {fault: func(r *rig, cfg *config.Config) {
			r.uipath.AddNamesake(folder, "Post")
			r.uipath.AddNamesake(folder, "Post")
			startsJobs(cfg, "Post")
		}, status: finding.Error, subject: "route invoices", check: "process", want: "several", remedy: "key"},
		"a process by its key": {fault: func(r *rig, cfg *config.Config) { startsJobs(cfg, r.uipath.AddProcess(folder, "Post").Key) },
			status: finding.Unknown, subject: "route invoices", check: "process", want: "is a key", remedy: "See in Orchestrator"},
		"items that cannot be listed": {fault: func(r *rig, _ *config.Config) {
			r.uipath.AddFault(uipath.Fault{Status: http.StatusForbidden, Operations: []uipath.Operation{uipath.ListQueueItems}})
		}, status: finding.Warning, subject: "route invoices", check: "look-ups", want: "cannot be looked up", remedy: "Transactions: View"},
		"a wrong url, a page": {fault: func(_ *rig, cfg *config.Config) { cfg.Connections[0].URL += "/wrong" },
			status: finding.Error, subject: "connection acme", check: "orchestrator", want: "does not come from the product", remedy: "url"},
		"an identity server that is down": {fault: func(r *rig, _ *config.Config) { r.uipath.AddFault(uipath.IdentityDown(503)) },
			status: finding.Error, subject: "connection acme", check: "log-in", want: "status 503", remedy: "token_url"},
		"an identity server that refuses connections": {fault: func(r *rig, _ *config.Config) {
			r.uipath.AddFault(uipath.Fault{Kind: uipath.RefuseConnections, Operations: []uipath.Operation{uipath.Token}})
		}, status: finding.Error, subject: "connection acme", check: "log-in", want: "connection refused", remedy: "token_url"},
		"an orchestrator that is down": {fault: func(r *rig, _ *config.Config) { r.uipath.AddFault(uipath.Fault{Kind: uipath.RefuseConnections}) },
			status: finding.Error, subject: "connection acme", check: "orchestrator", want: "connection refused", remedy: "firewall"},
		"tokens that the API refuses": {fault: func(r *rig, _ *config.Config) { r.uipath.AddFault(uipath.RefuseTokens()) },
			status: finding.Error, subject: "connection acme", check: "orchestrator", want: "fresh token", remedy: "tenant"},
		"a certificate that nobody knows": {settings: uipath.Settings{TLS: true},
			status: finding.Error, subject: "connection acme", check: "log-in", want: "certificate", remedy: "tls.ca_file"},
		"a clock that is ahead": {settings: uipath.Settings{ClockSkew: 30 * time.Second},
			status: finding.Warning, subject: "connection acme", check: "clock", want: "ahead", remedy: "NTP"},
		"a clock that is far behind": {settings: uipath.Settings{ClockSkew: -time.Hour},
			status: finding.Warning, subject: "connection acme", check: "clock", want: "judged wrongly", remedy: "NTP, now"},
		"a limit of the product": {fault: func(r *rig, _ *config.Config) { r.uipath.AddFault(uipath.Throttled("", uipath.ListQueueDefinitions)) },
			status: finding.Error, subject: "connection acme", check: "orchestrator", want: "fewer calls", remedy: "fewer calls"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, tt.settings)
			cfg := r.strictly()
			if tt.fault != nil {
				tt.fault(r, cfg)
			}
			report := r.checked(cfg)
			f := one(t, report, tt.status, tt.subject, tt.check)
			if !strings.Contains(f.Detail, tt.want) || !strings.Contains(f.Remedy, tt.remedy) {
				t.Errorf("%q: %q", f.Detail, f.Remedy)
			}
			want := check.OK
			if tt.status == finding.Error {
				want = check.Failed
			}
			if report.Result != want {
				t.Errorf("%s\n%s", report.Result, told(report))
			}
			if n := r.uipath.Counts().Total(uipath.Token); n > 2 {
				t.Errorf("%d log-ins", n)
			}
			if text, err := json.Marshal(report); err != nil || strings.Contains(string(text), "eyJ") {
				t.Errorf("a token is in the report: %v", err)
			}
		})
	}
}

// startsJobs makes the route one of jobs.
func startsJobs(cfg *config.Config, process string) {
	r := &cfg.Routes[0]
	r.Fixed.Action, r.Fixed.Queue, r.Fixed.Process = "start_job", "", process
	cfg.Connections[0].Credentials[0].Scopes = []string{"OR.Jobs", "OR.Execution.Read"}
}

// Of what a message may choose, a name must be in one of the folders.
func TestCheckOfNamesThatAMessageChooses(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	r.uipath.AddQueue("HR", "Leave", uipath.Queue{UniqueReference: true})
	cfg := r.strictly()
	route := &cfg.Routes[0]
	route.Fixed.Folder, route.Fixed.Queue = "", ""
	route.Defaults.Folder, route.Defaults.Queue = folder, unique
	route.Allow.Folders, route.Allow.Queues = []string{"HR", "Gone"}, []string{"Leave", "Nowhere", "*"}
	report := r.checked(cfg)
	one(t, report, finding.Unknown, "route invoices", "allow")
	if f := one(t, report, finding.Warning, "route invoices", "folder"); !strings.Contains(f.Detail, "Gone") {
		t.Error(f.Detail)
	}
	if f := one(t, report, finding.Warning, "route invoices", "queue"); !strings.Contains(f.Detail, "Nowhere") {
		t.Error(f.Detail)
	}
	if n := r.uipath.Counts().Total(uipath.ListQueueDefinitions); n > 1+3*4 {
		t.Errorf("%d calls", n)
	}
}

// Each credential logs in once, and is judged by itself.
func TestCheckOfSeveralCredentials(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{Clients: []uipath.Client{
		{ID: "queueferry", Secret: "secret"}, {ID: "second", Secret: "secret"}, {ID: "third", Secret: "other"},
	}})
	cfg := r.strictly()
	c := &cfg.Connections[0]
	second, third := c.Credentials[0], c.Credentials[0]
	second.ClientID, second.Scopes, third.ClientID = "second", []string{"OR.Queues.Read"}, "third"
	c.Credentials = append(c.Credentials, second, third)
	report := r.checked(cfg)
	one(t, report, finding.OK, "connection acme", "log-in 1")
	one(t, report, finding.OK, "connection acme", "scopes 1")
	one(t, report, finding.OK, "connection acme", "log-in 2")
	one(t, report, finding.Error, "connection acme", "scopes 2")
	one(t, report, finding.Warning, "connection acme", "log-in 3") // the others carry on
	if n := r.uipath.Counts().Total(uipath.Token); n != 3 {
		t.Errorf("%d log-ins", n)
	}
}

func TestCheckOfNATS(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	cfg := r.strictly()
	r.nats.Shutdown()
	report := r.checked(cfg)
	if f := one(t, report, finding.Error, "nats", "connection"); !strings.Contains(f.Detail, "nobody listens") || !strings.Contains(f.Remedy, "nats.url") {
		t.Error(f)
	}
	one(t, report, finding.OK, "route invoices", "queue")
	if report.Result != check.Failed {
		t.Error(report.Result)
	}
}

// Whatever hangs, the check ends when it is told to, and says what it waited for.
func TestACheckIsEnded(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	cfg := r.strictly()
	r.uipath.AddFault(uipath.Fault{Kind: uipath.BlackHole, Operations: []uipath.Operation{uipath.Token}})
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	began := time.Now()
	report := check.Run(ctx, cfg, check.Options{File: "test.yaml"})
	if took := time.Since(began); took > patience/4 {
		t.Errorf("took %v", took)
	}
	if f := one(t, report, finding.Error, "connection acme", "log-in"); !strings.Contains(f.Detail, "no answer in the time") {
		t.Error(f.Detail)
	}
}

// With NATS inside of a worker, a check looks at the server of the one that runs.
func TestCheckOfAWorkerWithNATSInside(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	address := natstest.FreeAddress(t)
	cfg := r.strictly()
	cfg.NATS = config.NATS{
		Embedded: &config.Embedded{Listen: address, StoreDir: t.TempDir()}, User: "worker", Password: secret.Literal("inside"),
	}
	r.startWith(cfg)
	report := r.checked(cfg)
	one(t, report, finding.OK, "nats", "connection")
	one(t, report, finding.OK, "nats", "sync")
	if f := one(t, report, finding.OK, "nats", "store"); !strings.Contains(f.Detail, "in use") {
		t.Error(f.Detail)
	}
	if report.Result != check.OK || len(errorsOf(report)) > 0 {
		t.Errorf("%s\n%s", report.Result, told(report))
	}
	cfg.NATS.Password = secret.Literal("wrong")
	if f := one(t, r.checked(cfg), finding.Error, "nats", "connection"); !strings.Contains(f.Detail, "refuses the log-in") {
		t.Error(f.Detail)
	}
}

// What the check says of a token that may only write: items are added, and the
// first answer that is lost holds the route.
func TestWithoutTheScopeToReadALostAnswerHoldsTheRoute(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	cfg := r.strictly()
	cfg.Connections[0].Credentials[0].Scopes = []string{"OR.Queues.Write"}
	w := r.startWith(cfg)
	r.publish(item("fine"))
	r.settledAll()
	lost := uipath.CommitThenDrop(uipath.AddQueueItem)
	lost.Calls = 1
	r.uipath.AddFault(lost)
	r.publish(item("lost"))
	r.eventually("the route is held", func() bool {
		return slices.ContainsFunc(w.log.events("gate.changed"), func(e map[string]any) bool { return e["route"] == "invoices" && e["reason"] == "forbidden" })
	})
	if n := len(r.uipath.Items()); n != 2 {
		t.Errorf("%d items", n)
	}
}
