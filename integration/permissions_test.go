package integration

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/secret"
	"github.com/queueferry/queueferry/internal/setup"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// documented reads the users of docs/security.md, each with its name as its
// password, and what the worker needs beside to make what is missing.
func documented(t *testing.T) (users []*server.User, create []string) {
	t.Helper()
	text, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(language string) string {
		found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(text)
		if found == nil {
			t.Fatalf("docs/security.md has no block of %s", language)
		}
		return string(found[1])
	}
	file := filepath.Join(t.TempDir(), "nats.conf")
	passwords := regexp.MustCompile(`user: (\w+), password: \S+`).ReplaceAllString(block("nats"), "user: $1, password: $1")
	if err := os.WriteFile(file, []byte(passwords), 0o600); err != nil {
		t.Fatal(err)
	}
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return opts.Users, strings.Fields(block("text"))
}

// guardedRig is a rig whose server knows the documented users, and "admin" who
// may do everything. The worker may make what is missing if create says so.
func guardedRig(t *testing.T, users []*server.User) *rig {
	t.Helper()
	o, err := uipath.Start(uipath.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	o.AddFolder(folder)
	o.AddQueue(folder, unique, uipath.Queue{UniqueReference: true})
	o.AddQueue(folder, plain, uipath.Queue{})
	srv := natstest.Start(t, func(o *server.Options) {
		o.Users = append([]*server.User{{Username: "admin", Password: "admin"}}, users...)
	})
	r := &rig{t: t, nats: srv, uipath: o, folder: t.TempDir(), nc: srv.Conn(t, nats.UserInfo("admin", "admin"))}
	if r.js, err = jetstream.New(r.nc); err != nil {
		t.Fatal(err)
	}
	r.secret = filepath.Join(r.folder, "secret")
	r.writeSecret("secret")
	return r
}

// as is the worker's configuration under a user of the NATS server.
func (r *rig) as(user string, s settings) *config.Config {
	cfg := r.configure(s)
	cfg.NATS.User, cfg.NATS.Password = user, secret.Literal(user)
	return cfg
}

func (w *running) unhindered() {
	w.t.Helper()
	for _, name := range []string{"nats.error", "consumer.lost", "deadletter.failed"} {
		for _, e := range w.log.events(name) {
			w.t.Errorf("%v", e)
		}
	}
}

// A worker that may do no more than what docs/security.md lists for it does all
// that it does: items, retries with their notes in the ledger, dead letters.
func TestTheWorkersPermissionsAreEnough(t *testing.T) {
	t.Parallel()
	for name, creates := range map[string]bool{"manage never": false, "manage create": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			users, create := documented(t)
			top := "stream: {manage: never}"
			if creates {
				top = ""
				for _, u := range users {
					if u.Username == "worker" {
						u.Permissions.Publish.Allow = append(u.Permissions.Publish.Allow, create...)
					}
				}
			}
			r := guardedRig(t, users)
			if !creates {
				r.startWith(r.as("admin", settings{})).end() // makes what must exist
			}
			w := r.startWith(r.as("worker", settings{top: top, route: "retry: {first: 50ms, max: 100ms}"}))
			fault := uipath.CommitThenDrop(uipath.AddQueueItem)
			fault.Calls = 2
			r.uipath.AddFault(fault)
			r.publishMany("inv", 50)
			r.publish("not a request")
			r.settledAll()
			w.end()
			r.once(unique, "inv", 50)
			if dead := r.deadLetters(); len(dead) != 1 {
				t.Errorf("%d dead letters", len(dead))
			}
			if last := r.stream("KV_JOBS_LEDGER").State.LastSeq; last == 0 {
				t.Error("the ledger was not written: the test proves nothing of it")
			}
			w.unhindered()
		})
	}
}

