package veeam_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type rig struct {
	*veeam.Orchestrator
	t      testing.TB
	client *http.Client
}

func start(t testing.TB, settings veeam.Settings) *rig {
	t.Helper()
	o, err := veeam.Start(settings)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		o.Close()
	})
	return &rig{Orchestrator: o, t: t, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

type reply struct {
	status int
	header http.Header
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
	got := reply{status: response.StatusCode, header: response.Header, text: string(text)}
	_ = json.Unmarshal(text, &got.body)
	return got, err
}

// ask posts a form to the token endpoint, given as names and values.
func (r *rig) ask(pairs ...string) reply {
	r.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return r.call("POST", "/api/token", header{"Content-Type": "application/x-www-form-urlencoded"}, form.Encode())
}

func (r *rig) logIn() reply {
	r.t.Helper()
	return r.ask("grant_type", "password", "username", `lab\QueueFerry`, "password", "secret")
}

// acting is a rig that is logged in and has one plan.
type acting struct {
	*rig
	token string
	plan  veeam.Plan
}

func startWith(t testing.TB, settings veeam.Settings, plan veeam.Plan) *acting {
	t.Helper()
	r := start(t, settings)
	return &acting{r, r.logIn().value("access_token"), r.AddPlan(plan)}
}

// get reads what there is below the version.
func (a *acting) get(path string) reply {
	a.t.Helper()
	return a.with(a.token, "GET", "/api/v7.21/"+path)
}

func (a *acting) details() reply {
	a.t.Helper()
	return a.get("RuntimeDetails/Plans/" + a.plan.ID)
}

// act asks for an action of the plan.
func (a *acting) act(action server.Operation, body string) reply {
	a.t.Helper()
	got, err := a.tryAct(a.t.Context(), action, body)
	if err != nil {
		a.t.Fatal(err)
	}
	return got
}

func (a *acting) tryAct(ctx context.Context, action server.Operation, body string) (reply, error) {
	headers := header{"Authorization": "Bearer " + a.token}
	if body != "" {
		headers["Content-Type"] = "application/json"
	}
	return a.try(ctx, "POST", "/api/v7.21/Plans/"+a.plan.ID+"/"+string(action), headers, body)
}

const (
	checkBody    = `{"generateReport":false}`
	restoreBody  = `{"restoreLocationId":"00000000-0000-0000-0000-000000000000","executeChainedPlans":false,"restorepointDate":null,"protectStorageVolumes":false}`
	failoverBody = `{"executeChainedPlans":true,"restorePointDate":"2026-01-31T00:00:00","protectStorageVolumes":true}`
)

// with makes a call with an access token.
func (r *rig) with(token, method, path string) reply {
	r.t.Helper()
	return r.call(method, path, header{"Authorization": "Bearer " + token}, "")
}
