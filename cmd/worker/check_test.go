package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/check"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// jsonReport reads what --json wrote: one object, and nothing else.
func jsonReport(t *testing.T, out string) (r struct {
	Config, Version, Result string
	Checks                  []struct{ Subject, Check, Status, Detail, Remedy string }
	Counts                  map[string]int
}) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil || d.More() {
		t.Fatalf("%v in %q", err, out)
	}
	sum := 0
	for _, n := range r.Counts {
		sum += n
	}
	if sum != len(r.Checks) || len(r.Counts) != 4 {
		t.Errorf("%v of %d checks", r.Counts, len(r.Checks))
	}
	return r
}

// checkScene is an orchestrator, a NATS server, and a configuration for both.
func checkScene(t *testing.T) (o *uipath.Orchestrator, path string) {
	t.Helper()
	o, err := uipath.Start(uipath.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	o.AddQueue("Finance/AP", "Invoices", uipath.Queue{UniqueReference: true})
	server := natstest.Start(t)
	_, rest, _ := strings.Cut(fmt.Sprintf(valid, "", "127.0.0.1:0", o.URL(), o.TokenURL(), ""), "\n")
	return o, write(t, fmt.Sprintf("nats: {url: %q}\n%s", server.URL(), rest))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	o, path := checkScene(t)
	code, out, errs := command("check", "--config", path)
	if code != exitDone || errs != "" || !strings.Contains(out, " ok, ") || !strings.Contains(out, "ok       nats, connection: ") || strings.Contains(out, "\x1b") {
		t.Errorf("%d %q\n%s", code, errs, out)
	}
	code, out, errs = command("check", "--config", path, "--json")
	if r := jsonReport(t, out); code != exitDone || errs != "" || r.Result != "ok" || r.Config != path || r.Version == "" {
		t.Errorf("%d %q\n%s", code, errs, out)
	}
	o.SetClientSecret("queueferry", "another")
	code, out, errs = command("check", "--config", path)
	if code != exitFailed || errs != "" || !strings.Contains(out, "invalid_client") || !strings.Contains(out, "→ Correct client_id") {
		t.Errorf("%d %q\n%s", code, errs, out)
	}
	code, out, _ = command("check", "--config", path, "--json")
	if r := jsonReport(t, out); code != exitFailed || r.Result != "failed" || r.Counts["error"] != 1 {
		t.Errorf("%d\n%s", code, out)
	}
}

// Offline, nothing is asked.
func TestCheckOffline(t *testing.T) {
	t.Parallel()
	o, path := checkScene(t)
	code, out, _ := command("check", "--config", path, "--offline")
	if code != exitDone || strings.Contains(out, "log-in") {
		t.Errorf("%d\n%s", code, out)
	}
	if c := o.Counts(); c.Connections+c.IdentityConnections != 0 {
		t.Errorf("%d and %d connections", c.Connections, c.IdentityConnections)
	}
}

func TestCheckOfABrokenFile(t *testing.T) {
	t.Parallel()
	broken := write(t, "connections:\n  acme:\n    product: uipat\nroutes: []\n")
	unsupported := write(t, fmt.Sprintf(valid, t.TempDir(), "127.0.0.1:0", "https://h/x", "https://h/t", "    transform: \"{\"\n")+"outcomes: {}\n")
	nowhere := filepath.Join(t.TempDir(), "nowhere.yaml")
	for name, tt := range map[string]struct {
		path string
		want []string
	}{
		"problems":      {broken, []string{broken + ":3:14: connections.acme.product:", broken + ":4:9: routes:"}},
		"not supported": {unsupported, []string{": outcomes:", ": routes[0].transform:"}},
		"no file":       {nowhere, []string{nowhere + ": cannot be read"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := command("check", "--config", tt.path)
			coded, text, _ := command("check", "--config", tt.path, "--json")
			if code != exitConfig || coded != exitConfig || errs != "" || !strings.Contains(out, "would not start") {
				t.Errorf("%d %d %q\n%s", code, coded, errs, out)
			}
			r := jsonReport(t, text)
			if r.Result != "misconfigured" || r.Counts["error"] < len(tt.want) {
				t.Errorf("%s", text)
			}
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %s in\n%s", want, out)
				}
			}
		})
	}
}

func TestCheckOfWrongUse(t *testing.T) {
	t.Parallel()
	if code, out, errs := command("check", "file.yaml"); code != exitConfig || out != "" || !strings.Contains(errs, "--help") {
		t.Errorf("%d %q %q", code, out, errs)
	}
}

