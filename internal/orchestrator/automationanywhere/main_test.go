package automationanywhere

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary stands for what must never be seen outside: a body's text, an address.
const canary = "c4n4ry"

const settle = time.Minute

// reply is an answer of the fake Control Room in place of its own.
type reply struct {
	status int
	body   string
	header http.Header
	err    error         // instead of an answer
	undone bool          // nothing is done
	late   time.Duration // it is done only after that
}

// room is a fake Control Room, with a queue Invoices of the id 7. Its zero value
// works as the product's documents say.
type room struct {
	e11 bool
	// answer, if set, gives the n-th answer to an operation, from 1, in place of the
	// room's own; what it does is done before. It reports false for the room's own.
	answer func(operation string, n int) (reply, bool)
	before bool // answer comes instead of what it does, too

	deaf     bool // the filters of items and activities are ignored
	first    bool // of several operands only the first counts
	pageless bool
	most     int               // of a page; 0: as many as are asked for
	shown    map[string]string // the display columns, by their numbers; nil: col2 is Ref
	lag      time.Duration     // of the list of activities
	timeless bool
	zoneless bool // times are those of a place behind UTC, and do not say so
	bots     []fileJSON

	mu     sync.Mutex
	calls  []string
	bodies []string
	items  []storedJSON
	runs   []runJSON
}

type storedJSON struct {
	id      int
	content map[string]json.RawMessage
	at      time.Time
}

type runJSON struct {
	id   int
	name string
	at   time.Time
}

type fileJSON struct {
	ID   any    `json:"id"`
	Path string `json:"path"`
	Type string `json:"type"`
}

var operations = []struct{ part, name string }{
	{"/queues/list", "Q"}, {"/workitems/list", "I"}, {"/workitems", "A"}, {"/files/list", "F"}, {"/file/list", "F"},
	{"/automations/deploy", "D"}, {"/activity/list", "L"}, {"/runasusers/list", "U"}, {"/pools/list", "P"}, {"/devices/list", "M"},
}

func operationOf(path string) string {
	for _, o := range operations {
		if strings.HasSuffix(path, o.part) {
			return o.name
		}
	}
	return "?"
}

func (r *room) RoundTrip(req *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(req.Body)
	_ = req.Body.Close()
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	operation := operationOf(req.URL.Path)
	r.calls, r.bodies = append(r.calls, req.URL.Path), append(r.bodies, string(body))
	n := 0
	for _, path := range r.calls {
		if operationOf(path) == operation {
			n++
		}
	}
	var own reply
	instead, ok := reply{}, false
	if r.answer != nil {
		instead, ok = r.answer(operation, n)
	}
	switch {
	case ok && instead.late > 0:
		time.AfterFunc(instead.late, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.do(operation, body)
		})
	case !ok || !r.before && !instead.undone:
		own = r.do(operation, body)
	}
	if ok {
		own = instead
	}
	if own.err != nil {
		return nil, own.err
	}
	header := own.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: own.status, Header: header, Body: io.NopCloser(strings.NewReader(own.body))}, nil
}

func (r *room) do(operation string, body []byte) reply {
	var q query
	_ = json.Unmarshal(body, &q)
	switch operation {
	case "Q":
		return r.page(q, []map[string]any{{"id": "7", "name": "Invoices"}, {"id": "8", "name": "invoices"}, {"id": "9", "name": "Other"}})
	case "F":
		all := []map[string]any{}
		for _, b := range r.bots {
			all = append(all, map[string]any{"id": b.ID, "path": b.Path, "type": b.Type, "name": b.Path[strings.LastIndexAny(b.Path, `\/`)+1:]})
		}
		return r.page(q, all)
	case "U", "P", "M":
		return r.page(q, []map[string]any{{"id": "12"}, {"id": "13"}})
	case "A":
		return r.add(body)
	case "I":
		return r.list(q, r.itemRows())
	case "D":
		return r.deploy(body)
	case "L":
		return r.list(q, r.runRows())
	}
	return reply{status: 404}
}

func (r *room) list(q query, rows []map[string]any) reply {
	if r.deaf {
		q.Filter = nil
	}
	if r.first && q.Filter != nil && len(q.Filter.Operands) > 0 {
		q.Filter = &q.Filter.Operands[0]
	}
	return r.page(q, rows)
}

func (f *filter) passes(row map[string]any) bool {
	if f == nil {
		return true
	}
	if f.Operator == "or" {
		return slices.ContainsFunc(f.Operands, func(o filter) bool { return o.passes(row) })
	}
	value, is := row[f.Field].(string)
	if f.Operator == "substring" {
		return is && strings.Contains(strings.ToLower(value), strings.ToLower(f.Value))
	}
	return is && strings.EqualFold(value, f.Value)
}

func (r *room) page(q query, rows []map[string]any) reply {
	var passed []map[string]any
	for _, row := range rows {
		if q.Filter.passes(row) {
			passed = append(passed, row)
		}
	}
	all, length := len(passed), q.Page.Length
	if r.most > 0 {
		length = min(length, r.most)
	}
	passed = passed[min(q.Page.Offset, all):]
	passed = passed[:min(length, len(passed))]
	answer := map[string]any{"list": append([]map[string]any{}, passed...)}
	if !r.pageless {
		answer["page"] = map[string]any{"offset": q.Page.Offset, "total": len(rows), "totalFilter": all}
	}
	b, _ := json.Marshal(answer)
	return reply{status: 200, body: string(b)}
}

