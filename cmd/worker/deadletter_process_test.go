//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// rewrite replaces a text of a file.
func rewrite(t *testing.T, path, before, after string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), before) {
		t.Fatalf("%s has no %q", path, before)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), before, after)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The whole way: a route names a queue that is not there, the request becomes a
// dead letter, the file is corrected, and the letter is replayed.
func TestADeadLetterIsReplayedAfterACorrection(t *testing.T) {
	t.Parallel()
	o, nc, path := scene(t)
	rewrite(t, path, "queue: Invoices", "queue: Invoicse")
	p := start(t, path)
	eventually(t, "the request is published", func() bool {
		_, err := nc.Request("jobs.new", []byte(`{"id": "inv-0"}`), time.Second)
		return err == nil
	})
	deadletters := func(args ...string) (int, string, string) {
		return command(append([]string{"deadletter", "--config", path}, args...)...)
	}
	var found []record
	eventually(t, "the letter is listed", func() bool {
		code, out, _ := deadletters("list", "--json") // it fails until the worker has made the stream
		return code == exitDone && json.Unmarshal([]byte(out), &found) == nil && len(found) == 1
	})
	if r := found[0]; r.Reason != "not_found" || r.RequestID != "inv-0" || r.Route != "invoices" || r.Subject != "jobs.new" {
		t.Errorf("%+v", r)
	}
	code, out, errs := deadletters("show", found[0].Hash[:8])
	if code != exitDone {
		t.Errorf("%d %q", code, errs)
	}
	contains(t, "the page", out, `not_found: queue: "Invoicse" does not exist in the folder`, "correct its name in the route", `{"id": "inv-0"}`)
	p.signal(syscall.SIGTERM)
	p.wait()
	rewrite(t, path, "queue: Invoicse", "queue: Invoices")
	start(t, path)
	if code, _, errs := deadletters("replay", "--id", found[0].Hash); code != exitDone || errs != "Replayed 1 dead letter.\n" {
		t.Errorf("%d %q", code, errs)
	}
	eventually(t, "the request is delivered", func() bool { return len(o.Items()) > 0 })
	if code, out, _ := deadletters("list", "--json"); code != exitDone || out != "[]\n" {
		t.Errorf("%d %q", code, out)
	}
	allOnce(t, o, 1)
}

// With the server inside of the worker, the commands go to the running worker,
// and say so where there is none.
func TestDeadLettersOfAnEmbeddedServer(t *testing.T) {
	t.Parallel()
	o, err := uipath.Start(uipath.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	address := natstest.FreeAddress(t)
	text := fmt.Sprintf(valid, t.TempDir(), "127.0.0.1:0", o.URL(), o.TokenURL(), "")
	path := write(t, strings.Replace(text, `listen: "127.0.0.1:0", `, fmt.Sprintf(`listen: %q, `, address), 1))
	rewrite(t, path, "nats: {", `nats: {user: joe, password: "joe's own", `)
	p := start(t, path)
	var nc *nats.Conn
	eventually(t, "the server is there", func() bool {
		nc, err = nats.Connect("nats://"+address, nats.UserInfo("joe", "joe's own"))
		return err == nil
	})
	defer nc.Close()
	eventually(t, "the request is published", func() bool {
		_, err := nc.Request("jobs.new", []byte(`no request`), time.Second)
		return err == nil
	})
	eventually(t, "the letter is listed", func() bool {
		code, out, _ := command("deadletter", "--config", path, "list")
		return code == exitDone && strings.Contains(out, "undecodable")
	})
	p.signal(syscall.SIGTERM)
	p.wait()
	if code, _, errs := command("deadletter", "--config", path, "list"); code != exitFailed || !strings.Contains(errs, "the worker must be running") {
		t.Errorf("%d %q", code, errs)
	}
}
