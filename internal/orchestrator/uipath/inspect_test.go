package uipath

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

func wantItem(folder, queue string) orchestrator.Wanted {
	return orchestrator.Wanted{Route: "r", Action: job.AddQueueItem, Folder: folder, Queue: queue, OwnFolder: true, OwnName: true}
}

// dated is an API that tells its time, and has every queue.
func dated() *fakeAPI {
	return &fakeAPI{other: func(*http.Request) reply { return reply{status: 200, body: notThere} }, queues: func(int) reply {
		return reply{status: 200, body: queueRow("Invoices", true), header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}}
	}}
}

func statuses(found []finding.Finding) map[finding.Status]int {
	counts := map[finding.Status]int{}
	for _, f := range found {
		counts[f.Status]++
	}
	return counts
}

func findingOf(t *testing.T, found []finding.Finding, subject, check string) finding.Finding {
	t.Helper()
	for _, f := range found {
		if f.Subject == subject && f.Check == check {
			return f
		}
	}
	t.Fatalf("no %q %q in %+v", subject, check, found)
	return finding.Finding{}
}

// What several routes name is asked for once, and said for each.
func TestInspectAsksOnce(t *testing.T) {
	t.Parallel()
	api := dated()
	other := wantItem("finance/ap", "INVOICES ")
	other.Route = "second"
	found := api.connector().Inspect(t.Context(), []orchestrator.Wanted{wantItem("Finance/AP", "Invoices"), wantItem("Finance/AP", "Invoices"), other})
	if got := api.order(); got != "QQI" {
		t.Errorf("asked %s", got)
	}
	for _, route := range []string{"route r", "route second"} {
		if f := findingOf(t, found, route, "queue"); f.Status != finding.OK {
			t.Errorf("%+v", f)
		}
	}
	if n := statuses(found)[finding.Unknown]; n != 1 { // what only a change proves
		t.Errorf("%d unknown: %+v", n, found)
	}
	if api.count(http.MethodGet) != len(api.requests) {
		t.Error("not all calls are GETs")
	}
}

// However much is wanted, a check keeps within its bounds and says what it left out.
func TestInspectIsBounded(t *testing.T) {
	t.Parallel()
	api := dated()
	var wanted []orchestrator.Wanted
	for n := range 400 {
		wanted = append(wanted, wantItem(fmt.Sprintf("F%d", n), "Invoices"))
	}
	found := api.connector().Inspect(t.Context(), wanted)
	if n := len(api.asked("/odata/QueueItems")); n != maxListed {
		t.Errorf("%d lists of items", n)
	}
	if n := len(api.requests); n > maxInspected+1 {
		t.Errorf("%d calls", n)
	}
	if f := findingOf(t, found, "", "routes"); f.Status != finding.Unknown || !strings.Contains(f.Detail, "limits") {
		t.Errorf("%+v", f)
	}
}

// An orchestrator that falls silent is given up with the time of the check.
func TestInspectEndsWithItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &silentAPI{fakeAPI: dated(), after: 2}
		c := api.connector()
		c.Client.Transport = api
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		found := c.Inspect(ctx, []orchestrator.Wanted{wantItem("A", "Invoices"), wantItem("B", "Invoices"), wantItem("C", "Invoices")})
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
		if f := findingOf(t, found, "", "routes"); !strings.Contains(f.Detail, "the time was over") {
			t.Errorf("%+v", f)
		}
		if f := findingOf(t, found, "route r", "look-ups"); f.Status != finding.Unknown || !strings.Contains(f.Detail, "in the time that a check has") {
			t.Errorf("%+v", f)
		}
	})
}

