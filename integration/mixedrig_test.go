package integration

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// The kinds of requests in a mixed run, each with a route of its own: items of
// the queue that enforces unique references, items of the one that does not,
// and jobs of one process.
const (
	toUnique = "unique"
	toPlain  = "plain"
	toJobs   = "jobs"
	robot    = "PostInvoice"
)

var kinds = []string{toUnique, toPlain, toJobs}

// mixed is a rig, and the requests of all kinds that go through it.
type mixed struct {
	*rig
	requests  int
	settle    time.Duration
	failures  int // one after the other, that shut the gate
	batch     int // items in one call, at most
	published []publishedRequest
	faults    []*uipath.ActiveFault
}

type publishedRequest struct{ id, kind string }

func newMixed(t *testing.T, seed uint64, requests int, settle time.Duration) *mixed {
	t.Helper()
	// No two machines agree on the time.
	skew := []time.Duration{0, -time.Hour, time.Hour}[seed%3]
	return newMixedWith(t, uipath.Settings{Seed: seed * 1000, LookUpsPerMinute: -1, ClockSkew: skew}, requests, settle)
}

func newMixedWith(t *testing.T, settings uipath.Settings, requests int, settle time.Duration) *mixed {
	t.Helper()
	m := &mixed{rig: newRig(t, settings), requests: requests, settle: settle, failures: 5, batch: 5}
	m.uipath.AddProcess(folder, robot)
	return m
}

const mixedConfiguration = `nats: {url: "%[1]s"}
admin: {listen: "127.0.0.1:0"}
connections:
  acme:
    product: uipath
    url: %[2]s
    credentials:
      - grant: client_credentials
        token_url: %[3]s
        client_id: queueferry
        client_secret: {file: "%[4]s"}
        scopes: [OR.Queues, OR.Jobs, OR.Execution.Read]
    timeout: 2s
    max_concurrent: 16
    breaker: {failures: %[6]d, open: 200ms}
    settle: %[5]s
    look_ups_per_minute: 100000
routes:
  - name: unique
    subjects: [jobs.unique.>]
    connection: acme
    fixed: {action: add_queue_item, folder: Finance/AP, queue: Invoices}
    batch: {max: %[7]d}
    ack_wait: 3s
    retry: {attempts: 50, first: 50ms, max: 200ms}
  - name: plain
    subjects: [jobs.plain.>]
    connection: acme
    fixed: {action: add_queue_item, folder: Finance/AP, queue: Notes}
    batch: {max: %[7]d}
    ack_wait: 3s
    retry: {attempts: 50, first: 50ms, max: 200ms}
  - name: jobs
    subjects: [jobs.jobs.>]
    connection: acme
    fixed: {action: start_job, folder: Finance/AP, process: PostInvoice}
    ack_wait: 3s
    retry: {attempts: 50, first: 50ms, max: 200ms}
`

func (m *mixed) configuration() *config.Config {
	m.t.Helper()
	text := fmt.Sprintf(mixedConfiguration, m.nats.URL(), m.uipath.URL(), m.uipath.TokenURL(), m.secret, m.settle, m.failures, m.batch)
	cfg, err := config.Parse("mixed.yaml", []byte(text), os.LookupEnv)
	if err != nil {
		m.t.Fatalf("%v\n%s", err, text)
	}
	return cfg
}

// acting limits a fault to the calls that leave something behind.
func acting(f uipath.Fault) uipath.Fault {
	f.Operations = uipath.ActingOperations
	return f
}

// usualFaults meet three of ten calls that act, and some look-ups. 429 and 401
// come now and then: each stops all calls for a while.
func (m *mixed) usualFaults() {
	for _, f := range []uipath.Fault{
		{Kind: uipath.Drop, Commit: uipath.CommitFirst, Probability: 0.07},
		{Status: 503, Body: uipath.BodyHTML, Commit: uipath.CommitFirst, Probability: 0.06},
		{Status: 201, Body: uipath.BodyTruncated, Commit: uipath.CommitFirst, Probability: 0.03},
		{Kind: uipath.Reset, Commit: uipath.CommitLate, CommitDelay: late, Probability: 0.03},
		{Status: 503, Body: uipath.BodyHTML, Commit: uipath.CommitLate, CommitDelay: late, Probability: 0.03},
		{Kind: uipath.Drop, Probability: 0.04},
		{Kind: uipath.Reset, Probability: 0.03},
		{Status: 503, Body: uipath.BodyHTML, Probability: 0.04},
		{Status: 401, Probability: 0.02, Calls: 3},
		{Status: 429, Probability: 0.01, Calls: 2, RetryAfter: uipath.RetryAfterSeconds(time.Second)},
		{Kind: uipath.Latency, Delay: 2 * late, Probability: 0.04},
	} {
		m.faults = append(m.faults, m.uipath.AddFault(acting(f)))
	}
	lookUps := []uipath.Operation{uipath.ListQueueItems, uipath.ListJobs, uipath.ListReleases, uipath.ListQueueDefinitions}
	for _, f := range []uipath.Fault{
		{Kind: uipath.LagLookUps, Delay: lag},
		{Kind: uipath.Drop, Probability: 0.03},
		{Status: 503, Body: uipath.BodyHTML, Probability: 0.03},
		{Status: 200, Body: uipath.BodyBroken, Probability: 0.02},
	} {
		f.Operations = lookUps
		m.uipath.AddFault(f)
	}
}

// play sends the requests through two workers, of which the first is stopped
// and replaced half way, and waits until nothing is left in the stream.
func (m *mixed) play() {
	m.t.Helper()
	cfg := m.configuration()
	first := m.startWith(cfg)
	m.publishUpTo(m.requests / 3)
	second := m.startWith(cfg)
	m.publishUpTo(2 * m.requests / 3)
	first.end()
	third := m.startWith(cfg)
	m.publishUpTo(m.requests)
	limit := patience + time.Duration(m.requests)*50*time.Millisecond
	for deadline := time.Now().Add(limit); m.left() > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			m.t.Fatalf("%d of %d requests are left after %v\n%s", m.left(), m.requests, limit, second.log)
		}
	}
	second.end()
	third.end()
	time.Sleep(2 * late) // what the orchestrator still carries out
}

// publishUpTo publishes until there are n, of each kind in turn.
func (m *mixed) publishUpTo(n int) {
	m.t.Helper()
	for i := len(m.published); i < n; i++ {
		p := publishedRequest{id: fmt.Sprintf("mixed-%05d", i), kind: kinds[i%len(kinds)]}
		body := fmt.Sprintf(`{"id": %q, "content": {"Vendor": "ACME", "Amount": 12.50, "Due": "2026-01-31T06:00:00+01:00"}}`, p.id)
		if p.kind == toJobs {
			body = fmt.Sprintf(`{"id": %q, "arguments": {"in_Amount": 12.50}}`, p.id)
		}
		if _, err := m.js.PublishAsync("jobs."+p.kind+".new", []byte(body)); err != nil {
			m.t.Fatal(err)
		}
		m.published = append(m.published, p)
	}
	select {
	case <-m.js.PublishAsyncComplete():
	case <-time.After(patience):
		m.t.Fatal("the publishes do not end")
	}
}
