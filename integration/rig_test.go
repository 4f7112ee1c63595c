package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
	"github.com/queueferry/queueferry/internal/worker"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// rig is a JetStream server, an orchestrator, and a worker between them.
type rig struct {
	t      *testing.T
	nats   *natstest.Server
	uipath *uipath.Orchestrator
	js     jetstream.JetStream
	nc     *nats.Conn
	folder string // of the test's files
	secret string // the file of the client's secret
}

// The queues of every rig: one that enforces unique references, and one that
// does not.
const (
	folder = "Finance/AP"
	unique = "Invoices"
	plain  = "Notes"
)

func newRig(t *testing.T, settings uipath.Settings) *rig {
	t.Helper()
	settings.RecordCalls = 10_000
	o, err := uipath.Start(settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	o.AddFolder(folder)
	o.AddQueue(folder, unique, uipath.Queue{UniqueReference: true})
	o.AddQueue(folder, plain, uipath.Queue{})
	r := newBareRig(t)
	r.uipath = o
	r.secret = filepath.Join(r.folder, "secret")
	r.writeSecret("secret")
	return r
}

// newBareRig has no orchestrator.
func newBareRig(t *testing.T) *rig {
	t.Helper()
	server := natstest.Start(t)
	r := &rig{t: t, nats: server, folder: t.TempDir(), nc: server.Conn(t)}
	js, err := jetstream.New(r.nc)
	if err != nil {
		t.Fatal(err)
	}
	r.js = js
	return r
}

func (r *rig) writeSecret(value string) {
	r.t.Helper()
	// A swap, as Kubernetes does it: never half a file.
	next := r.secret + ".next"
	if err := os.WriteFile(next, []byte(value+"\n"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(next, r.secret); err != nil {
		r.t.Fatal(err)
	}
}

// settings are what a test changes of the worker's configuration: YAML under a
// connection, under a route, and at the top; credentials replace the usual one.
type settings struct{ connection, route, top, credentials string }

// singly has a route make a call for each item: for tests that count calls, or
// look at what only the answer to a single one tells.
const singly = "batch: {max: 1}"

var configuration = template.Must(template.New("").Parse(`nats: {url: "{{.NATS}}"}
admin: {listen: "127.0.0.1:0"}
connections:
  acme:
    product: uipath
    url: {{.URL}}
    credentials:
{{- if .Credentials}}
{{.Credentials}}
{{- else}}
      - grant: client_credentials
        token_url: {{.TokenURL}}
        client_id: queueferry
        client_secret: {file: "{{.Secret}}"}
        scopes: [OR.Queues]
{{- end}}
{{.Connection}}
routes:
  - name: invoices
    subjects: [jobs.invoices.>]
    connection: acme
    defaults: {action: add_queue_item, queue: Invoices}
    fixed: {folder: Finance/AP}
    allow: {queues: [Notes, Missing], options: [Progress]}
{{.Route}}
{{.Top}}
`))

func indent(text, by string) string {
	if text == "" {
		return ""
	}
	return by + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by)
}

// running is a worker under way.
type running struct {
	*rig
	log   *log
	admin string
	stop  context.CancelFunc
	done  chan struct{}
	err   error
}

// start runs a worker and waits until it takes messages. It is stopped with the
// test, or before.
func (r *rig) start(s settings) *running {
	r.t.Helper()
	return r.startWith(r.configure(s))
}

func (r *rig) startWith(cfg *config.Config) *running {
	r.t.Helper()
	w := r.launch(cfg)
	select {
	case <-w.done:
		r.t.Fatalf("the worker ended: %v\n%s", w.err, w.log)
	case <-time.After(patience):
		r.t.Fatalf("the worker is not ready:\n%s", w.log)
	case <-w.log.started:
	}
	return w
}

func (r *rig) configure(s settings) *config.Config {
	r.t.Helper()
	var b strings.Builder
	err := configuration.Execute(&b, map[string]string{
		"NATS": r.nats.URL(), "URL": r.uipath.URL(), "TokenURL": r.uipath.TokenURL(), "Secret": r.secret,
		"Credentials": indent(s.credentials, "      "), "Connection": indent(s.connection, "    "), "Route": indent(s.route, "    "), "Top": s.top,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	cfg, err := config.Parse("test.yaml", []byte(b.String()), os.LookupEnv)
	if err != nil {
		r.t.Fatalf("%v\n%s", err, b.String())
	}
	return cfg
}

// launch runs a worker and does not wait.
func (r *rig) launch(cfg *config.Config) *running {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &running{rig: r, log: newLog(), stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.err = worker.Run(ctx, cfg, worker.Options{ConfigFile: "test.yaml", Log: w.log, Started: func(at worker.Addresses) {
			w.admin = at.Admin
			close(w.log.started)
		}})
	}()
	r.t.Cleanup(func() {
		w.end()
		if r.t.Failed() {
			r.t.Logf("the worker's last lines:\n%s", w.log.tail(60))
		}
	})
	return w
}

// end stops the worker and waits for its end.
func (w *running) end() {
	w.t.Helper()
	w.stop()
	select {
	case <-w.done:
	case <-time.After(patience):
		w.t.Errorf("the worker does not stop:\n%s", w.log)
	}
	if w.err != nil {
		w.t.Errorf("the worker ended: %v", w.err)
	}
}

// publish sends a request to the route and waits for its PubAck.
func (r *rig) publish(body string, header ...string) {
	r.t.Helper()
	m := &nats.Msg{Subject: "jobs.invoices.new", Data: []byte(body), Header: nats.Header{}}
	for i := 0; i+1 < len(header); i += 2 {
		m.Header[header[i]] = append(m.Header[header[i]], header[i+1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := r.js.PublishMsg(ctx, m); err != nil {
		r.t.Fatal(err)
	}
}

// publishMany sends n requests with the ids prefix-0 to prefix-(n-1).
func (r *rig) publishMany(prefix string, n int) {
	r.t.Helper()
	for i := range n {
		if _, err := r.js.PublishAsync("jobs.invoices.new", []byte(item(fmt.Sprintf("%s-%d", prefix, i)))); err != nil {
			r.t.Fatal(err)
		}
	}
	r.publishedAll()
}

// publishedAll waits until all that was published is stored.
func (r *rig) publishedAll() {
	r.t.Helper()
	select {
	case <-r.js.PublishAsyncComplete():
	case <-time.After(patience):
		r.t.Fatal("the publishes do not end")
	}
}

func item(id string) string {
	return fmt.Sprintf(`{"id": %q, "content": {"Vendor": "ACME", "Amount": "12.50"}}`, id)
}

// eventually waits until a condition holds.
func (r *rig) eventually(what string, holds func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			r.t.Fatalf("does not happen: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// left is how many messages are in the stream.
func (r *rig) left() int {
	r.t.Helper()
	return int(r.stream("JOBS").State.Msgs)
}

func (r *rig) stream(name string) *jetstream.StreamInfo {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := r.js.Stream(ctx, name)
	if err != nil {
		r.t.Fatal(err)
	}
	return s.CachedInfo()
}

func (r *rig) consumer() *jetstream.ConsumerInfo {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := r.js.Consumer(ctx, "JOBS", "invoices")
	if err != nil {
		r.t.Fatal(err)
	}
	return c.CachedInfo()
}

// deadLetters are all of them, in order.
func (r *rig) deadLetters() []*jetstream.RawStreamMsg {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := r.js.Stream(ctx, "JOBS_DEAD")
	if err != nil {
		r.t.Fatal(err)
	}
	var all []*jetstream.RawStreamMsg
	state := s.CachedInfo().State
	for seq := state.FirstSeq; seq <= state.LastSeq && state.Msgs > 0; seq++ {
		m, err := s.GetMsg(ctx, seq)
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// settledAll waits until nothing is left in the stream.
func (r *rig) settledAll() {
	r.t.Helper()
	r.eventually("the stream becomes empty", func() bool { return r.left() == 0 })
}

// once checks that every reference prefix-0 to prefix-(n-1) has one item.
func (r *rig) once(queue, prefix string, n int) {
	r.t.Helper()
	for i := range n {
		reference := fmt.Sprintf("%s-%d", prefix, i)
		if got := len(r.uipath.ItemsByReference(folder, queue, reference)); got != 1 {
			r.t.Errorf("%s: %d items", reference, got)
		}
	}
}

// log collects what the worker writes.
type log struct {
	started chan struct{}
	mu      sync.Mutex
	text    strings.Builder
}

func newLog() *log { return &log{started: make(chan struct{})} }

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// tail is the last n lines.
func (l *log) tail(n int) string {
	lines := strings.SplitAfter(l.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// events are the lines of one name.
func (l *log) events(name string) []map[string]any {
	var all []map[string]any
	for line := range strings.Lines(l.String()) {
		var e map[string]any
		if json.Unmarshal([]byte(line), &e) == nil && e["msg"] == name {
			all = append(all, e)
		}
	}
	return all
}

func (r *rig) removeSecret() {
	r.t.Helper()
	if err := os.Remove(r.secret); err != nil {
		r.t.Fatal(err)
	}
}
