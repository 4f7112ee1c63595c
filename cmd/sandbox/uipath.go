package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// The folder, queues and process of the simulated tenant. Notes is the queue that
// does not enforce unique references. Missing is one that a publisher may name and
// that does not exist.
const (
	folder   = "Finance/AP"
	invoices = "Invoices"
	claims   = "Claims"
	notes    = "Notes"
	missing  = "Archive"
	process  = "PostInvoice"
)

// openUiPath starts a simulated tenant of UiPath Orchestrator.
func openUiPath() (*product, *uipath.Orchestrator, error) {
	o, err := uipath.Start(uipath.Settings{LookUpsPerMinute: -1})
	if err != nil {
		return nil, nil, err
	}
	o.AddFolder(folder)
	o.AddQueue(folder, invoices, uipath.Queue{UniqueReference: true})
	o.AddQueue(folder, claims, uipath.Queue{UniqueReference: true})
	o.AddQueue(folder, notes, uipath.Queue{})
	o.AddProcess(folder, process)
	p := &product{
		name:        "UiPath",
		connections: []string{"uipath"},
		variables:   map[string]string{"SANDBOX_UIPATH_URL": o.URL(), "SANDBOX_UIPATH_TOKEN_URL": o.TokenURL()},
		urls:        []string{o.URL()},
		kinds:       uipathKinds(o),
		bad:         uipathBad,
		revoke:      o.RevokeTokens,
		away:        func() []fault { return []fault{o.AddFault(uipath.Fault{Kind: uipath.RefuseConnections})} },
		operations:  func() []operation { return uipathOperations(o.Counts()) },
		logIns:      func() int { return o.Counts().LogIns },
		lookUps:     func() int { return o.Counts().Total(uipath.ListQueueItems) + o.Counts().Total(uipath.ListJobs) },
		sockets:     func() int { return o.Counts().Connections },
		violations:  o.Violations,
		close:       o.Close,
	}
	p.troubleUiPath(o)
	return p, o, nil
}

// troubleUiPath has the play trouble the tenant.
func (p *product) troubleUiPath(o *uipath.Orchestrator) {
	losing := func(f uipath.Fault) fault {
		f.Probability, f.Operations, f.Match = 0.05, uipath.ActingOperations, mayBeInDoubt
		return o.AddFault(f)
	}
	p.lose = func() []fault {
		return []fault{losing(uipath.CommitThenDrop()), losing(uipath.Fault{Kind: uipath.Drop})}
	}
	p.trouble = func() []fault {
		pending := uipath.PendingJobs()
		pending.Probability, pending.Calls = 0.5, 30
		throttled := uipath.Throttled(uipath.RetryAfterSeconds(time.Second), uipath.AddQueueItem, uipath.BulkAddQueueItems)
		throttled.Calls = 1
		return []fault{
			o.AddFault(pending), o.AddFault(throttled), o.AddFault(uipath.Fault{Kind: uipath.LagLookUps, Delay: lag}),
			losing(uipath.CommitThenDrop()),
		}
	}
}

// mayBeInDoubt tells of which requests an answer may get lost, with one end all the
// same. Of two claims to one reference, in doubt, either item could be its own; and
// an item that a queue cannot take could be in it.
func mayBeInDoubt(reference string) bool {
	return !strings.HasPrefix(reference, "claim-") && !strings.HasPrefix(reference, "bad-")
}

func uipathOperations(c uipath.Counts) []operation {
	row := func(op uipath.Operation, things string) operation {
		return operation{string(op), c.Total(op), c.Effects[op], things}
	}
	return []operation{row(uipath.AddQueueItem, "items"), row(uipath.BulkAddQueueItems, "items"), row(uipath.StartJobs, "jobs")}
}

func uipathKinds(o *uipath.Orchestrator) []*kind {
	in := func(queue string) func() []string {
		return func() []string {
			return taking(o.Items(), func(i uipath.Item) bool { return i.Queue == queue }, func(i uipath.Item) string { return i.Reference })
		}
	}
	jobs := func() []string {
		return taking(o.Jobs(), func(uipath.Job) bool { return true }, func(j uipath.Job) string { return j.Reference })
	}
	return []*kind{
		{subject: "jobs.invoices.new", id: "inv-%06d", share: 2, body: item, try: tryItem, repeats: true, things: "items", made: in(invoices)},
		{subject: "jobs.notes.new", id: "note-%06d", share: 1, body: item, try: tryItem, things: "items", made: in(notes)},
		{subject: "jobs.robots.new", id: "job-%06d", share: 1, body: start(1250), try: tryStart, other: start(9999), repeats: true, things: "jobs", made: jobs},
		{subject: "jobs.claims.new", id: "claim-%d", try: tryItem, things: "items", made: in(claims)},
	}
}

// What to try by hand.
const (
	tryItem  = `{"id": "mine-1", "content": {"Vendor": "ACME"}}`
	tryStart = `{"id": "mine-2", "arguments": {"in_Vendor": "ACME"}}`
)

// item is a request whose content has text, a number and a date.
func item(id string) string {
	return fmt.Sprintf(`{"id": %q, "content": {"Vendor": "ACME", "Amount": 12.50, "Due": "2026-01-31T19:00:00+01:00"}}`, id)
}

// start is a request to start something.
func start(amount int) func(id string) string {
	return func(id string) string {
		return fmt.Sprintf(`{"id": %q, "arguments": {"in_Vendor": "ACME", "in_Amount": %d}}`, id, amount)
	}
}

// claim is a request whose reference is not its id.
func claim(id, reference string, amount int) string {
	return fmt.Sprintf(`{"id": %q, "reference": %q, "content": {"Vendor": "ACME", "Amount": %d}}`, id, reference, amount)
}

var uipathBad = []badRequest{
	{"jobs.invoices.new", "undecodable", `not a request`},
	{"jobs.invoices.new", "undecodable", `["an", "array"]`},
	{"jobs.invoices.new", "invalid_request", `{"id": "ID", "qeue": "Invoices"}`},
	{"jobs.invoices.new", "invalid_request", `{"id": "ID", "priority": "urgent"}`},
	{"jobs.invoices.new", "invalid_request", `{"id": "ID", "content": {"Lines": [1, 2]}}`},
	{"jobs.invoices.new", "invalid_request", `{"id": "ID", "due_by": "tomorrow"}`},
	{"jobs.invoices.new", "not_allowed", `{"id": "ID", "queue": "Payroll"}`},
	{"jobs.invoices.new", "not_allowed", `{"id": "ID", "folder": "Human Resources"}`},
	{"jobs.invoices.new", "not_found", `{"id": "ID", "queue": "` + missing + `"}`},
	{"jobs.invoices.new", "too_large", `{"id": "ID", "content": {"Scan": "` + strings.Repeat("x", 20_001) + `"}}`},
}
