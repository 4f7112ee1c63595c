package integration

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/natstest"
)

// program is the path of the worker's own program.
type program string

func built(t *testing.T) program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "worker")
	if out, err := exec.Command("go", "build", "-o", path, "../cmd/worker").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program(path)
}

// run runs the worker's program to its end, or lets a signal end it, and gives all
// that it wrote.
func (p program) run(t *testing.T, end func(*os.Process, *log), args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	out := newLog()
	c := exec.CommandContext(ctx, string(p), args...)
	c.Env = append(os.Environ(), "QUEUEFERRY_CANARY="+canaries["env"], "QUEUEFERRY_NATS="+canaries["nats"], "GOTRACEBACK=all")
	c.Stdout, c.Stderr, c.Stdin = out, out, bytes.NewReader(nil)
	if err := c.Start(); err != nil {
		t.Error(err)
		return ""
	}
	if end != nil {
		end(c.Process, out)
	}
	_ = c.Wait() // its exit code is others' to test
	if ctx.Err() != nil {
		t.Errorf("%v does not end", args)
	}
	return out.String()
}

// canaryRig is a NATS server with a password, and the hostile orchestrator.
func canaryRig(t *testing.T) (*rig, *hostile) {
	t.Helper()
	s := natstest.Start(t, func(o *server.Options) { o.Username, o.Password = "worker", canaries["nats"] })
	r := &rig{t: t, nats: s, nc: s.Conn(t, nats.UserInfo("worker", canaries["nats"])), folder: t.TempDir()}
	var err error
	if r.js, err = jetstream.New(r.nc); err != nil {
		t.Fatal(err)
	}
	return r, newHostile(t)
}

// canaryFile is a configuration with connections of these ways to log in, of
// which the first has the route.
func (r *rig) canaryFile(h *hostile, files string, names ...string) string {
	r.t.Helper()
	all := canaryConnections(r.t, h.URL()+"/"+names[0], files)
	var b strings.Builder
	fmt.Fprintf(&b, "nats: {url: %q, user: worker, password: {env: QUEUEFERRY_NATS}}\nadmin: {listen: \"127.0.0.1:0\"}\nlog: {level: debug}\nshutdown_grace: 7s\nconnections:\n", r.nats.URL())
	for i, name := range names {
		connection := all[name]
		if i == 0 || !strings.HasPrefix(connection, "product: uipath") {
			fmt.Fprintf(&b, "  %s:\n%s\n", name, indent(connection, "    "))
			continue
		}
		_, credential, _ := strings.Cut(connection, "credentials:\n") // one more of the first connection
		fmt.Fprintf(&b, "%s\n", indent(credential, "      "))
	}
	b.WriteString("routes:\n")
	for i, name := range names {
		fixed := "action: start_job, process: Any"
		switch uipath := strings.HasPrefix(all[name], "product: uipath"); {
		case uipath && i > 0:
			continue
		case uipath:
			fixed = "action: add_queue_item, folder: F, queue: Q"
		case strings.Contains(all[name], "generation: e11"):
			fixed += ", options: {deviceIds: [1]}"
		case strings.Contains(all[name], "generation: a360"):
			fixed += ", options: {runAsUserIds: [1]}"
		}
		fmt.Fprintf(&b, "  - {name: r%d, subjects: [\"jobs.invoices%s.>\"], connection: %s, fixed: {%s}, retry: {attempts: 2, first: 10ms, max: 20ms}}\n",
			i, strings.Repeat("x", i), name, fixed)
	}
	path := filepath.Join(r.t.TempDir(), "queueferry.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// pages gets the worker's pages again and again until ctx ends.
func (r *rig) pages(ctx context.Context, out *log) string {
	r.t.Helper()
	for begun := time.Now(); len(out.events("worker.started")) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > patience {
			r.t.Errorf("the worker does not start: %s", out)
			return ""
		}
	}
	admin, _ := out.events("worker.started")[0]["admin"].(string)
	var b strings.Builder
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	for ctx.Err() == nil {
		for _, page := range []string{"/status", "/readyz", "/livez", "/metrics"} {
			resp, err := client.Get("http://" + admin + page)
			if err != nil {
				r.t.Errorf("%s: %v", page, err)
				return b.String()
			}
			_, _ = io.Copy(&b, resp.Body)
			_ = resp.Body.Close()
		}
		time.Sleep(100 * time.Millisecond)
	}
	return b.String()
}

var uipathWays = []string{"uipath-file", "uipath-env", "uipath-literal", "uipath-pat", "uipath-user", "uipath-legacy"}

// No secret comes out of a whole worker whose orchestrator and identity server
// fail in every way there is: not in its log, pages, metrics, dead letters and
// ledger, not in the stack that a crash leaves, and not in what the commands say.
func TestNoCanaryOfAWholeWorker(t *testing.T) {
	t.Parallel()
	worker := built(t)
	r, h := canaryRig(t)
	for _, at := range []string{"identity", "api", "logout"} {
		h.set("any", at, "all")
	}
	file := r.canaryFile(h, h.tls(t), uipathWays...)
	o := outputs{}
	var mu sync.Mutex
	put := func(name, text string) {
		mu.Lock()
		defer mu.Unlock()
		o[name] = text
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	for name, sign := range map[string]os.Signal{"a worker that stops": syscall.SIGTERM, "a worker that crashes": syscall.SIGQUIT} {
		wg.Go(func() {
			put(name, worker.run(t, func(p *os.Process, out *log) {
				ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
				defer cancel()
				put(name+", pages", r.pages(ctx, out))
				r.workedBy(out, sign == syscall.SIGTERM)
				_ = p.Signal(sign)
			}, "run", "--config", file))
		})
	}
	r.eventually("there is a stream", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for name, text := range o {
			t.Fatalf("%s ended: %s", name, text)
		}
		_, err := r.js.Stream(context.Background(), "JOBS")
		return err == nil
	})
	const lookalike = "Bearer this-is-of-the-publisher"
	var ids []string
	for i := range 100 {
		ids = append(ids, fmt.Sprintf("inv-%d", i))
		r.publish(item(ids[i]), "Authorization", lookalike)
	}
	wg.Wait()
	r.letters(put)
	for _, args := range [][]string{
		{"check"}, {"check", "--json"}, {"deadletter", "list"}, {"deadletter", "list", "--json"},
		append([]string{"deadletter", "show"}, ids...), append([]string{"deadletter", "show", "--json"}, ids...),
	} {
		put(strings.Join(args[:min(3, len(args))], " "), worker.run(t, nil, append(args, "--config", file)...))
	}
	put("check with a CA that vouches for nothing", worker.run(t, nil, "check", "--config", r.canaryFile(h, fmt.Sprintf("tls: {ca_file: %q}", written(t, string(clientKey.cert))), uipathWays...)))
	o.clean(t)
	for name, want := range map[string]string{
		"a worker that stops": `"delivery.settled"`, "a worker that crashes": "goroutine ", "check --json": `"checks"`, "deadletter show --json": lookalike,
		"a worker that stops, pages": "queueferry_token", "ledger": "m.r0.", "dead letters": "Queueferry-Reason",
		"check with a CA that vouches for nothing": "certificate",
	} {
		if !strings.Contains(o[name], want) {
			t.Errorf("%s holds no %s: %.2000s", name, want, o[name])
		}
	}
	h.wasSent(t, "file", "env", "literal", "pat", "password", "legacy", "access")
}

// workedBy waits, for as long as a test has patience, until the worker has settled
// something, and something was set aside: servers that answer by chance may keep
// it from that for a while.
func (r *rig) workedBy(out *log, must bool) {
	for end := time.Now().Add(patience); must && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		s, err := r.js.Stream(ctx, "JOBS_DEAD")
		cancel()
		if err == nil && s.CachedInfo().State.Msgs > 0 && len(out.events("delivery.settled")) > 0 {
			return
		}
	}
}

