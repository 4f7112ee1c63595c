package integration

import (
	"context"
	"errors"
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
	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
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
			if f.Status != finding.OK || !strings.Contains(f.Detail, "may not ask") {
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

// operator is who has the commands about dead letters, and may do no more than
// what docs/security.md lists. What the server refuses is an error of the test.
type operator struct {
	t     *testing.T
	js    jetstream.JetStream
	store *deadletter.Store
}

func (r *rig) operator() operator {
	r.t.Helper()
	cfg := r.as("operator", settings{})
	at := setup.NATS(cfg.NATS)
	at.InboxPrefix = "_INBOX_operator"
	at.OnError = func(err error) { r.t.Error(err) }
	conn, err := broker.Connect(r.t.Context(), at)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(conn.Close)
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	if err := conn.WaitConnected(ctx); err != nil {
		r.t.Fatal(err)
	}
	store, err := deadletter.Open(ctx, conn.JetStream(), "JOBS_DEAD", "jobs-dead")
	if err != nil {
		r.t.Fatal(err)
	}
	return operator{r.t, conn.JetStream(), store}
}

// letters counts those that a filter chooses.
func (o operator) letters(f deadletter.Filter) (n int) {
	o.t.Helper()
	for _, err := range o.store.List(o.t.Context(), f, true) {
		if err != nil {
			o.t.Fatal(err)
		}
		n++
	}
	return n
}

func (o operator) replay(f deadletter.Filter, resend bool) {
	o.t.Helper()
	book, err := ledger.Open(o.t.Context(), o.js, "JOBS_LEDGER")
	if err != nil {
		o.t.Fatal(err)
	}
	again := &deadletter.Replay{
		Store: o.store, Ledger: book, JetStream: o.js, Stream: "JOBS", Owner: "operator", Resend: resend,
		Target: func(s deadletter.Stored) (deadletter.Destination, error) {
			return deadletter.Destination{Subject: s.Subject, RequestID: s.RequestID, Connection: "acme"}, nil
		},
		Told: func(what deadletter.Replayed) {
			if what.Err != nil {
				o.t.Error(what.Err)
			}
		},
	}
	if result, err := again.Run(o.t.Context(), f); err != nil || result.Replayed != 1 {
		o.t.Errorf("%+v, %v", result, err)
	}
}

func (o operator) purge(f deadletter.Filter) {
	o.t.Helper()
	if n, err := o.store.Purge(o.t.Context(), f, nil); err != nil || n != 1 {
		o.t.Errorf("purged %d, %v", n, err)
	}
}

// mayLookAtRequests tries what a replay does that finds one before it broken off.
func (o operator) mayLookAtRequests() {
	o.t.Helper()
	stream, err := o.js.Stream(o.t.Context(), "JOBS")
	if err != nil {
		o.t.Fatal(err)
	}
	if _, err := stream.GetMsg(o.t.Context(), 1_000_000); !errors.Is(err, jetstream.ErrMsgNotFound) {
		o.t.Error(err)
	}
}

// inDoubt stores a dead letter of which nobody knows the outcome.
func (r *rig) inDoubt(id string, sequence uint64) deadletter.Letter {
	r.t.Helper()
	l := deadletter.Letter{
		Route: "invoices", Reason: job.UnknownOutcome, Stream: "JOBS", Sequence: sequence, Time: time.Now(), Subject: "jobs.invoices.new",
		RequestID: id, FirstTry: time.Now(), FailedAt: time.Now(), Data: []byte(item(id)),
	}
	if err := deadletter.New(r.js, "JOBS_DEAD", "jobs-dead").Publish(r.t.Context(), l); err != nil {
		r.t.Fatal(err)
	}
	return l
}

// An operator lists dead letters, replays some, also one whose outcome nobody
// knows, and purges the others.
func TestTheOperatorsPermissionsAreEnough(t *testing.T) {
	t.Parallel()
	users, _ := documented(t)
	r := guardedRig(t, users)
	w := r.startWith(r.as("admin", settings{}))
	r.publish("not a request")
	r.settledAll()
	first := deadletter.Filter{Before: time.Now()}
	r.publish("neither this")
	r.publish(`{"id": "late", "queue": "Missing"}`)
	r.settledAll()
	r.uipath.AddQueue(folder, "Missing", uipath.Queue{})

	doubtful, claimed := r.inDoubt("doubtful", 98), r.inDoubt("claimed", 99)
	book, err := ledger.Open(t.Context(), r.js, "JOBS_LEDGER")
	if err != nil {
		t.Fatal(err)
	}
	claim := ledger.Claim{State: ledger.Claimed, Owner: "gone", Hash: "x", Until: time.Now().Add(-time.Hour), Message: ledger.MessageKey("invoices", 99, claimed.Time).String()}
	if _, err := book.StoreClaim(t.Context(), ledger.RequestKey("acme", "claimed"), 0, claim, 0); err != nil {
		t.Fatal(err)
	}
	o := r.operator()
	if n := o.letters(deadletter.Filter{}); n != 5 {
		t.Errorf("%d letters are listed", n)
	}
	o.replay(deadletter.Filter{IDs: []string{"late"}}, false)
	o.replay(deadletter.Filter{IDs: []string{doubtful.Hash()}}, false)
	o.replay(deadletter.Filter{IDs: []string{claimed.Hash()}}, true)
	if left, err := book.LoadClaim(t.Context(), ledger.RequestKey("acme", "claimed")); err != nil || left.Revision != 0 {
		t.Errorf("the claim is still there: %+v, %v", left, err)
	}
	o.mayLookAtRequests()
	o.purge(first)
	o.purge(deadletter.Filter{Routes: []string{"invoices"}})
	if n := o.letters(deadletter.Filter{}); n != 0 {
		t.Errorf("%d letters are left", n)
	}
	r.settledAll()
	for reference, queue := range map[string]string{"late": "Missing", "doubtful": unique, "claimed": unique} {
		if got := len(r.uipath.ItemsByReference(folder, queue, reference)); got != 1 {
			t.Errorf("%s: %d items", reference, got)
		}
	}
	w.end()
}
