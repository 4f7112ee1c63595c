package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/setup"
)

// deskConfig has two routes of one connection. No worker runs: what is replayed
// stays in the stream.
const deskConfig = `nats: {url: %q}
admin: {listen: "127.0.0.1:0"}
connections:
  acme:
    product: uipath
    url: http://127.0.0.1:1/x
    credentials: [{grant: client_credentials, token_url: "http://127.0.0.1:1/t", client_id: queueferry, client_secret: secret, scopes: [OR.Queues]}]
routes:
  - name: invoices
    subjects: [jobs.invoices.>]
    connection: acme
    fixed: {action: add_queue_item, folder: Finance/AP, queue: Invoices}
  - name: orders
    subjects: [jobs.orders.*.new]
    connection: acme
    fixed: {action: add_queue_item, folder: Finance/AP, queue: Orders}
`

// failed is when the first letter of a desk failed.
var failed = time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)

// desk is a JetStream server with all that a worker makes there, and an operator
// with a configuration of it.
type desk struct {
	t      *testing.T
	server *natstest.Server
	js     jetstream.JetStream
	path   string
	dead   *deadletter.Publisher
	n      uint64
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	server := natstest.Start(t)
	d := &desk{t: t, server: server, js: server.JetStream(t), path: write(t, fmt.Sprintf(deskConfig, server.URL()))}
	d.makeAll()
	d.dead = deadletter.New(d.js, "JOBS_DEAD", "jobs-dead")
	return d
}

// makeAll makes what a worker makes at its start.
func (d *desk) makeAll() {
	d.t.Helper()
	cfg, err := config.Load(d.path, os.LookupEnv)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := broker.Ensure(d.t.Context(), d.js, setup.Topology(cfg)); err != nil {
		d.t.Fatal(err)
	}
}

// letter stores the next letter, one second after the one before.
func (d *desk) letter(change func(*deadletter.Letter)) deadletter.Letter {
	d.t.Helper()
	d.n++
	id := fmt.Sprintf("inv-%d", d.n)
	l := deadletter.Letter{
		Route: "invoices", Reason: job.NotFound, Detail: "queue: it does not exist in the folder", Status: 404, ErrorCode: "1002", Attempts: 1,
		Stream: "JOBS", Sequence: d.n, Time: failed.Add(time.Duration(d.n) * time.Second), Subject: "jobs.invoices.new", RequestID: id,
		FirstTry: failed, FailedAt: failed.Add(time.Duration(d.n) * time.Second),
		Header: nats.Header{"Business-Key": {"4711"}}, Data: fmt.Appendf(nil, `{"id": %q, "content": {"Amount": 12.50}}`, id),
	}
	if change != nil {
		change(&l)
	}
	if err := d.dead.Publish(d.t.Context(), l); err != nil {
		d.t.Fatal(err)
	}
	return l
}

// left is how many messages a stream has.
func (d *desk) left(stream string) int {
	d.t.Helper()
	s, err := d.js.Stream(d.t.Context(), stream)
	if err != nil {
		d.t.Fatal(err)
	}
	return int(s.CachedInfo().State.Msgs)
}

// published are the messages of the stream of requests.
func (d *desk) published() (all []*jetstream.RawStreamMsg) {
	d.t.Helper()
	s, err := d.js.Stream(d.t.Context(), "JOBS")
	if err != nil {
		d.t.Fatal(err)
	}
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(d.t.Context(), seq)
		if err != nil {
			d.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// run is a command as a script runs it.
func (d *desk) run(args ...string) (code int, out, errs string) {
	d.t.Helper()
	return command(append([]string{"deadletter", "--config", d.path}, args...)...)
}

// person is who sits at a terminal.
type person struct {
	types string
	width int
	// after, if set, is called with each part of what is shown on stderr.
	after func(shown string)
}

// at is a command as a person at a terminal runs it.
func (d *desk) at(ctx context.Context, p person, args ...string) (code int, out, errs string) {
	d.t.Helper()
	var stdout, stderr bytes.Buffer
	seen := &watched{w: &stderr, after: p.after}
	tty := terminal{
		in: strings.NewReader(p.types), out: &stdout, err: seen, inTTY: true, outTTY: true, errTTY: true,
		width: func() int { return max(p.width, defaultWidth) },
	}
	root := newRoot(&stdout, seen)
	for _, c := range root.Commands() {
		if c.Name() == "deadletter" {
			root.RemoveCommand(c)
		}
	}
	root.AddCommand(newDeadletter(tty))
	root.SetArgs(append([]string{"deadletter", "--config", d.path}, args...))
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(seen, err)
		code = codeOf(err)
	}
	return code, stdout.String(), stderr.String()
}

type watched struct {
	w     io.Writer
	after func(string)
}

func (w *watched) Write(b []byte) (int, error) {
	if w.after != nil {
		w.after(string(b))
	}
	return w.w.Write(b)
}

func contains(t *testing.T, what, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s has no %q:\n%s", what, want, text)
		}
	}
}

// many stores n letters of 2 KiB, as fast as the server takes them.
func (d *desk) many(n int) {
	d.t.Helper()
	data := []byte(strings.Repeat("x", 1<<10))
	for i := range n {
		l := deadletter.Letter{Route: "invoices", Stream: "JOBS", Sequence: uint64(i), Time: failed}
		m := &nats.Msg{Subject: "jobs-dead.invoices." + l.Hash(), Data: data, Header: nats.Header{
			deadletter.HeaderReason: {"not_found"}, deadletter.HeaderRequestID: {fmt.Sprintf("inv-%d", i)}, deadletter.HeaderDetail: {strings.Repeat("gone ", 200)},
			deadletter.HeaderStream: {"JOBS"}, deadletter.HeaderSequence: {fmt.Sprint(i)}, deadletter.HeaderSubject: {"jobs.invoices.new"},
		}}
		if _, err := d.js.PublishMsgAsync(m); err != nil {
			d.t.Fatal(err)
		}
		if i%1000 == 999 || i == n-1 {
			d.stored()
		}
	}
}

// stored waits until all that was published is stored.
func (d *desk) stored() {
	d.t.Helper()
	select {
	case <-d.js.PublishAsyncComplete():
	case <-time.After(time.Minute):
		d.t.Fatal("the letters are not stored")
	}
}
