package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/setup"
	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

// product is a simulated product, and how to log in to it.
type product struct {
	connection string // YAML of the connection
	call       func(context.Context, setup.Target, int) error
	books      func() server.LogIns
	revoke     func()
	violations func() []string
	slow       func(time.Duration) (end func()) // has calls take so long
	running    func() int                       // calls under way
}

// way is one pool with all that it needs, as the worker makes it.
type way struct {
	setup.Target
	product
	t      *testing.T
	cancel context.CancelFunc
	ended  chan struct{}

	mu     sync.Mutex
	events []eventAt
}

// eventAt is an event, and when it was told of.
type eventAt struct {
	authpool.Event
	at time.Time
}

// open makes the pool of a product and runs it until close.
func (p product) open(t *testing.T) *way {
	t.Helper()
	w := &way{product: p, t: t, ended: make(chan struct{})}
	target, err := setup.NewTarget(parsed(t, p.connection), parsed(t, p.connection).Connections[0], setup.Observers{Token: w.observe})
	if err != nil {
		t.Fatal(err)
	}
	w.Target = target
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go func() {
		defer close(w.ended)
		_ = w.Pool.Run(ctx)
	}()
	t.Cleanup(w.close)
	return w
}

func parsed(t *testing.T, connection string) *config.Config {
	t.Helper()
	fixed := "process: Any"
	if strings.HasPrefix(connection, "product: uipath") {
		fixed += ", folder: Any"
	}
	text := "nats: {url: \"nats://127.0.0.1:1\"}\nconnections:\n  acme:\n" + indent(connection, "    ") + `
routes:
  - name: invoices
    subjects: [jobs.invoices.>]
    connection: acme
    fixed: {action: start_job, ` + fixed + `}
`
	cfg, err := config.Parse("test.yaml", []byte(text), lookupCanary)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return cfg
}

// close ends the pool as the worker does: first Run, then the log-outs.
func (w *way) close() {
	w.t.Helper()
	w.cancel()
	<-w.ended
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := w.Pool.Close(ctx); err != nil {
		w.t.Errorf("close: %v", err)
	}
	w.Transport.CloseIdleConnections()
}

func (w *way) observe(e authpool.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, eventAt{e, time.Now()})
}

// tokens is how many log-ins and renewals brought one.
func (w *way) tokens() int {
	return w.count(func(e authpool.Event) bool { return e.Result == authpool.LoggedIn })
}

func (w *way) count(which func(authpool.Event) bool) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if which(e.Event) {
			n++
		}
	}
	return n
}

