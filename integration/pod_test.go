package integration

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/worker"
)

// asWorker names the configuration file with which the test's own binary behaves
// as a worker, so that a test can run it as a process and kill it.
const asWorker = "QUEUEFERRY_TEST_AS_WORKER"

// beWorker is a whole worker, and the exit code of its process.
func beWorker(file string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := config.Load(file, os.LookupEnv)
	if err == nil {
		err = worker.Run(ctx, cfg, worker.Options{ConfigFile: file, Log: os.Stdout})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// pod is a worker as its own process.
type pod struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *log
	done chan struct{} // closed once it has ended
}

// spawn starts a worker; it is killed with the test, if it still runs then.
func (r *rig) spawn(file string) *pod {
	r.t.Helper()
	p := &pod{t: r.t, cmd: exec.Command(os.Args[0]), log: newLog(), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asWorker+"="+file)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
	}()
	r.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

func (p *pod) signal(s os.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Errorf("signal %v: %v", s, err)
	}
}

// wait is the exit code; -1: a signal ended it.
func (p *pod) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("the process does not end:\n%s", p.log)
	}
	return p.cmd.ProcessState.ExitCode()
}

// await waits for what must happen while the process runs.
func (p *pod) await(what string, happened <-chan struct{}) {
	p.t.Helper()
	select {
	case <-happened:
		return
	case <-p.done:
	case <-time.After(patience):
	}
	select {
	case <-happened: // and ended the process
	default:
		p.t.Fatalf("does not happen: %s\n%s", what, p.log)
	}
}

// task is what the requests of a test ask for: what the route fixes, what a
// message says, and how many effects of an id there are at the orchestrator.
type task struct {
	fixed string
	body  func(id string) string
	count func(r *rig, id string) int
	batch int // the most in one call; 0: as many as by default
	// ackWait is the route's; empty: 1s, so that the next pod need not wait long.
	ackWait string
}

// singly is the task with a call for each request.
func (t task) singly() task {
	t.batch = 1
	return t
}

// The tasks: by what keeps each from being carried out twice.
var (
	uniqueItem = task{fixed: "action: add_queue_item, queue: " + unique, body: item, count: func(r *rig, id string) int {
		return len(r.uipath.ItemsByReference(folder, unique, id))
	}}
	plainItem = task{fixed: "action: add_queue_item, queue: " + plain, body: item, count: func(r *rig, id string) int {
		return len(r.uipath.ItemsByReference(folder, plain, id))
	}}
	startJob = task{fixed: "action: start_job, process: Post", body: jobOf, count: func(r *rig, id string) (n int) {
		for _, j := range r.uipath.Jobs() {
			if j.Reference == id {
				n++
			}
		}
		return n
	}}
)

func jobOf(id string) string {
	return fmt.Sprintf(`{"id": %q, "arguments": {"in_Vendor": "ACME"}}`, id)
}

// ask publishes n requests with the ids prefix-0 to prefix-(n-1).
func (r *rig) ask(task task, prefix string, n int) {
	r.t.Helper()
	for i := range n {
		if _, err := r.js.PublishAsync("jobs.invoices.new", []byte(task.body(fmt.Sprintf("%s-%d", prefix, i)))); err != nil {
			r.t.Fatal(err)
		}
	}
	r.publishedAll()
}

// has checks that each of these requests has so many effects.
func (r *rig) has(effects int, task task, prefix string, n int) {
	r.t.Helper()
	for i := range n {
		id := fmt.Sprintf("%s-%d", prefix, i)
		if got := task.count(r, id); got != effects {
			r.t.Errorf("%s: has %d effects, want %d", id, got, effects)
		}
	}
}

var processFile = template.Must(template.New("").Parse(`nats: {url: "{{.NATS}}"}
admin: {listen: "127.0.0.1:0"}
log: {level: info}
shutdown_grace: 20s
connections:
  acme:
    product: uipath
    url: {{.URL}}
    credentials:
      - grant: client_credentials
        token_url: {{.TokenURL}}
        client_id: queueferry
        client_secret: {file: "{{.Secret}}"}
        scopes: [OR.Queues, OR.Jobs, OR.Execution.Read]
    timeout: 4s
    settle: 500ms
    look_ups_per_minute: 300
routes:
  - name: invoices
    subjects: [jobs.invoices.>]
    connection: acme
    fixed: {folder: Finance/AP, {{.Fixed}}}
    batch: {max: {{.Batch}}}
    ack_wait: {{.AckWait}}
    retry: {first: 50ms, max: 300ms}
`))

// file writes a configuration; empty addresses are those of the servers themselves.
func (r *rig) file(task task, nats, api string) string {
	r.t.Helper()
	if nats == "" {
		nats = r.nats.URL()
	}
	if api == "" {
		api = r.uipath.URL()
	}
	var b strings.Builder
	err := processFile.Execute(&b, map[string]string{
		"NATS": nats, "URL": api, "TokenURL": r.uipath.TokenURL(), "Secret": r.secret, "Fixed": task.fixed,
		"Batch": strconv.Itoa(cmp.Or(task.batch, 100)), "AckWait": cmp.Or(task.ackWait, "1s"),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	path := filepath.Join(r.t.TempDir(), "queueferry.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}