// A job whose process is named by its key is started without the right to read
// processes: that is no error.
func TestInspectAKeyWithoutTheRightToRead(t *testing.T) {
	t.Parallel()
	api := dated()
	api.other = func(r *http.Request) reply {
		if len(api.asked("/odata/Releases")) > 1 { // the first is the probe
			return reply{status: 403, body: `{"message":"You are not authorized!","errorCode":0,"traceId":"x"}`}
		}
		return reply{status: 200, body: notThere, header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}}
	}
	found := api.connector().Inspect(t.Context(), []orchestrator.Wanted{
		{Route: "r", Action: job.StartJob, Folder: "Finance/AP", Process: "11111111-2222-4333-8444-555555555555", OwnFolder: true, OwnName: true},
	})
	if f := findingOf(t, found, "route r", "process"); f.Status != finding.Unknown || statuses(found)[finding.Error] > 0 {
		t.Errorf("%+v", found)
	}
	findingOf(t, found, "route r", "look-ups")
}

// What only a message may choose is perhaps chosen by none: that it is missing is
// no error, as it is of what the route sets itself.
func TestInspectWhatAMessageMayChoose(t *testing.T) {
	t.Parallel()
	refusal := func(status int, code string) reply {
		return reply{status: status, body: `{"message":"x","errorCode":` + code + `,"traceId":"x"}`}
	}
	for name, tt := range map[string]struct {
		answer    reply
		check     string
		detail    string
		ofAFolder bool
	}{
		"a queue":  {reply{status: 200, body: notThere}, "queue", `no queue "Archive"`, false},
		"a folder": {refusal(400, "1100"), "folder", "does not exist", true},
		"a right":  {refusal(403, "0"), "permission", "cannot be read", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for own, want := range map[bool]finding.Status{true: finding.Error, false: finding.Warning} {
				api := dated()
				first := api.queues
				api.queues = func(n int) reply {
					if n > 1 { // the first is the probe
						return tt.answer
					}
					return first(n)
				}
				w := wantItem("Finance/AP", "Archive")
				w.OwnFolder, w.OwnName = own || !tt.ofAFolder, own
				found := api.connector().Inspect(t.Context(), []orchestrator.Wanted{w})
				f := findingOf(t, found, "route r", tt.check)
				if f.Status != want || !strings.Contains(f.Detail, tt.detail) || strings.Contains(f.Detail, "a message may name it") == own && tt.check != "permission" {
					t.Errorf("own %t: %+v", own, f)
				}
			}
		})
	}
}

// silentAPI answers so many calls, and no more.
type silentAPI struct {
	*fakeAPI
	after int
}

func (s *silentAPI) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.after--; s.after < 0 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return s.fakeAPI.RoundTrip(r)
}

// Where the product refuses the question itself, nothing can be delivered: that is
// no matter of doubt.
func TestInspectIsRefused(t *testing.T) {
	t.Parallel()
	api := dated()
	api.queues = func(int) reply { return reply{status: 400, body: `{"message":"x","errorCode":9999,"traceId":"x"}`} }
	f := findingOf(t, api.connector().Inspect(t.Context(), []orchestrator.Wanted{wantItem("Finance/AP", "Invoices")}), "route r", "folder")
	if f.Status != finding.Error || !strings.Contains(f.Detail, `status 400 and error code "9999"`) || !strings.Contains(f.Remedy, "tenant") {
		t.Errorf("%+v", f)
	}
}

// An answer that is about more than the thing asked for ends the inspection: a
// limit is not worn out, and a refused token not tried on.
func TestInspectStops(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]reply{
		"throttled": {status: 429, body: `{"message":"x","errorCode":0,"traceId":"x"}`},
		"refused":   {status: 401, body: `{"message":"x","errorCode":0,"__abp":true}`},
		"lost":      {err: fmt.Errorf("gone " + canary)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := dated()
			first := api.queues
			api.queues = func(n int) reply {
				if n > 2 {
					return refusal
				}
				return first(n)
			}
			found := api.connector().Inspect(t.Context(), []orchestrator.Wanted{wantItem("A", "Invoices"), wantItem("B", "Invoices"), wantItem("C", "Invoices")})
			if got := api.order(); got != "QQIQ" {
				t.Errorf("asked %s", got)
			}
			if f := findingOf(t, found, "", "routes"); f.Status != finding.Unknown || f.Remedy == "" || strings.Contains(fmt.Sprint(found), canary) {
				t.Errorf("%+v", f)
			}
		})
	}
}