// An inspection under the documented permissions misses none but the account's
// limits, which the worker does not need.
func TestTheWorkersPermissionsPassAnInspection(t *testing.T) {
	t.Parallel()
	users, _ := documented(t)
	r := guardedRig(t, users)
	r.startWith(r.as("admin", settings{})).end() // makes what must exist
	cfg := r.as("worker", settings{})
	conn, err := broker.Connect(t.Context(), setup.NATS(cfg.NATS))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := conn.WaitConnected(ctx); err != nil {
		t.Fatal(err)
	}
	for _, f := range broker.Inspect(ctx, conn, setup.Topology(cfg), broker.Inspection{}) {
		switch {
		case f.Subject == "nats" && f.Check == "jetstream":
			if !strings.Contains(f.Detail, "may not publish to $JS.API.INFO") {
				t.Errorf("%+v", f)
			}
		case f.Status != finding.OK && f.Check != "redundancy":
			t.Errorf("%+v", f)
		}
	}
}

// A publisher publishes requests, and can touch nothing else.
func TestAPublisherMayOnlyPublishRequests(t *testing.T) {
	t.Parallel()
	users, _ := documented(t)
	r := guardedRig(t, users)
	w := r.startWith(r.as("admin", settings{}))
	refused := make(chan string, 100)
	nc := r.nats.Conn(t, nats.UserInfo("publisher", "publisher"), nats.CustomInboxPrefix("_INBOX_publisher"),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err.Error() }))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := js.Publish(ctx, "jobs.invoices.new", []byte(item("inv-0"))); err != nil {
		t.Fatal(err)
	}
	r.settledAll()
	r.once(unique, "inv", 1)
	for _, subject := range []string{
		"jobs-dead.invoices.forged", "$KV.JOBS_LEDGER.m.invoices.2-3", "$JS.ACK.JOBS.invoices.1.2.2.3.0", "other.subject", "_INBOX.guess",
		"$JS.API.STREAM.PURGE.JOBS", "$JS.API.STREAM.DELETE.JOBS", "$JS.API.CONSUMER.MSG.NEXT.JOBS.invoices", "$JS.API.STREAM.MSG.GET.JOBS",
	} {
		if err := nc.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		awaitRefusal(t, refused, subject)
	}
	for _, subject := range []string{"jobs.>", "_INBOX.>", "_INBOX_operator.>"} {
		if _, err := nc.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		awaitRefusal(t, refused, subject)
	}
	w.end()
}

func awaitRefusal(t *testing.T, refused <-chan string, subject string) {
	t.Helper()
	select {
	case text := <-refused:
		if !strings.Contains(strings.ToLower(text), "permissions violation") || !strings.Contains(text, subject) {
			t.Errorf("%s: %s", subject, text)
		}
	case <-time.After(patience):
		t.Errorf("%s is not refused", subject)
	}
}

// An operator reads a dead letter, publishes it again, and deletes it.
func TestAnOperatorMayReplayADeadLetter(t *testing.T) {
	t.Parallel()
	users, _ := documented(t)
	r := guardedRig(t, users)
	r.startWith(r.as("admin", settings{}))
	r.publish(`{"id": "late", "queue": "Missing"}`)
	r.eventually("there is a dead letter", func() bool { return len(r.deadLetters()) == 1 })
	r.uipath.AddQueue(folder, "Missing", uipath.Queue{})

	nc := r.nats.Conn(t, nats.UserInfo("operator", "operator"), nats.CustomInboxPrefix("_INBOX_operator"))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := js.Stream(ctx, "JOBS_DEAD")
	if err != nil {
		t.Fatal(err)
	}
	ordered, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	letter, err := ordered.Next()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, letter.Headers().Get("Queueferry-Subject"), letter.Data()); err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(ctx, 1); err != nil {
		t.Fatal(err)
	}
	r.settledAll()
	if got := len(r.uipath.ItemsByReference(folder, "Missing", "late")); got != 1 {
		t.Errorf("%d items", got)
	}
	if left := len(r.deadLetters()); left != 0 {
		t.Errorf("%d dead letters are left", left)
	}
}
