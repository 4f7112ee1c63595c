package automationanywhere_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type rig struct {
	*automationanywhere.ControlRoom
	t      testing.TB
	client *http.Client
	token  string // of api, once it has one
}

func start(t testing.TB, settings automationanywhere.Settings) *rig {
	t.Helper()
	o, err := automationanywhere.Start(settings)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		o.Close()
	})
	return &rig{ControlRoom: o, t: t, client: &http.Client{Transport: transport}}
}

type reply struct {
	status int
	text   string
	body   map[string]any // nil where it is no JSON object
}

func (r reply) value(name string) string {
	value, _ := r.body[name].(string)
	return value
}

type header map[string]string

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
	request, err := http.NewRequestWithContext(ctx, method, r.URL()+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("User-Agent", "test")
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	got := reply{status: response.StatusCode, text: string(text)}
	_ = json.Unmarshal(text, &got.body)
	return got, err
}

// post sends JSON.
func (r *rig) post(path, body string) reply {
	r.t.Helper()
	return r.call("POST", path, header{"Content-Type": "application/json"}, body)
}

// api sends JSON with a token, of either generation.
func (r *rig) api(path, body string) reply {
	r.t.Helper()
	if r.token == "" {
		r.token = r.post("/v2/authentication", byKey).value("token")
		if r.token == "" {
			r.token = r.post("/v1/authentication", byKey).value("token")
		}
	}
	return r.call("POST", path, header{"Content-Type": "application/json", "X-Authorization": r.token}, body)
}

// rows are those of a list.
func (r reply) rows() []map[string]any {
	list, _ := r.body["list"].([]any)
	var rows []map[string]any
	for _, entry := range list {
		row, _ := entry.(map[string]any)
		rows = append(rows, row)
	}
	return rows
}

// column is one member of all rows of a list.
func (r reply) column(name string) []any {
	var values []any
	for _, row := range r.rows() {
		values = append(values, row[name])
	}
	return values
}

// logIn gives a token, of Automation 360.
func (r *rig) logIn(body string) string {
	r.t.Helper()
	got := r.post("/v2/authentication", body)
	if got.status != 200 {
		r.t.Fatalf("log-in: %d %s", got.status, got.text)
	}
	return got.value("token")
}

// queues lists them with a token, of Automation 360.
func (r *rig) queues(token, body string) reply {
	r.t.Helper()
	return r.call("POST", "/v3/wlm/queues/list", header{"Content-Type": "application/json", "X-Authorization": token}, body)
}

// generations with the path of their queues.
var generations = map[automationanywhere.Generation]string{
	automationanywhere.E11: "/v2/wlm/queues/", automationanywhere.A360: "/v3/wlm/queues/",
}

// columns are a model in which the number of a display column is not its place.
var columns = []automationanywhere.Column{
	{Name: "Amount", Type: automationanywhere.Number, Display: 3},
	{Name: "Due", Type: automationanywhere.Date, Display: 1},
	{Name: "Reference", Type: automationanywhere.Text, Display: 2, Reference: true},
	{Name: "Note"},
}

// itemBody is an add of one item for each reference.
func itemBody(references ...string) string {
	items := make([]string, len(references))
	for i, reference := range references {
		items[i] = `{"json":{"Reference":` + strconv.Quote(reference) + `}}`
	}
	return `{"workItems":[` + strings.Join(items, ",") + `]}`
}

// items is the path of a queue's items.
func (r *rig) items(q automationanywhere.Queue, generation automationanywhere.Generation) string {
	return generations[generation] + strconv.FormatInt(q.ID, 10) + "/workitems"
}

const (
	byPassword = `{"username":"queueferry","password":"secret"}`
	byKey      = `{"username":"QueueFerry","apiKey":"key"}`
	byMultiple = `{"username":"queueferry","password":"secret","multipleLogin":true}`
)
