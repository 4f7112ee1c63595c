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
routes:
  - {name: items, subjects: [jobs.items.>], connection: room, fixed: {action: add_queue_item, queue: %s}, reference_column: Reference}
  - {name: bots, subjects: [jobs.bots.>], connection: room, fixed: {action: start_job, process: 'Bots\%s', options: %s}}
`

// aControlRoom has what such a file names: a queue whose items show where their
// references stand, a bot, and who or what runs it.
func aControlRoom(t *testing.T, generation automationanywhere.Generation) (room *automationanywhere.ControlRoom, options string) {
	t.Helper()
	room, err := automationanywhere.Start(automationanywhere.Settings{Generation: generation})
	if err != nil {
		t.Fatal(err)
	}
	queue := room.AddQueue("Invoices", automationanywhere.Column{Name: "Reference", Display: 1, Reference: true})
	room.PutWorkItem(queue.ID, `{"Reference":"inv-000001"}`)
	room.AddFile(automationanywhere.File{Path: `Automation Anywhere\Bots\Post`})
	if generation == automationanywhere.E11 {
		return room, fmt.Sprintf("{deviceIds: [%d]}", room.AddDevice(automationanywhere.Device{HostName: "pc1"}).ID)
	}
	return room, fmt.Sprintf("{runAsUserIds: [%d]}", room.AddRunAsUser(automationanywhere.RunAsUser{Username: "robot1"}).ID)
}

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

// A check logs in to a Control Room, looks at what the routes name, and logs out.
func TestCheckOfAControlRoom(t *testing.T) {
	t.Parallel()
	const e11, a360 = automationanywhere.E11, automationanywhere.A360
	for name, tt := range map[string]struct {
		generation automationanywhere.Generation
		secret     string
		queue, bot string
		want       int
		session    string // what is advised; empty: nothing
		atFault    [][2]string
	}{
		"a key, a360":      {a360, "api_key: key", "Invoices", "Post", exitDone, "", nil},
		"a key, e11":       {e11, "api_key: key", "Invoices", "Post", exitDone, "", nil},
		"a password, a360": {a360, "password: secret", "Invoices", "Post", exitDone, "Or set multiple_login", nil},
		"a password, e11":  {e11, "password: secret", "Invoices", "Post", exitDone, "run one pod", nil},
		"several sessions": {a360, "password: secret, multiple_login: true", "Invoices", "Post", exitDone, "set api_key in place of password", nil},
		"a wrong key":      {a360, "api_key: wrong", "Invoices", "Post", exitFailed, "", [][2]string{{"connection room", "log-in"}}},
		"wrong names":      {a360, "api_key: key", "invoices", "Past", exitFailed, "", [][2]string{{"route items", "queue"}, {"route bots", "bot"}}},
		"wrong names, e11": {e11, "api_key: key", "invoices", "Past", exitFailed, "", [][2]string{{"route items", "queue"}, {"route bots", "bot"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			room, options := aControlRoom(t, tt.generation)
			defer room.Close()
			path := write(t, fmt.Sprintf(roomFile, natstest.Start(t).URL(), tt.generation, room.URL(), tt.secret, tt.queue, tt.bot, options))
			code, out, errs := command("check", "--config", path, "--json")
			if code != tt.want || errs != "" {
				t.Fatalf("%d %q\n%s", code, errs, out)
			}
			for _, line := range tt.atFault {
				if status, detail, _ := lineOf(t, out, line[0], line[1]); status != "error" {
					t.Errorf("%s: %s %s", line, status, detail)
				}
			}
			if tt.atFault == nil {
				sound(t, out, "connection room", "log-in", "orchestrator", "clock")
				sound(t, out, "route items", "queue", "reference column")
				sound(t, out, "route bots", "bot", map[automationanywhere.Generation]string{e11: "devices", a360: "run-as users"}[tt.generation])
			}
			if status, _, remedy := lineOf(t, out, "connection room", "session"); (status == "warning") != (tt.session != "") || !strings.Contains(remedy, tt.session) {
				t.Errorf("session: %s %s", status, remedy)
			}
			if sums := room.LogIns(); sums.Live != 0 || sums.LogIns != sums.LogOuts {
				t.Errorf("%+v", sums)
			}
			if found := room.Violations(); len(found) > 0 || len(room.Deployments()) > 0 || len(room.WorkItems()) != 1 {
				t.Errorf("%q", found)
			}
		})
	}
}

// sound expects that the checks of a subject found nothing at fault.
func sound(t *testing.T, out, subject string, checks ...string) {
	t.Helper()
	for _, check := range checks {
		if status, detail, _ := lineOf(t, out, subject, check); status != "ok" {
			t.Errorf("%s, %s: %s %s", subject, check, status, detail)
		}
	}
}

// What a bot runs as and on is looked for by its id.
func TestCheckOfWhoRunsABot(t *testing.T) {
	t.Parallel()
	for check, tt := range map[string]struct {
		generation automationanywhere.Generation
		options    string // with an id that is there, and one that is not
	}{
		"run-as users": {automationanywhere.A360, "{runAsUserIds: [USER, 99]}"},
		"device pools": {automationanywhere.A360, "{unattendedRequest: {poolIds: [POOL, 99], runAsUserIds: [USER]}}"},
		"devices":      {automationanywhere.E11, "{deviceIds: [DEVICE, 99]}"},
	} {
		t.Run(check, func(t *testing.T) {
			t.Parallel()
			room, _ := aControlRoom(t, tt.generation)
			defer room.Close()
			user, pool, device := room.AddRunAsUser(automationanywhere.RunAsUser{}).ID, room.AddPool("Finance").ID, room.AddDevice(automationanywhere.Device{}).ID
			options := strings.NewReplacer("USER", fmt.Sprint(user), "POOL", fmt.Sprint(pool), "DEVICE", fmt.Sprint(device)).Replace(tt.options)
			path := write(t, fmt.Sprintf(roomFile, natstest.Start(t).URL(), tt.generation, room.URL(), "api_key: key", "Invoices", "Post", options))
			code, out, _ := command("check", "--config", path, "--json")
			if status, detail, _ := lineOf(t, out, "route bots", check); code != exitFailed || status != "error" || !strings.HasSuffix(detail, ": 99") {
				t.Errorf("%d %s %s", code, status, detail)
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
	path := write(t, fmt.Sprintf(roomFile, "nats://127.0.0.1:1", "e11", "https://127.0.0.1:1", "password: secret", "Invoices", "Post", "{deviceIds: [1]}"))
	code, out, _ := command("check", "--offline", "--config", path, "--json")
	if code != exitDone {
		t.Errorf("%d %s", code, out)
	}
	if status, _, _ := lineOf(t, out, "connection room", "session"); status != "warning" {
		t.Errorf("%s", out)
	}
}

// A check logs in to a Recovery Orchestrator, looks at the plans that the routes
// name and at what may be done with them, and logs out.
func TestCheckOfVeeam(t *testing.T) {
	t.Parallel()
	o, path, _ := veeamScene(t, veeam.Settings{}, asUser)
	o.AddPlan(veeam.Plan{Name: "ERP"})
	path = withNATS(t, path)
	code, out, _ := command("check", "--config", path, "--json")
	if code != exitDone {
		t.Errorf("%d %s", code, out)
	}
	sound(t, out, "connection recovery", "log-in", "orchestrator")
	if status, detail, _ := lineOf(t, out, "route readiness", "allow"); status != "unknown" || !strings.Contains(detail, "any plan") {
		t.Errorf("%s %s", status, detail)
	}
	if sums := o.LogIns(); sums.LogIns != 1 || sums.LogOuts != 1 {
		t.Errorf("%+v", sums)
	}
	for plans, want := range map[string]struct {
		code                int
		plan, actions, told string // the statuses, and what the detail of the actions names
	}{
		`fixed: {action: start_job, process: ERP}`:                                                    {exitDone, "ok", "ok", "ReadinessCheck alone"},
		`fixed: {action: start_job, process: Erp}`:                                                    {exitFailed, "error", "ok", "ReadinessCheck alone"},
		`fixed: {action: start_job}, allow: {plans: [{plan: ERP, actions: [Failover]}]}`:              {exitDone, "ok", "warning", "Failover"},
		`fixed: {action: start_job}, allow: {plans: [{plan: Nope, actions: [ReadinessCheck, Halt]}]}`: {exitDone, "warning", "warning", "Halt"},
	} {
		named := strings.Replace(read(t, path), `fixed: {action: start_job}, allow: {plans: [{plan: "*"}]}`, plans, 1)
		code, out, _ := command("check", "--config", write(t, named), "--json")
		plan, _, _ := lineOf(t, out, "route readiness", "plan")
		actions, told, _ := lineOf(t, out, "route readiness", "actions")
		if code != want.code || plan != want.plan || actions != want.actions || !strings.Contains(told, want.told) {
			t.Errorf("%s: %d, plan %s, actions %s %s", plans, code, plan, actions, told)
		}
	}
	if o.Counts().Total(veeam.ReadinessCheck) > 0 {
		t.Error("a plan was run")
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
	return write(t, fmt.Sprintf("nats: {url: %q}\nadmin: {listen: \"127.0.0.1:0\"}\n%s", natstest.Start(t).URL(), read(t, path)))
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
