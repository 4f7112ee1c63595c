package uipath_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/uipath"
	simulated "github.com/queueferry/queueferry/internal/simulator/uipath"
)

// bearer adds a token.
type bearer struct {
	base  http.RoundTripper
	token string
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.base.RoundTrip(r)
}

// tenant is a simulated one with a connector to it.
func tenant(t *testing.T, s simulated.Settings) (*simulated.Orchestrator, *uipath.Connector) {
	t.Helper()
	o, err := simulated.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	o.AddQueue("Finance/AP", "Invoices", simulated.Queue{UniqueReference: true, Required: []string{"Vendor"}})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"queueferry"}, "client_secret": {"secret"}, "scope": {"OR.Queues"}}
	client := http.Client{Transport: transport}
	resp, err := client.PostForm(o.TokenURL(), form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&token); err != nil {
		t.Fatal(err)
	}
	return o, uipath.New(uipath.Settings{LookUpsPerMinute: 1000, Client: orchestrator.Client{
		Transport: bearer{transport, token.AccessToken}, BaseURL: o.URL(), Timeout: 10 * time.Second,
	}})
}

func tries(references ...string) (all []*orchestrator.Try) {
	for _, reference := range references {
		all = append(all, &orchestrator.Try{Request: &job.Request{
			ID: reference, Action: job.AddQueueItem, Folder: "Finance/AP", Queue: "invoices", Reference: reference,
			Content: job.Fields{"Vendor": json.RawMessage(`"ACME"`)},
		}})
	}
	return all
}

func told(results []orchestrator.Result) string {
	var words []string
	for _, r := range results {
		word := r.Verdict.String()
		if r.Singly {
			word = "singly"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// What the simulated tenant says of a batch is what its books have.
func TestBatchesOverHTTP(t *testing.T) {
	t.Parallel()
	bulk := []simulated.Operation{simulated.BulkAddQueueItems}
	match := func(wanted string) func(string) bool {
		return func(reference string) bool { return reference == wanted }
	}
	for name, tt := range map[string]struct {
		settings simulated.Settings
		fault    *simulated.Fault
		set      func([]*orchestrator.Try)
		want     string
		stored   string
	}{
		"all are added":   {want: "delivered delivered delivered", stored: "there a b c"},
		"an older server": {settings: simulated.Settings{LowerCaseBulkAnswer: true}, want: "delivered delivered delivered", stored: "there a b c"},
		"one of no schema": {
			set: func(all []*orchestrator.Try) { all[1].Request.Content = nil }, want: "delivered rejected delivered", stored: "there a c",
		},
		"one is there": {
			set: func(all []*orchestrator.Try) { all[1].Request.Reference = "THERE" }, want: "delivered singly delivered", stored: "there a c",
		},
		"one is there, which is fine": {
			set:  func(all []*orchestrator.Try) { all[1].Request.Reference, all[1].AcceptDuplicate = "THERE", true },
			want: "delivered duplicate delivered", stored: "there a c",
		},
		"one that cannot be locked": {
			fault: &simulated.Fault{Kind: simulated.FailItems, ErrorName: "SqlAcquireLockFailure", Match: match("b")},
			want:  "delivered singly delivered", stored: "there a c",
		},
		"no ordinals": {
			fault: &simulated.Fault{Kind: simulated.NullOrdinals}, set: func(all []*orchestrator.Try) { all[1].Request.Content = nil },
			want: "unknown unknown unknown", stored: "there a c",
		},
		"no failed items": {
			fault: &simulated.Fault{Kind: simulated.NoFailedItems}, set: func(all []*orchestrator.Try) { all[1].Request.Content = nil },
			want: "unknown unknown unknown", stored: "there a c",
		},
		"one that poisons the call": {
			set: func(all []*orchestrator.Try) {
				all[1].Request.Options = job.Fields{"RiskSlaDate": json.RawMessage(`"2026-13-01"`)}
			},
			want: "singly singly singly", stored: "there",
		},
		"refused as a whole": {fault: &simulated.Fault{Operations: bulk, Status: 400, ErrorCode: 1000}, want: "singly singly singly", stored: "there"},
		"no such queue": {
			set: func(all []*orchestrator.Try) {
				all[0].Request.Queue, all[1].Request.Queue, all[2].Request.Queue = "N", "N", "N"
			},
			want: "singly singly singly", stored: "there",
		},
		"an older server without batches": {
			fault: &simulated.Fault{Operations: bulk, Status: 404, Body: simulated.BodyHTML}, want: "singly singly singly", stored: "there",
		},
		"no answer":       {fault: &simulated.Fault{Operations: bulk, Kind: simulated.Drop, Commit: simulated.CommitFirst}, want: "unknown unknown unknown", stored: "there a b c"},
		"half an answer":  {fault: &simulated.Fault{Operations: bulk, Status: 200, Body: simulated.BodyTruncated, Commit: simulated.CommitFirst}, want: "unknown unknown unknown", stored: "there a b c"},
		"no connection":   {fault: &simulated.Fault{Kind: simulated.RefuseConnections}, want: "unavailable unavailable unavailable", stored: "there"},
		"too many calls":  {fault: &simulated.Fault{Operations: bulk, Status: 429}, want: "unavailable unavailable unavailable", stored: "there"},
		"not allowed":     {fault: &simulated.Fault{Operations: bulk, Status: 403}, want: "deferred deferred deferred", stored: "there"},
		"a gateway's 503": {fault: &simulated.Fault{Operations: bulk, Status: 503, Body: simulated.BodyHTML}, want: "unknown unknown unknown", stored: "there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, c := tenant(t, tt.settings)
			if r := c.Submit(t.Context(), *tries("there")[0]); r.Verdict != job.Delivered {
				t.Fatalf("%+v", r)
			}
			if tt.fault != nil {
				o.AddFault(*tt.fault)
			}
			all := tries("a", "b", "c")
			if tt.set != nil {
				tt.set(all)
			}
			if diff := cmp.Diff(tt.want, told(c.SubmitBatch(t.Context(), all))); diff != "" {
				t.Error(diff)
			}
			var stored []string
			for _, item := range o.Items() {
				stored = append(stored, item.Reference)
			}
			if diff := cmp.Diff(tt.stored, strings.Join(stored, " ")); diff != "" {
				t.Error(diff)
			}
			if v := o.Violations(); len(v) > 0 {
				t.Error(v)
			}
		})
	}
}

// A batch of the largest default size is one call.
func TestAHundredItemsAreOneCall(t *testing.T) {
	t.Parallel()
	o, c := tenant(t, simulated.Settings{})
	var references []string
	for i := range 100 {
		references = append(references, fmt.Sprint("r", i))
	}
	for _, r := range c.SubmitBatch(t.Context(), tries(references...)) {
		if r.Verdict != job.Delivered || !r.Called || r.Status != 200 {
			t.Fatalf("%+v", r)
		}
	}
	if counts := o.Counts(); len(o.Items()) != 100 || counts.Total(simulated.BulkAddQueueItems) != 1 || counts.Total(simulated.AddQueueItem) != 0 {
		t.Errorf("%d items", len(o.Items()))
	}
}
