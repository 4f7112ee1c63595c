package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

const roomFile = `nats: {url: %q}
admin: {listen: "127.0.0.1:0"}
connections:
  room:
    product: automation_anywhere
    generation: %s
    url: %s
    credentials:
      - {grant: control_room, username: queueferry, %s}
routes: [{name: r, subjects: [jobs.>], connection: room, fixed: {action: add_queue_item, queue: Q}}]
`

// lineOf finds the one line of a report about a check.
func lineOf(t *testing.T, out, subject, check string) (status, detail, remedy string) {
	t.Helper()
	n := 0
	for _, c := range jsonReport(t, out).Checks {
		if c.Subject == subject && c.Check == check {
			status, detail, remedy = c.Status, c.Detail, c.Remedy
			n++
		}
	}
	if n > 1 {
		t.Errorf("%d lines of %s in %s", n, check, out)
	}
	return status, detail, remedy
}

// A check logs in to a Control Room, looks for the route's queue, and logs out.
func TestCheckOfAControlRoom(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		generation, secret string
		logIn              string // the status
		session            string // what is advised; empty: nothing
	}{
		"a key, a360":      {"a360", "api_key: key", "ok", ""},
		"a key, e11":       {"e11", "api_key: key", "ok", ""},
		"a password, a360": {"a360", "password: secret", "ok", "Or set multiple_login"},
		"a password, e11":  {"e11", "password: secret", "ok", "run one pod"},
		"several sessions": {"a360", "password: secret, multiple_login: true", "ok", "set api_key in place of password"},
		"a wrong key":      {"a360", "api_key: wrong", "error", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			room, err := automationanywhere.Start(automationanywhere.Settings{Generation: automationanywhere.Generation(tt.generation)})
			if err != nil {
				t.Fatal(err)
			}
			defer room.Close()
			room.AddQueue("Q")
			path := write(t, fmt.Sprintf(roomFile, natstest.Start(t).URL(), tt.generation, room.URL(), tt.secret))
			code, out, errs := command("check", "--config", path, "--json")
			want, found := exitDone, "ok"
			if tt.logIn != "ok" {
				want, found = exitFailed, ""
			}
			if code != want || errs != "" {
				t.Fatalf("%d %q\n%s", code, errs, out)
			}
			const subject = "connection room"
			if status, detail, _ := lineOf(t, out, "route r", "queue"); status != found {
				t.Errorf("queue: %s %s", status, detail)
			}
			if status, detail, _ := lineOf(t, out, subject, "log-in"); status != tt.logIn {
				t.Errorf("log-in: %s %s", status, detail)
			}
			if status, _, remedy := lineOf(t, out, subject, "session"); (status == "warning") != (tt.session != "") || !strings.Contains(remedy, tt.session) {
				t.Errorf("session: %s %s", status, remedy)
			}
			sums := room.LogIns()
			if sums.Live != 0 || sums.LogIns != sums.LogOuts {
				t.Errorf("%+v", sums)
			}
			if found := room.Violations(); len(found) > 0 {
				t.Errorf("%q", found)
			}
		})
	}
}

// The advice needs no network.
func TestCheckOfAControlRoomOffline(t *testing.T) {
	t.Parallel()
	path := write(t, fmt.Sprintf(roomFile, "nats://127.0.0.1:1", "e11", "https://127.0.0.1:1", "password: secret"))
	code, out, _ := command("check", "--offline", "--config", path, "--json")
	if code != exitDone {
		t.Errorf("%d %s", code, out)
	}
	if status, _, _ := lineOf(t, out, "connection room", "session"); status != "warning" {
		t.Errorf("%s", out)
	}
}

func TestCheckOfVeeam(t *testing.T) {
	t.Parallel()
	o, path, _ := veeamScene(t, veeam.Settings{}, asUser)
	path = withNATS(t, path)
	code, out, _ := command("check", "--config", path, "--json")
	status, detail, _ := lineOf(t, out, "connection recovery", "log-in")
	if answers, _, _ := lineOf(t, out, "connection recovery", "orchestrator"); code != 0 || status != "ok" || answers != "ok" {
		t.Errorf("%d %s %s\n%s", code, status, detail, out)
	}
	if sums := o.LogIns(); sums.LogIns != 1 || sums.LogOuts != 1 {
		t.Errorf("%+v", sums)
	}
	o.SetFault(server.Down(503, veeam.LogOut))
	_, out, _ = command("check", "--config", path, "--json")
	if status, detail, remedy := lineOf(t, out, "connection recovery", "log-out"); status != "warning" || !strings.Contains(detail, "status 503") || strings.Contains(remedy, "revocation_url") {
		t.Errorf("%s %s %s", status, detail, remedy)
	}
	o.RevokeTokens()
}

// A refresh token is left for the worker.
func TestCheckSparesRefreshTokens(t *testing.T) {
	t.Parallel()
	refresh := "      - {grant: refresh_token, refresh_token: r}"
	for credentials, check := range map[string]string{refresh: "refresh token", asUser + "\n" + refresh: "refresh token 2"} {
		o, path, _ := veeamScene(t, veeam.Settings{}, credentials)
		_, out, _ := command("check", "--config", withNATS(t, path), "--json")
		status, detail, _ := lineOf(t, out, "connection recovery", check)
		if status != "unknown" || !strings.Contains(detail, "use it up") || o.Counts().Total(veeam.Renew) > 0 {
			t.Errorf("%s %s\n%s", status, detail, out)
		}
		logIn, _, _ := lineOf(t, out, "connection recovery", "log-in")
		if tried := logIn == "ok"; tried != (credentials != refresh) || o.LogIns().LogIns != o.LogIns().LogOuts {
			t.Errorf("log-in %s, %+v", logIn, o.LogIns())
		}
	}
}

// withNATS is the file with a server and pages of its own.
func withNATS(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, fmt.Sprintf("nats: {url: %q}\nadmin: {listen: \"127.0.0.1:0\"}\n%s", natstest.Start(t).URL(), b))
}