// callAtOnce makes n calls at once, which must all work.
func (w *way) callAtOnce(n int) {
	w.t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := w.call(context.Background(), w.Target, i); err != nil {
				w.t.Errorf("call %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// keepCalling makes calls from n goroutines for a while. Every one must work.
func (w *way) keepCalling(n int, during time.Duration) {
	w.t.Helper()
	var wg sync.WaitGroup
	end := time.Now().Add(during)
	for i := range n {
		wg.Go(func() {
			for k := 0; time.Now().Before(end); k++ {
				if err := w.call(context.Background(), w.Target, i*1e6+k); err != nil {
					w.t.Errorf("call %d of %d: %v", k, i, err)
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	wg.Wait()
}

// uipathProduct is a tenant, with a connection in YAML of which the credentials
// are left to a function.
func uipathProduct(t *testing.T, s uipath.Settings, extra string, credential func(*uipath.Orchestrator) string) product {
	t.Helper()
	p, _ := uipathTenant(t, s, extra, credential)
	return p
}

func uipathTenant(t *testing.T, s uipath.Settings, extra string, credential func(*uipath.Orchestrator) string) (product, *uipath.Orchestrator) {
	t.Helper()
	o, err := uipath.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	o.AddQueue(folder, plain, uipath.Queue{})
	if s.TLS {
		extra += fmt.Sprintf("\ntls: {ca_file: %q}", written(t, string(o.CAPEM())))
	}
	return product{
		connection: fmt.Sprintf("product: uipath\nurl: %s\n%s\ncredentials:\n%s", o.URL(), extra, indent(credential(o), "  ")),
		call: func(ctx context.Context, target setup.Target, n int) error {
			id := fmt.Sprintf("call-%d", n)
			r := target.Connector.Submit(ctx, orchestrator.Try{Request: &job.Request{
				ID: id, Reference: id, Action: job.AddQueueItem, Folder: folder, Queue: plain, Content: job.Fields{"n": json.RawMessage(`"1"`)},
			}})
			if r.Verdict != job.Delivered {
				return fmt.Errorf("%s: %s: %s", r.Verdict, r.Reason, r.Detail)
			}
			return nil
		},
		books: func() server.LogIns {
			c := o.Counts()
			return server.LogIns{LogIns: c.LogIns, Refused: c.RefusedLogIns, LogOuts: c.LogOuts, Live: c.LiveTokens}
		},
		revoke: o.RevokeTokens, violations: o.Violations,
		slow: func(d time.Duration) func() {
			return o.SetFault(uipath.Fault{Kind: uipath.Latency, Delay: d, Operations: []uipath.Operation{uipath.AddQueueItem}}).Remove
		},
		running: func() int { return o.Counts().Running },
	}, o
}

// plainCall is a call without a connector.
func plainCall(call orchestrator.Call) func(context.Context, setup.Target, int) error {
	return func(ctx context.Context, target setup.Target, _ int) error {
		a := target.Client.Do(ctx, call)
		if a.Status != http.StatusOK {
			return fmt.Errorf("status %d: %w", a.Status, errors.Join(a.Err, errors.New("no success")))
		}
		return nil
	}
}

func controlRoomProduct(t *testing.T, s automationanywhere.Settings, credential string) product {
	t.Helper()
	o, err := automationanywhere.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	o.AddQueue("Invoices")
	version := map[automationanywhere.Generation]string{automationanywhere.E11: "v2", automationanywhere.A360: "v3"}[s.Generation]
	return product{
		connection: fmt.Sprintf("product: automation_anywhere\ngeneration: %s\nurl: %s\ncredentials:\n  - grant: control_room\n    username: queueferry\n%s",
			s.Generation, o.URL(), indent(credential, "    ")),
		call: plainCall(orchestrator.Call{
			Operation: "ListQueues", Method: http.MethodPost, Path: "/" + version + "/wlm/queues/list", Body: []byte("{}"),
		}),
		books: o.LogIns, revoke: o.RevokeTokens, violations: o.Violations,
		slow:    func(d time.Duration) func() { return o.SetFault(server.Slow(d, automationanywhere.ListQueues)).Remove },
		running: func() int { return o.Counts().Running },
	}
}

func veeamProduct(t *testing.T, s veeam.Settings, credential func(*veeam.Orchestrator) string) product {
	t.Helper()
	o, err := veeam.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return product{
		connection: fmt.Sprintf("product: veeam\napi_version: v7.21\nurl: %s\ncredentials:\n%s", o.URL(), indent(credential(o), "  ")),
		call:       plainCall(orchestrator.Call{Operation: "ListPlans", Method: http.MethodGet, Path: "/api/v7.21/Plans"}),
		books:      o.LogIns, revoke: o.RevokeAccessTokens, violations: o.Violations,
		slow:    func(d time.Duration) func() { return o.SetFault(server.Slow(d, veeam.ListPlans)).Remove },
		running: func() int { return o.Counts().Running },
	}
}

// written is a file of its own with a text in it.
func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tokensBy logs in by hand, as an administrator would to make a token.
func tokensBy(t *testing.T, address string, form url.Values) (access, refresh string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.PostForm(address, form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || body.Access == "" {
		t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
	return body.Access, body.Refresh
}
