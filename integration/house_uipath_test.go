package integration

import (
	"testing"

	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func newUiPath(t *testing.T) (*house, *uipath.Orchestrator) {
	t.Helper()
	o, err := uipath.Start(uipath.Settings{LookUpsPerMinute: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	o.AddFolder(folder)
	return &house{
		site: siteOfUiPath(o),
		connection: yaml{"product": "uipath", "url": o.URL(), "credentials": []any{yaml{
			"grant": "client_credentials", "token_url": o.TokenURL(), "client_id": "queueferry", "client_secret": "secret",
			"scopes": []any{"OR.Queues", "OR.Jobs", "OR.Execution.Read"},
		}}},
		logIns: operations(uipath.Token), api: operations(uipath.AuthorizedOperations...),
	}, o
}

func uipathItems(t *testing.T, queue string) *house {
	t.Helper()
	h, o := newUiPath(t)
	o.AddQueue(folder, unique, uipath.Queue{UniqueReference: true})
	o.AddQueue(folder, plain, uipath.Queue{})
	h.field, h.alien, h.of = "queue", "process", "P"
	h.place = yaml{"action": "add_queue_item", "folder": folder, "queue": queue}
	h.route = yaml{
		"defaults": yaml{"action": "add_queue_item"},
		"allow":    yaml{"folders": []any{folder}, "queues": []any{queue, missing}, "options": []any{"*"}},
	}
	h.request = func(id string) yaml {
		return yaml{"id": id, "folder": folder, "queue": queue, "content": yaml{"Vendor": "ACME"}}
	}
	h.other = func(r yaml) { r["content"] = yaml{"Vendor": "Other"} }
	h.made = func() (ids []string) {
		for _, item := range o.Items() {
			ids = append(ids, item.Reference)
		}
		return ids
	}
	h.acts, h.looks = operations(uipath.AddQueueItem, uipath.BulkAddQueueItems), operations(uipath.ListQueueItems)
	h.reads = operations(uipath.ListQueueDefinitions)
	return h
}

func uipathJobs(t *testing.T) *house {
	t.Helper()
	h, o := newUiPath(t)
	o.AddProcess(folder, process)
	o.AddNamesake(folder, double)
	o.AddNamesake(folder, double)
	h.field, h.twice, h.alien, h.of = "process", double, "due_by", "2026-01-31T19:00:00Z"
	h.place = yaml{"action": "start_job", "folder": folder, "process": process}
	h.route = yaml{
		"defaults": yaml{"action": "start_job"},
		"allow":    yaml{"folders": []any{folder}, "processes": []any{process, missing, double}, "options": []any{"*"}},
	}
	h.request = func(id string) yaml {
		return yaml{"id": id, "folder": folder, "process": process, "arguments": yaml{"in_Id": id}}
	}
	h.other = func(r yaml) { r["arguments"] = yaml{"in_Id": "other"} }
	h.occupy = func(string) func() { return o.AddFault(uipath.PendingJobs()).Remove }
	h.made = func() (ids []string) {
		for _, j := range o.Jobs() {
			ids = append(ids, j.Reference)
		}
		return ids
	}
	h.acts, h.looks = operations(uipath.StartJobs), operations(uipath.ListJobs)
	h.reads = operations(uipath.ListReleases)
	return h
}

func operations(of ...uipath.Operation) (all []server.Operation) {
	for _, op := range of {
		all = append(all, server.Operation(op))
	}
	return all
}

// siteOfUiPath takes the faults of the other simulators: UiPath's are the same and
// more.
func siteOfUiPath(o *uipath.Orchestrator) site {
	return site{clear: o.ClearFault, complaints: o.Violations, add: func(f server.Fault) struck {
		same := uipath.Fault{
			Kind: uipath.Kind(f.Kind), Calls: f.Calls, Probability: f.Probability, Commit: uipath.Commit(f.Commit), CommitDelay: f.CommitDelay, Delay: f.Delay,
			Status: f.Status, Body: uipath.Body(f.Body), RetryAfter: f.RetryAfter,
		}
		for _, op := range f.Operations {
			same.Operations = append(same.Operations, uipath.Operation(op))
		}
		return o.AddFault(same)
	}}
}