// letters are the dead letters' headers, and what the ledger holds.
func (r *rig) letters(put func(name, text string)) {
	r.t.Helper()
	var b strings.Builder
	for _, m := range r.deadLetters() {
		fmt.Fprintln(&b, m.Subject, m.Header)
	}
	put("dead letters", b.String())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	kv, err := r.js.KeyValue(ctx, "JOBS_LEDGER")
	if err != nil {
		r.t.Fatal(err)
	}
	keys, err := kv.Keys(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	var ledger strings.Builder
	for _, key := range keys {
		if e, err := kv.Get(ctx, key); err == nil {
			fmt.Fprintln(&ledger, key, string(e.Value()))
		}
	}
	put("ledger", ledger.String())
}

// Nor does any come out of what the commands do at the other products, whatever
// is answered.
func TestNoCanaryOfTheCommands(t *testing.T) {
	t.Parallel()
	worker := built(t)
	r, h := canaryRig(t)
	products := []string{"e11", "a360", "a360-password", "vro", "vro-client", "vro-refresh"}
	file := r.canaryFile(h, h.tls(t), products...)
	o := outputs{"check, all well": worker.run(t, nil, "check", "--config", file, "--json")}
	kept := filepath.Join(t.TempDir(), "made")
	o["clients create"] = worker.run(t, nil, "clients", "create", "--config", file, "--connection", "vro", "--secret-file", kept)
	if b, err := os.ReadFile(kept); err != nil || strings.TrimSpace(string(b)) != canaries["made"] {
		t.Fatalf("the made secret is not in its file: %v\n%s", err, o)
	}
	for i, mode := range hostileOrder {
		h.set("any", "logout", hostileOrder[(i+7)%len(hostileOrder)])
		for _, at := range []string{"identity", "api"} {
			h.set("any", at, mode)
			if slices.Contains([]string{"JSON, 400", "JSON, 401", "JSON, 302", "a late word", "a broken header", "an HTML page", "a broken token"}, mode) {
				name := at + " answers " + mode
				o["check, "+name] = worker.run(t, nil, "check", "--config", file)
				o["clients create, "+name] = worker.run(t, nil, "clients", "create", "--config", file, "--connection", "vro", "--secret-file", filepath.Join(t.TempDir(), "made"))
				o["clients list, "+name] = worker.run(t, nil, "clients", "list", "--json", "--config", file, "--connection", "vro")
			}
			h.set("any", at, "")
		}
	}
	o.clean(t)
	h.wasSent(t, "password", "apikey", "access", "mfa", "client")
	for name, text := range o {
		if text == "" {
			t.Errorf("%s: nothing was written", name)
		}
	}
}
