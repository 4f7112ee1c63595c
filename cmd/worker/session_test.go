package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/secret"
	"github.com/queueferry/queueferry/internal/setup"
)

// users is a server on which "operator" may do what allow says, in an inbox of
// its own.
func users(t *testing.T, allow ...string) *desk {
	t.Helper()
	srv := natstest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "admin", Password: "admin"},
			{Username: "operator", Password: "operator", Permissions: &server.Permissions{
				Publish: &server.SubjectPermission{Allow: allow}, Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX_operator.>"}},
			}},
		}
	})
	path := write(t, strings.Replace(fmt.Sprintf(deskConfig, srv.URL()), "nats: {", `nats: {user: operator, password: "operator", `, 1))
	cfg, err := config.Load(path, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	settings := setup.NATS(cfg.NATS)
	settings.User, settings.Password = "admin", secret.Literal("admin")
	conn, err := broker.Connect(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if err := conn.WaitConnected(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, server: srv, js: conn.JetStream(), path: path}
	d.makeAll()
	return d
}

// What the user may not do is said at once, and not as a question that nobody
// answered.
func TestAMissingPermissionIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		allow []string
		args  string
		want  []string
	}{
		"the usual inbox": {[]string{">"}, "list", []string{"_INBOX.", "--inbox-prefix"}},
		"the stream":      {[]string{"jobs.>"}, "list --inbox-prefix _INBOX_operator", []string{"$JS.API.STREAM.INFO.JOBS_DEAD", "docs/security.md"}},
		"to purge": {
			[]string{"$JS.API.STREAM.INFO.JOBS_DEAD", "$JS.API.CONSUMER.>"}, "purge --all --inbox-prefix _INBOX_operator",
			[]string{"$JS.API.STREAM.PURGE.JOBS_DEAD"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := users(t, c.allow...)
			d.many(1)
			code, out, errs := d.run(strings.Fields(c.args)...)
			if code != exitFailed || out != "" || strings.Contains(errs, "deadline") {
				t.Errorf("%d %q %q", code, out, errs)
			}
			contains(t, "stderr", errs, c.want...)
		})
	}
}

func TestAnInboxPrefixThatIsNone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	code, _, errs := d.run("list", "--inbox-prefix", "a.>")
	if code != exitConfig {
		t.Errorf("%d %q", code, errs)
	}
}

func TestARefusedLogIn(t *testing.T) {
	t.Parallel()
	d := users(t)
	text, err := os.ReadFile(d.path)
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, strings.Replace(string(text), `password: "operator"`, `password: "wrong-word"`, 1))
	code, _, errs := command("deadletter", "list", "--config", path)
	if code != exitFailed || !strings.Contains(errs, "refuses the log-in") || strings.Contains(errs, "wrong-word") {
		t.Errorf("%d %q", code, errs)
	}
}

func TestNATSIsNotThere(t *testing.T) {
	t.Parallel()
	address := natstest.FreeAddress(t)
	for name, c := range map[string]struct {
		nats string
		code int
		want []string
	}{
		"a server of its own": {fmt.Sprintf(`{url: "nats://%s"}`, address), exitFailed, []string{"(nats.url) within 5s: nobody listens there", "Start the server"}},
		"inside of the worker": {fmt.Sprintf(`{embedded: {listen: "%s", store_dir: "/nowhere"}}`, address), exitFailed,
			[]string{address + " (nats.embedded.listen)", "the worker must be running: ", "connection refused"}},
		"inside, on some port": {`{embedded: {listen: "127.0.0.1:0", store_dir: "/nowhere"}}`, exitConfig, []string{"nats.embedded.listen: has no fixed port"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(deskConfig, "{url: %q}", c.nats, 1)
			code, out, errs := command("deadletter", "list", "--config", write(t, text))
			if code != c.code || out != "" {
				t.Errorf("%d %q %q", code, out, errs)
			}
			contains(t, "stderr", errs, c.want...)
			if strings.Contains(errs, "broker:") || strings.Contains(errs, "deadline") {
				t.Errorf("not what was met: %q", errs)
			}
		})
	}
}

func TestClientSettingsOfAnEmbeddedServer(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"127.0.0.1:4222": "nats://127.0.0.1:4222", "0.0.0.0:4333": "nats://127.0.0.1:4333", ":4222": "nats://127.0.0.1:4222",
		"[::]:4222": "nats://[::1]:4222", "localhost:1": "nats://localhost:1",
	} {
		cfg := &config.Config{NATS: config.NATS{User: "u", Embedded: &config.Embedded{Listen: listen}}}
		got, err := clientSettings(cfg)
		if err != nil || got.URL != want || got.User != "u" {
			t.Errorf("%s: %q, %v", listen, got.URL, err)
		}
	}
}

func TestAnInterruptedCommand(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, line := range []string{"list", "show x", "replay --all", "purge --all"} {
		code, out, errs := d.at(ctx, person{}, strings.Fields(line)...)
		if code != exitFailed || out != "" || errs != "interrupted\n" {
			t.Errorf("%s: %d %q %q", line, code, out, errs)
		}
	}
}

func TestNoStreamOfDeadLetters(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := d.js.DeleteStream(t.Context(), "JOBS_DEAD"); err != nil {
		t.Fatal(err)
	}
	code, out, errs := d.run("list")
	if code != exitFailed || out != "" || !strings.Contains(errs, "no stream JOBS_DEAD: start the worker once, which makes it, or correct dead_letter.stream\n") {
		t.Errorf("%d %q %q", code, out, errs)
	}
}
