package uipath

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

func mustParse(t *testing.T, body string) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber() // 12.50 is not 12.5
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	return v
}

// The request of every field, as it is sent.
func TestRequestForm(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	tests := map[string]struct {
		set  func(*job.Request)
		want string // the members of itemData beside Name and Reference
	}{
		"least":                    {func(*job.Request) {}, ``},
		"low":                      {func(r *job.Request) { r.Priority = job.Low }, `"Priority":"Low"`},
		"normal":                   {func(r *job.Request) { r.Priority = job.Normal }, `"Priority":"Normal"`},
		"high":                     {func(r *job.Request) { r.Priority = job.High }, `"Priority":"High"`},
		"defer date in UTC":        {func(r *job.Request) { r.DeferUntil = time.Date(2026, 1, 31, 6, 0, 0, 0, zone) }, `"DeferDate":"2026-01-31T05:00:00Z"`},
		"due date with a fraction": {func(r *job.Request) { r.DueBy = time.Date(2026, 1, 31, 19, 0, 0, 123456789, time.UTC) }, `"DueDate":"2026-01-31T19:00:00.1234567Z"`},
		"due date, half a second":  {func(r *job.Request) { r.DueBy = time.Date(2026, 1, 31, 19, 0, 0, 5e8, time.UTC) }, `"DueDate":"2026-01-31T19:00:00.5Z"`},
		"dates never round up":     {func(r *job.Request) { r.DueBy = time.Date(2026, 12, 31, 23, 59, 59, 999999999, time.UTC) }, `"DueDate":"2026-12-31T23:59:59.9999999Z"`},
		"content": {func(r *job.Request) {
			r.Content = job.Fields{
				"Vendor": json.RawMessage(`"ACME & <Söhne>\n\u2028😀"`), "Amount": json.RawMessage(`12.50`), "Big": json.RawMessage(`12345678901234567890`),
				"Paid": json.RawMessage(`false`), "Note": json.RawMessage(`null`), "Due": json.RawMessage(`"2026-01-31T00:00:00Z"`), `Odd "name"`: json.RawMessage(`1E-7`),
			}
		}, `"SpecificContent":{"Vendor":"ACME & <Söhne>\n\u2028😀","Amount":12.50,"Big":12345678901234567890,"Paid":false,"Note":null,"Due":"2026-01-31T00:00:00Z","Odd \"name\"":1E-7}`},
		"annotated content": {func(r *job.Request) {
			r.Content = job.Fields{"Key": json.RawMessage(`"1"`), "Key@odata.type": json.RawMessage(`"#String"`)}
		}, `"SpecificContent":{"Key":"1","Key@odata.type":"#String"}`},
		"empty content": {func(r *job.Request) { r.Content = job.Fields{} }, ``},
		"options": {func(r *job.Request) {
			r.Options = job.Fields{
				"RiskSlaDate": json.RawMessage(`"2026-01-31T19:00:00+01:00"`), "Progress": json.RawMessage(`"half"`), "ParentOperationId": json.RawMessage(`"op-1"`),
			}
		}, `"RiskSlaDate":"2026-01-31T18:00:00Z","Progress":"half","ParentOperationId":"op-1"`},
		"options of null": {func(r *job.Request) {
			r.Options = job.Fields{"RiskSlaDate": json.RawMessage(`null`), "Progress": json.RawMessage(`null`), "ParentOperationId": json.RawMessage(`null`)}
		}, ``},
		"arguments are for jobs": {func(r *job.Request) { r.Arguments = job.Fields{"a": json.RawMessage(`1`)} }, ``},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := item()
			tt.set(r)
			api := always(created())
			c := api.connector()
			if o, ok := c.Check(r); !ok {
				t.Fatalf("refused: %s", o.Detail)
			}
			if got := c.Submit(t.Context(), orchestrator.Try{Request: r}); got.Verdict != job.Delivered {
				t.Fatalf("%+v", got)
			}
			more := tt.want
			if more != "" {
				more = "," + more
			}
			want := `{"itemData":{"Name":"Invoices","Reference":"inv-1"` + more + `}}`
			if diff := cmp.Diff(mustParse(t, want), mustParse(t, api.bodies[0])); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRequestLineAndHeader(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		folder, tenant string
		want           http.Header
	}{
		"path":          {"Finance/AP", "", http.Header{"X-UIPATH-FolderPath": {"Finance/AP"}}},
		"path, encoded": {"Finance/Rechnungsprüfung", "", http.Header{"X-UIPATH-FolderPath-Encoded": {"RgBpAG4AYQBuAGMAZQAvAFIAZQBjAGgAbgB1AG4AZwBzAHAAcgD8AGYAdQBuAGcA"}}},
		"key":           {"0f4c5d6e-1111-2222-3333-444455556666", "", http.Header{"X-UIPATH-FolderKey": {"0f4c5d6e-1111-2222-3333-444455556666"}}},
		"id":            {"4711", "", http.Header{"X-UIPATH-OrganizationUnitId": {"4711"}}},
		"tenant":        {"Shared", "Default", http.Header{"X-UIPATH-FolderPath": {"Shared"}, "X-UIPATH-TenantName": {"Default"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := always(created())
			c := api.connector()
			c.Tenant = tt.tenant
			r := item()
			r.Folder = tt.folder
			c.Submit(t.Context(), orchestrator.Try{Request: r})
			got := api.requests[0]
			if got.Method != http.MethodPost || got.URL.String() != "https://orchestrator.example/org/tenant/orchestrator_/odata/Queues/UiPathODataSvc.AddQueueItem" {
				t.Errorf("%s %s", got.Method, got.URL)
			}
			tt.want["Accept"] = []string{"application/json"}
			tt.want["Content-Type"] = []string{"application/json"}
			tt.want["User-Agent"] = []string{"queueferry"}
			if diff := cmp.Diff(tt.want, got.Header); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCreated(t *testing.T) {
	t.Parallel()
	const key = "883749b2-5a9c-4c38-a6b5-3f1e6f5d3c2a"
	delivered := func(id, key string) orchestrator.Result {
		return orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{
			Verdict: job.Delivered, Status: 201, Receipt: job.Receipt{ID: id, Key: key}, Called: true,
		}}
	}
	unexpected := orchestrator.Result{Health: orchestrator.Ill, Outcome: job.Outcome{
		Verdict: job.Unknown, Reason: job.UnexpectedAnswer, Status: 201, Called: true, Detail: "the answer is not what the API promises",
	}}
	tests := map[string]struct {
		body string
		want orchestrator.Result
	}{
		"as it comes":         {createdItem, delivered("9007199254740993", key)},
		"id as text":          {`{"Id":"42","Key":"` + key + `"}`, delivered("42", key)},
		"lower case":          {`{"id":42,"key":"` + key + `"}`, delivered("42", key)},
		"id alone":            {`{"Id":42}`, delivered("42", "")},
		"key alone":           {`{"Key":"` + key + `"}`, delivered("", key)},
		"key of another form": {`{"Id":42,"Key":"` + canary + `"}`, delivered("42", "")},
		"a byte order mark":   {"\ufeff" + `{"Id":42}`, delivered("42", "")},
		"id 0":                {`{"Id":0}`, unexpected},
		"id of another form":  {`{"Id":"` + canary + `"}`, unexpected},
		"id null":             {`{"Id":null,"Key":null}`, unexpected},
		"id too long":         {`{"Id":92233720368547758080}`, unexpected},
		"nothing":             {``, unexpected},
		"null":                {`null`, unexpected},
		"a list":              {`[{"Id":42}]`, unexpected},
		"html":                {`<html>` + canary, unexpected},
		"broken":              {`{"Id":42`, unexpected},
		"an error in success": {`{"message":"` + canary + `","errorCode":1016}`, unexpected},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := always(reply{status: 201, body: tt.body}).connector().Submit(t.Context(), orchestrator.Try{Request: item()})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	// Any 2xx is a success.
	for _, status := range []int{200, 201, 202, 299} {
		got := always(reply{status: status, body: createdItem}).connector().Submit(t.Context(), orchestrator.Try{Request: item()})
		if got.Verdict != job.Delivered || got.Status != status {
			t.Errorf("%d: %+v", status, got)
		}
	}
	got := always(reply{status: 201, body: createdItem, cut: true}).connector().Submit(t.Context(), orchestrator.Try{Request: item()})
	if got.Verdict != job.Unknown || got.Health != orchestrator.Ill || !got.Called {
		t.Errorf("cut off: %+v", got)
	}
}
