package uipath_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a simulator with the folder Finance/AP, the queues Invoices (plain) and
// Unique, the process PostInvoice, and a client that is logged in.
type rig struct {
	*uipath.Orchestrator
	t      testing.TB
	client *http.Client
	token  string
	folder uipath.Folder
}

func start(t testing.TB, settings uipath.Settings) *rig {
	t.Helper()
	o, err := uipath.Start(settings)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		o.Close()
	})
	r := &rig{Orchestrator: o, t: t, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	r.folder = o.AddFolder("Finance/AP")
	o.AddQueue("Finance/AP", "Invoices", uipath.Queue{})
	o.AddQueue("Finance/AP", "Unique", uipath.Queue{UniqueReference: true})
	o.AddProcess("Finance/AP", "PostInvoice")
	return r
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any // nil where it is no JSON object
	err    error          // of reading the body
}

func (r reply) code() int {
	code, _ := r.body["errorCode"].(float64)
	return int(code)
}

func (r reply) message() string {
	message, _ := r.body["message"].(string)
	return message
}

func (r reply) rows() []map[string]any {
	values, _ := r.body["value"].([]any)
	rows := make([]map[string]any, len(values))
	for i, v := range values {
		rows[i], _ = v.(map[string]any)
	}
	return rows
}

type header map[string]string

// send makes a request as it is; a failed exchange is given back as an error.
func (r *rig) send(ctx context.Context, method, url string, headers header, body string) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	got := reply{status: response.StatusCode, header: response.Header, text: string(text), err: err}
	_ = json.Unmarshal(text, &got.body)
	return got, nil
}

// call makes a request of the API with token and folder; further headers win, an
// empty one takes the usual one away.
func (r *rig) call(method, path string, headers header, body string) reply {
	r.t.Helper()
	got, err := r.try(r.t.Context(), method, path, headers, body)
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

func (r *rig) try(ctx context.Context, method, path string, headers header, body string) (reply, error) {
	r.t.Helper()
	if r.token == "" {
		r.logIn()
	}
	all := header{"Authorization": "Bearer " + r.token, "X-UIPATH-FolderPath": "Finance/AP", "User-Agent": "test"}
	if method == http.MethodPost {
		all["Content-Type"] = "application/json"
	}
	for name, value := range headers {
		all[name] = value
		if value == "" {
			delete(all, name)
		}
	}
	return r.send(ctx, method, r.URL()+path, all, body)
}

func (r *rig) logIn() {
	r.t.Helper()
	got := r.askToken(url.Values{"scope": {strings.Join(uipath.AllScopes[1:], " ")}})
	if got.status != http.StatusOK {
		r.t.Fatalf("log-in: %d %s", got.status, got.text)
	}
	r.token = got.body["access_token"].(string)
}

// askToken logs in with the usual form; what is given wins.
func (r *rig) askToken(form url.Values) reply {
	r.t.Helper()
	all := url.Values{"grant_type": {"client_credentials"}, "client_id": {"queueferry"}, "client_secret": {"secret"}}
	maps.Copy(all, form)
	got, err := r.send(r.t.Context(), http.MethodPost, r.TokenURL(),
		header{"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "test"}, all.Encode())
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

const (
	addPath   = "/odata/Queues/UiPathODataSvc.AddQueueItem"
	bulkPath  = "/odata/Queues/UiPathODataSvc.BulkAddQueueItems"
	startPath = "/odata/Jobs/UiPath.Server.Configuration.OData.StartJobs"
)

func (r *rig) add(queue, reference string) reply {
	r.t.Helper()
	return r.call(http.MethodPost, addPath, nil, itemBody(queue, reference))
}

func itemBody(queue, reference string) string {
	return mustJSON(map[string]any{"itemData": map[string]any{
		"Name": queue, "Reference": reference, "SpecificContent": map[string]any{"Vendor": "ACME"},
	}})
}

func jobBody(reference string) string {
	return mustJSON(map[string]any{"startInfo": map[string]any{
		"ReleaseName": "PostInvoice", "Strategy": "ModernJobsCount", "JobsCount": 1, "Reference": reference,
	}})
}

func bulkBody(commitType string, references ...string) string {
	items := make([]map[string]any, len(references))
	for i, reference := range references {
		items[i] = map[string]any{"Reference": reference, "SpecificContent": map[string]any{"N": i}}
	}
	return mustJSON(map[string]any{"queueName": "Unique", "commitType": commitType, "queueItems": items})
}

func mustJSON(v any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

// query escapes a query with %20 for spaces, as every server understands it.
func query(pairs ...string) string {
	var parts []string
	for i := 0; i < len(pairs); i += 2 {
		parts = append(parts, url.QueryEscape(pairs[i])+"="+strings.ReplaceAll(url.QueryEscape(pairs[i+1]), "+", "%20"))
	}
	return "?" + strings.Join(parts, "&")
}