func (r *room) itemRows() []map[string]any {
	all := []map[string]any{}
	for _, i := range r.items {
		all = append(all, r.itemRow(i))
	}
	return all
}

func (r *room) itemRow(i storedJSON) map[string]any {
	row := map[string]any{"id": i.id, "json": i.content, "status": "NEW"}
	if r.e11 {
		row["id"] = fmt.Sprint(i.id)
	}
	if !r.timeless {
		row["createdOn"] = r.written(i.at)
	}
	shown := r.shown
	if shown == nil {
		shown = map[string]string{"col1": "Vendor", "col2": "Ref"}
	}
	for column, name := range shown {
		if s, ok := text(i.content[name]); ok {
			row[column] = s
		}
	}
	return row
}

func (r *room) add(body []byte) reply {
	var ask struct {
		WorkItems []struct {
			JSON map[string]json.RawMessage `json:"json"`
		} `json:"workItems"`
	}
	if json.Unmarshal(body, &ask) != nil || len(ask.WorkItems) == 0 {
		return reply{status: 400, body: envelope("bad")}
	}
	rows := []map[string]any{}
	for _, w := range ask.WorkItems {
		i := storedJSON{1000 + len(r.items), w.JSON, time.Now()}
		r.items = append(r.items, i)
		rows = append(rows, r.itemRow(i))
	}
	b, _ := json.Marshal(map[string]any{"list": rows})
	return reply{status: 200, body: string(b)}
}

func (r *room) deploy(body []byte) reply {
	var ask struct {
		AutomationName string              `json:"automationName"`
		BotVariables   map[string]botValue `json:"botVariables"`
	}
	_ = json.Unmarshal(body, &ask)
	if ref := ask.BotVariables["Ref"].String; ref != nil {
		ask.AutomationName = *ref // for the books alone
	}
	run := runJSON{100 + len(r.runs), ask.AutomationName, time.Now()}
	r.runs = append(r.runs, run)
	if r.e11 {
		return reply{status: 200, body: fmt.Sprintf(`{"automationId":"%d"}`, run.id)}
	}
	return reply{status: 200, body: fmt.Sprintf(`{"deploymentId":%q,"automationName":%q}`, run.key(), run.name)}
}

func (r runJSON) key() string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", r.id) }

func (r *room) runRows() []map[string]any {
	all := []map[string]any{}
	for _, run := range r.runs {
		if time.Since(run.at) < r.lag {
			continue
		}
		row := map[string]any{"deploymentId": run.key(), "automationName": run.name, "fileId": "86"}
		if !r.timeless {
			row["startDateTime"] = r.written(run.at)
		}
		all = append(all, row)
	}
	return all
}

func (r *room) written(at time.Time) string {
	if r.zoneless {
		return at.UTC().Add(-8 * time.Hour).Format("2006-01-02T15:04:05.000")
	}
	return at.UTC().Format(time.RFC3339Nano)
}

func envelope(code string) string {
	return fmt.Sprintf(`{"code":%q,"details":null,"message":"%s"}`, code, canary)
}

// order is what was asked for, a letter each.
func (r *room) order() (order string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, path := range r.calls {
		order += operationOf(path)
	}
	return order
}

// last is the body of the last call of an operation, and its path.
func (r *room) last(operation string) (path, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, p := range r.calls {
		if operationOf(p) == operation {
			path, body = p, r.bodies[i]
		}
	}
	return path, body
}

// stored counts the items of each reference.
func (r *room) stored() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := map[string]int{}
	for _, i := range r.items {
		s, _ := text(i.content["Ref"])
		n[s]++
	}
	for _, run := range r.runs {
		n[run.name]++
	}
	return n
}

// hold puts an item into the queue that nobody of ours made.
func (r *room) hold(reference, content string) {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(content), &fields); err != nil {
		panic(err)
	}
	if reference != "" {
		fields["Ref"], _ = json.Marshal(reference)
	}
	r.items = append(r.items, storedJSON{500 + len(r.items), fields, time.Now()})
}

func (r *room) connector() *Connector {
	generation := "a360"
	if r.e11 {
		generation = "e11"
	}
	return New(Settings{Generation: generation, Settle: settle, LookUpsPerMinute: 3000, Client: orchestrator.Client{
		Transport: r, BaseURL: "https://room.example", Timeout: time.Minute,
	}})
}

var errReset = errors.New("connection reset by peer: " + canary)

// lost is an answer that never comes.
var lost = reply{err: errReset}

// once gives an answer to the first call of an operation alone.
func once(operation string, a reply) func(string, int) (reply, bool) {
	return func(o string, n int) (reply, bool) { return a, o == operation && n == 1 }
}

func item(reference string) *job.Request {
	return &job.Request{
		ID: "id " + reference, Action: job.AddQueueItem, Queue: "Invoices", Reference: reference, ReferenceColumn: "Ref",
		Content: job.Fields{"Vendor": json.RawMessage(`"ACME"`), "Amount": json.RawMessage(`12.50`)},
	}
}

func bot(reference string) *job.Request {
	return &job.Request{
		ID: "id " + reference, Action: job.StartJob, Process: "86", Reference: reference,
		Options: job.Fields{"runAsUserIds": json.RawMessage(`[12]`)},
	}
}

// doubted is a try of a request that may have been carried out since began.
func doubted(r *job.Request, began time.Time) orchestrator.Try {
	return orchestrator.Try{Request: r, Again: true, FirstTry: began, UnknownSince: began}
}
