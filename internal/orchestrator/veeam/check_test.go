package veeam

import (
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// What the product does not have is refused before any call, and named.
func TestCheck(t *testing.T) {
	t.Parallel()
	f := &api{}
	c := f.connector()
	now := time.Now()
	for name, tt := range map[string]struct {
		change  func(*job.Request)
		options string
		refused string
	}{
		"as it should be":    {nil, `{"action":"Failover","executeChainedPlans":true,"restorePointDate":"2026-01-31T06:00:00Z","protectStorageVolumes":false}`, ""},
		"the latest point":   {nil, `{"action":"Restore","restorepointDate":null,"restoreLocationId":"` + planB + `"}`, ""},
		"no options":         {nil, "", ""},
		"continue":           {nil, `{"action":"Continue","executionContinueOptions":"RetryFailedVm"}`, ""},
		"of unknown fields":  {nil, `{"action":"Clone","anything":{"a":[1]}}`, ""},
		"folder":             {func(r *job.Request) { r.Folder = "F" }, "", "folder: "},
		"queue":              {func(r *job.Request) { r.Queue = "Q" }, "", "queue: "},
		"priority":           {func(r *job.Request) { r.Priority = job.High }, "", "priority: "},
		"defer_until":        {func(r *job.Request) { r.DeferUntil = now }, "", "defer_until: "},
		"due_by":             {func(r *job.Request) { r.DueBy = now }, "", "due_by: "},
		"content":            {func(r *job.Request) { r.Content = job.Fields{"a": nil} }, "", "content: "},
		"arguments":          {func(r *job.Request) { r.Arguments = job.Fields{"a": nil} }, "", "arguments: "},
		"no plan":            {func(r *job.Request) { r.Process = " " }, "", "process: missing"},
		"a long name":        {func(r *job.Request) { r.Process = strings.Repeat("x", 257) }, "", "process: longer"},
		"unknown action":     {nil, `{"action":"Failove"}`, "options.action: unknown; there are Clone, "},
		"another case":       {nil, `{"action":"failover"}`, "options.action: unknown"},
		"a schedule":         {nil, `{"action":"Schedule"}`, "options.action: unknown"},
		"a path":             {nil, `{"action":"../Plans"}`, "options.action: unknown"},
		"action is no text":  {nil, `{"action":null}`, "options.action: must be text"},
		"unknown option":     {nil, `{"generateReports":true}`, "options.generateReports: ReadinessCheck: unknown; there are generateReport"},
		"the other spelling": {nil, `{"action":"Restore","restorePointDate":null}`, "options.restorePointDate: Restore: unknown"},
		"a flag as text":     {nil, `{"generateReport":"true"}`, "options.generateReport: ReadinessCheck: must be true or false"},
		"a flag as null":     {nil, `{"generateReport":null}`, "options.generateReport: ReadinessCheck: must be true or false"},
		"no UUID":            {nil, `{"action":"Restore","restoreLocationId":"here"}`, "options.restoreLocationId: Restore: must be a GUID"},
		"no choice":          {nil, `{"action":"Continue","executionContinueOptions":"Go"}`, "options.executionContinueOptions: Continue: must be one of"},
		"a date as a number": {nil, `{"action":"Failover","restorePointDate":7}`, "options.restorePointDate: Failover: must be text"},
		"takes none":         {nil, `{"action":"Enable","force":true}`, "options.force: Enable: takes no options"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request("Site A", tt.options)
			if tt.change != nil {
				tt.change(r)
			}
			out, ok := c.Check(r)
			if ok != (tt.refused == "") || !ok && (out.Verdict != job.Rejected || out.Reason != job.InvalidRequest || !strings.HasPrefix(out.Detail, tt.refused)) {
				t.Errorf("%t, %+v", ok, out)
			}
		})
	}
	item := &job.Request{ID: "1", Action: job.AddQueueItem, Queue: "Q", Reference: "1"}
	if out, ok := c.Check(item); ok || out.Reason != job.UnsupportedAction || !strings.Contains(out.Detail, "has no queues") {
		t.Errorf("an item: %+v", out)
	}
	if !c.Claims(request("Site A", "")) || len(f.calls) > 0 {
		t.Errorf("calls %q", f.calls)
	}
}

// Options that Check did not see are refused all the same.
func TestSubmitChecksItsOptions(t *testing.T) {
	t.Parallel()
	f := &api{}
	if r := submit(t, f.connector(), try(planA, `{"action":"x"}`)); is(r) != "rejected invalid_request 0" || f.order != "" {
		t.Errorf("%+v", r)
	}
}
