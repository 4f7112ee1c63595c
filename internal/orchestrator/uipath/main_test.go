package uipath

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary stands for what must never be seen outside: a body's text, a token, a
// URL's query.
const canary = "c4n4ry"

// reply is an answer of the fake API.
type reply struct {
	status int
	body   string
	header http.Header
	err    error // instead of an answer
	cut    bool  // the body ends too early
}

const createdItem = `{"@odata.context":"https://example.com/$metadata#QueueItems/$entity","QueueDefinitionId":28211,"Status":"New",` +
	`"Key":"883749b2-5a9c-4c38-a6b5-3f1e6f5d3c2a","Reference":"inv-1","Id":9007199254740993,"SpecificContent":{"Vendor":"ACME"}}`

const notThere = `{"@odata.count":0,"value":[]}`

func queueRow(name string, unique bool) string {
	flag := "false"
	if unique {
		flag = "true"
	}
	return `{"@odata.count":1,"value":[{"Id":7,"Name":"` + name + `","EnforceUniqueReference":` + flag + `}]}`
}

func created() reply { return reply{status: 201, body: createdItem} }

// fakeAPI answers by path, and keeps what it was asked.
type fakeAPI struct {
	add    func(n int) reply // the n-th call, from 1
	queues func(n int) reply
	items  func(n int) reply // of the list of queue items
	other  func(*http.Request) reply

	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

const addPath = "/odata/Queues/UiPathODataSvc.AddQueueItem"

func (f *fakeAPI) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	f.mu.Lock()
	f.requests, f.bodies = append(f.requests, r), append(f.bodies, string(body))
	f.mu.Unlock()
	var a reply
	switch {
	case strings.HasSuffix(r.URL.Path, addPath) && f.add != nil:
		a = f.add(f.count(http.MethodPost))
	case strings.HasSuffix(r.URL.Path, "/odata/QueueDefinitions") && f.queues != nil:
		a = f.queues(len(f.asked("/odata/QueueDefinitions")))
	case strings.HasSuffix(r.URL.Path, "/odata/QueueItems") && f.items != nil:
		a = f.items(len(f.asked("/odata/QueueItems")))
	case f.other != nil:
		a = f.other(r)
	default:
		a = created()
	}
	return a.response()
}

func (a reply) response() (*http.Response, error) {
	if a.err != nil {
		return nil, a.err
	}
	var body io.Reader = strings.NewReader(a.body)
	if a.cut {
		body = io.MultiReader(body, broken{})
	}
	header := a.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(body)}, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (f *fakeAPI) count(method string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if r.Method == method {
			n++
		}
	}
	return n
}

// asked are the requests of a path, by its end.
func (f *fakeAPI) asked(path string) (requests []*http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if strings.HasSuffix(r.URL.Path, path) {
			requests = append(requests, r)
		}
	}
	return requests
}

// order is what was asked: P for an add, Q for the queue's definition, I for items.
func (f *fakeAPI) order() (order string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		switch {
		case r.Method == http.MethodPost:
			order += "P"
		case strings.HasSuffix(r.URL.Path, "/odata/QueueItems"):
			order += "I"
		default:
			order += "Q"
		}
	}
	return order
}

func (f *fakeAPI) connector() *Connector {
	return New(Settings{LookUpsPerMinute: 30, Client: orchestrator.Client{
		Transport: f, BaseURL: "https://orchestrator.example/org/tenant/orchestrator_", Timeout: time.Minute,
	}})
}

// always is an API that gives the same answer to every add, and whose queue has
// somebody else's item.
func always(a reply) *fakeAPI {
	return &fakeAPI{
		add:    func(int) reply { return a },
		queues: func(int) reply { return reply{status: 200, body: queueRow("Invoices", true)} },
		items:  func(int) reply { return listed(row{content: `{"Vendor":"B"}`}) },
	}
}

func item() *job.Request {
	return &job.Request{ID: "1", Action: job.AddQueueItem, Folder: "Finance/AP", Queue: "Invoices", Reference: "inv-1"}
}