// Ctrl-C ends a check that waits, without a report that could be taken for one.
func TestCheckInterrupted(t *testing.T) {
	t.Parallel()
	o, path := checkScene(t)
	o.AddFault(uipath.Fault{Kind: uipath.BlackHole, Operations: []uipath.Operation{uipath.Token}})
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(300*time.Millisecond, cancel)
	var out, errs bytes.Buffer
	began := time.Now()
	code := run(ctx, []string{"check", "--json", "--config", path}, &out, &errs)
	if took := time.Since(began); took > 10*time.Second || code != exitFailed || out.Len() > 0 || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("%v %d %q %q", took, code, out.String(), errs.String())
	}
}

// With NATS inside, a check neither starts a server nor makes a store.
func TestCheckMakesNoStore(t *testing.T) {
	t.Parallel()
	o, _ := checkScene(t)
	address := natstest.FreeAddress(t)
	dir := filepath.Join(t.TempDir(), "store")
	text := strings.Replace(fmt.Sprintf(valid, dir, "127.0.0.1:0", o.URL(), o.TokenURL(), ""), `listen: "127.0.0.1:0"`, fmt.Sprintf("listen: %q", address), 1)
	code, out, _ := command("check", "--config", write(t, text))
	if code != exitDone || !strings.Contains(out, "the worker starts it") || !strings.Contains(out, "the worker makes it") {
		t.Errorf("%d\n%s", code, out)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("there is a store")
	}
}

// someFindings are of three consumers that are fine, of which one is warned of, too.
func someFindings() (all []finding.Finding) {
	for _, name := range []string{"consumer alpha", "consumer beta", "consumer gamma"} {
		all = append(all, finding.Good(name, "leader", "one server"), finding.Good(name, "queue", "is there"), finding.Good(name, "queue", "is there"))
	}
	return append(all,
		finding.Bad(finding.Warning, "consumer gamma", "prüfen", strings.Repeat("word ", 20), strings.Repeat("do this ", 12)), finding.Bad(finding.Unknown, "nats", "sync", "not seen", "Ask."))
}

func TestListIsWrapped(t *testing.T) {
	t.Parallel()
	for _, width := range []int{40, 60, 80} {
		l := reportList{width: width, colour: true}
		l.short(someFindings())
		for line := range strings.Lines(l.String()) {
			bare := strings.NewReplacer("\x1b[32m", "", "\x1b[33m", "", "\x1b[36m", "", plainText, "", "\n", "").Replace(line)
			if n := utf8.RuneCountInString(bare); n > width {
				t.Errorf("%d columns: %q", n, bare)
			}
		}
		if !strings.Contains(l.String(), "\x1b[33mwarning  \x1b[0mconsumer gamma, prüfen:") {
			t.Errorf("%q", l.String())
		}
	}
}

// In short, what is fine is named, and all else told in full.
func TestListInShort(t *testing.T) {
	t.Parallel()
	var short reportList
	short.short(someFindings())
	want := "ok       consumer alpha, consumer beta, consumer gamma: leader, queue (2)\n" +
		"warning  consumer gamma, prüfen: " + strings.Repeat("word ", 20) + "\n         → " + strings.Repeat("do this ", 12) + "\n" +
		"unknown  nats, sync: not seen\n         → Ask.\n"
	if diff := cmp.Diff(want, short.String()); diff != "" {
		t.Error(diff)
	}
}

// On a terminal the list is short unless --verbose asks for all of it, elsewhere never.
func TestCheckIsShortOnATerminal(t *testing.T) {
	t.Parallel()
	_, path := checkScene(t)
	for name, tt := range map[string]struct {
		tty     bool
		verbose bool
		want    string
	}{
		"a terminal":             {true, false, "ok       nats: connection, version,"},
		"a terminal and all":     {true, true, "ok       nats, connection: connected to"},
		"a pipe":                 {false, false, "ok       nats, connection: connected to"},
		"a pipe that wants more": {false, true, "ok       nats, connection: connected to"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			on := terminal{out: &out, outTTY: tt.tty, width: func() int { return 200 }}
			if err := runCheck(t.Context(), checkFlags{file: path, verbose: tt.verbose}, on); err != nil {
				t.Fatal(err)
			}
			if got := strings.NewReplacer("\x1b[32m", "", plainText, "").Replace(out.String()); !strings.Contains(got, tt.want) {
				t.Error(got)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	r := check.Report{Result: check.Failed, Findings: []finding.Finding{
		{Status: finding.OK}, {Status: finding.Warning}, {Status: finding.Warning}, {Status: finding.Error}, {},
	}}
	if got, want := summary(r), "1 ok, 2 warnings, 1 error, 1 unknown: requests would not be delivered as the file says."; got != want {
		t.Errorf("%q", got)
	}
}
