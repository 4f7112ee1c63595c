package veeam

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary stands for what must never be seen outside: what an answer says.
const canary = "c4n4ry"

const (
	planA = "11111111-aaaa-4aaa-8aaa-111111111111"
	planB = "22222222-bbbb-4bbb-8bbb-222222222222"
)

const (
	idle     = `{"state":"Verified","stateName":"c4n4ry","isRunningState":false,"isStableState":false,"currentRunResult":"Undefined","currentCheckResult":"Success"}`
	checked  = `{"state":"NotVerified","isRunningState":false,"currentRunResult":"Undefined","currentCheckResult":"Failed"}`
	inCheck  = `{"state":"Checking","isRunningState":true}`
	inFail   = `{"state":"FailingOver","isRunningState":true}`
	failed   = `{"state":"FailoverComplete","isRunningState":false,"isStableState":true,"currentRunResult":"Warning"}`
	ownError = `{"message":"c4n4ry is not well"}`
	htmlPage = `<html>c4n4ry</html>`
)

// reply is an answer of the fake API.
type reply struct {
	status int
	body   string
	kind   string // Content-Type
	lost   bool   // the request is written, and no answer comes
}

// api is a Recovery Orchestrator with two plans. What is nil answers as a server
// does on which all is well.
type api struct {
	plans func(query string) reply
	state func(n int) reply // the n-th, from 1
	act   func(n int) reply

	mu    sync.Mutex
	calls []string // method and path, and of an action its body
	order string   // L: the list of plans, S: a state, A: an action
}

func (f *api) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	answer := f.answer(r, string(body))
	if answer.lost {
		httptrace.ContextClientTrace(r.Context()).WroteHeaders()
		return nil, io.ErrUnexpectedEOF
	}
	header := http.Header{}
	if answer.kind != "" {
		header.Set("Content-Type", answer.kind)
	}
	return &http.Response{StatusCode: answer.status, Header: header, Body: io.NopCloser(strings.NewReader(answer.body)), Request: r}, nil
}

func (f *api) answer(r *http.Request, body string) reply {
	path, _ := strings.CutPrefix(r.URL.Path, "/api/v7.21")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+body))
	what := map[bool]string{true: "A", false: "S"}[r.Method == http.MethodPost]
	if path == "/Plans" {
		what = "L"
	}
	f.order += what
	n := strings.Count(f.order, what)
	switch {
	case what == "L" && f.plans != nil:
		return f.plans(r.URL.RawQuery)
	case what == "L":
		return listOf(planA, "Site A", planB, "Site B")
	case what == "S" && f.state != nil:
		return f.state(n)
	case what == "S":
		return reply{status: 200, body: idle}
	case f.act != nil:
		return f.act(n)
	}
	return reply{status: 200}
}

// listOf is a list of plans, whose ids and names alternate.
func listOf(all ...string) reply {
	rows := []map[string]string{}
	for i := 0; i+1 < len(all); i += 2 {
		rows = append(rows, map[string]string{"id": all[i], "name": all[i+1]})
	}
	b, _ := json.Marshal(map[string]any{"total": len(rows), "data": rows})
	return reply{status: 200, body: string(b)}
}

// states answers with one state after the other, and then with the last.
func states(all ...string) func(int) reply {
	return func(n int) reply { return reply{status: 200, body: all[min(n, len(all))-1]} }
}

func always(status int, body string) func(int) reply {
	return func(int) reply { return reply{status: status, body: body} }
}

func (f *api) connector() *Connector {
	return New(Settings{APIVersion: "v7.21", Settle: time.Minute, Client: orchestrator.Client{
		Transport: f, BaseURL: "https://vro:9898", Timeout: 10 * time.Second,
	}})
}

// request is one for a plan, with the options as JSON.
func request(plan, options string) *job.Request {
	r := &job.Request{ID: "1", Action: job.StartJob, Process: plan, Reference: "1"}
	if options != "" && json.Unmarshal([]byte(options), &r.Options) != nil {
		panic(options)
	}
	return r
}

const failover = `{"action":"Failover","executeChainedPlans":false}`

// try is the first try of a request.
func try(plan, options string) orchestrator.Try {
	return orchestrator.Try{Request: request(plan, options)}
}

// retry is a try after one that may have been carried out, long enough ago.
func retry(plan, options, before string) orchestrator.Try {
	t := try(plan, options)
	t.Again, t.FirstTry, t.UnknownSince = true, time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)
	if s, ok := readState([]byte(before)); ok && before != "" {
		t.Before = noteOf(planA, s)
	}
	return t
}

func submit(t *testing.T, c *Connector, try orchestrator.Try) orchestrator.Result {
	t.Helper()
	r := c.Submit(context.WithoutCancel(t.Context()), try)
	if strings.Contains(r.Detail+r.ErrorCode, canary) {
		t.Errorf("it repeats what the answer says: %+v", r)
	}
	return r
}

// is is a result in short.
func is(r orchestrator.Result) string {
	text := r.Verdict.String()
	if r.Reason != "" {
		text += " " + string(r.Reason)
	}
	return text + " " + strconv.Itoa(int(r.Health))
}
