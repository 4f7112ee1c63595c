package uipath_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func TestCounts(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.logIn()
	r.add("Unique", "a")
	r.add("Unique", "a")
	r.call("POST", bulkPath, nil, bulkBody("ProcessAllIndependently", "a", "b", "c"))
	r.call("POST", startPath, nil, `{"startInfo":{"ReleaseName":"PostInvoice","JobsCount":2}}`)
	r.call("GET", "/nothing", nil, "")
	r.call("GET", "/odata/Jobs", header{"Authorization": ""}, "")
	soon(t, "the books", func() bool { return r.Counts().Running == 0 })
	got := r.Counts()
	want := uipath.Counts{
		Calls: map[uipath.Operation]map[int]int{
			uipath.Token: {200: 1}, uipath.AddQueueItem: {201: 1, 409: 1}, uipath.BulkAddQueueItems: {200: 1},
			uipath.StartJobs: {201: 1}, uipath.Unrouted: {404: 1}, uipath.ListJobs: {401: 1},
		},
		Effects: map[uipath.Operation]int{uipath.AddQueueItem: 1, uipath.BulkAddQueueItems: 2, uipath.StartJobs: 2},
		LogIns:  1, LiveTokens: 1, Unauthorized: 1,
		Connections: 1, IdentityConnections: 1, OpenConnections: 1, Peak: 1, PeakActing: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := got.Total(uipath.AddQueueItem); n != 2 {
		t.Errorf("%d calls in all", n)
	}
}

func TestPeak(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.logIn()
	hole := r.SetFault(uipath.Fault{Kind: uipath.BlackHole})
	done := make(chan struct{}, 5)
	for i := range cap(done) {
		go func() {
			if i == 0 {
				_, _ = r.try(t.Context(), "GET", "/odata/QueueItems", nil, "")
			} else {
				_, _ = r.try(t.Context(), "POST", addPath, nil, itemBody("Invoices", "a"))
			}
			done <- struct{}{}
		}()
	}
	soon(t, "five calls", func() bool { return hole.Hits() == 5 })
	if c := r.Counts(); c.Peak != 5 || c.PeakActing != 4 || c.Running != 5 {
		t.Errorf("%+v", c)
	}
	hole.Remove()
	for range cap(done) {
		<-done
	}
	soon(t, "the end", func() bool { return r.Counts().Running == 0 })
	r.ResetPeak()
	r.add("Invoices", "a")
	if c := r.Counts(); c.Peak != 1 || c.PeakActing != 1 {
		t.Errorf("after the reset: %+v", c)
	}
}

func TestRecordedCalls(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{RecordCalls: 2})
	r.add("Invoices", "first")
	r.call("GET", "/odata/QueueItems", nil, "")
	bulk := bulkBody("ProcessAllIndependently", "second", "third")
	r.call("POST", bulkPath, header{"X-UIPATH-FolderPath": "", "X-UIPATH-FolderKey": r.folder.Key}, bulk)
	r.call("POST", startPath, header{"X-UIPATH-FolderPath": "", "X-UIPATH-OrganizationUnitId": "1"}, jobBody("fourth"))
	soon(t, "the books", func() bool { return r.Counts().Running == 0 })

	calls := r.Calls()
	if len(calls) != 2 {
		t.Fatalf("%d calls kept", len(calls))
	}
	shown := func(c uipath.Call) string {
		return fmt.Sprint(c.Operation, c.Status, c.Committed, c.Folder, c.References, strings.HasSuffix(c.Path, string(c.Operation)))
	}
	if got, want := shown(calls[0]), "BulkAddQueueItems200truekey[second third]true"; strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := shown(calls[1]), "StartJobs403falseid[fourth]true"; strings.ReplaceAll(got, " ", "") != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if string(calls[0].Body) != bulk || calls[0].Header.Get("X-UIPATH-FolderKey") != r.folder.Key || time.Since(calls[0].Time) > time.Minute {
		t.Errorf("%+v", calls[0])
	}
	if got := r.LastHeaders(uipath.BulkAddQueueItems).Get("X-UIPATH-FolderKey"); got != r.folder.Key {
		t.Errorf("last headers: %q", got)
	}
	if h := r.LastHeaders(uipath.GetJob); h != nil {
		t.Errorf("headers of no call: %v", h)
	}
}

func TestViolations(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		do   func(r *rig)
		want string
	}{
		"a good call": {func(r *rig) { r.add("Invoices", "a") }, ""},
		"idempotency key": {func(r *rig) {
			r.call("POST", addPath, header{"Idempotency-Key": "1"}, itemBody("Invoices", "a"))
		}, "AddQueueItem: an idempotency key was sent"},
		"X-Idempotency-Key": {func(r *rig) {
			r.call("POST", startPath, header{"X-Idempotency-Key": "1"}, jobBody("a"))
		}, "StartJobs: an idempotency key was sent"},
		"source of an item": {func(r *rig) {
			r.call("POST", addPath, nil, `{"itemData":{"Name":"Invoices","Source":"Manual"}}`)
		}, "AddQueueItem: Source was sent"},
		"source in a batch": {func(r *rig) {
			r.call("POST", bulkPath, nil, `{"queueName":"Invoices","commitType":"AllOrNothing","queueItems":[{"Source":"Manual"}]}`)
		}, "BulkAddQueueItems: Source was sent"},
		"source of a job": {func(r *rig) {
			r.call("POST", startPath, nil, `{"startInfo":{"ReleaseName":"PostInvoice","Source":"Manual"}}`)
		}, "StartJobs: Source was sent"},
		"no User-Agent": {func(r *rig) {
			r.call("GET", "/odata/Jobs", header{"User-Agent": " "}, "")
		}, "ListJobs: no User-Agent"},
		"unknown option": {func(r *rig) { r.call("GET", "/odata/Jobs?page=1", nil, "") }, `ListJobs: unknown query option "page"`},
		"token in the URL": {func(r *rig) {
			r.call("GET", "/api/Status/Get?access_token=x", nil, "")
		}, "Status: a secret in the URL: access_token"},
		"two folders": {func(r *rig) {
			r.call("GET", "/odata/Jobs", header{"X-UIPATH-FolderKey": r.folder.Key}, "")
		}, "ListJobs: more than one folder header"},
		"plain path, not ASCII": {func(r *rig) {
			r.call("GET", "/odata/Jobs", header{"X-UIPATH-FolderPath": "Prüfung"}, "")
		}, "ListJobs: a folder path that is not ASCII in the plain header"},
		"plus sign": {func(r *rig) {
			r.call("GET", "/odata/Jobs?$filter=Id+eq+1", nil, "")
		}, "ListJobs: a plus sign in the query is not percent-encoded"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, uipath.Settings{})
			test.do(r)
			got := strings.Join(r.Violations(), "\n")
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if n, want := r.Counts().Violations, len(r.Violations()); n != want {
				t.Errorf("%d counted, %d listed", n, want)
			}
		})
	}
}
