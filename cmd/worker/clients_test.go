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

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

const recovery = `connections:
  recovery:
    product: veeam
    url: %s
    credentials:
%s
    timeout: 2s
routes: [{name: readiness, subjects: [jobs.>], connection: recovery, fixed: {action: start_job}, allow: {plans: [{plan: "*"}]}}]
`

const (
	asUser   = `      - {grant: password, username: 'LAB\queueferry', password: secret}`
	asClient = `      - {grant: client_credentials, client_id: client, client_secret: client-secret}`
)

// veeamScene is an orchestrator, a configuration for it, and a name for a
// secret's file.
func veeamScene(t *testing.T, s veeam.Settings, credentials string) (o *veeam.Orchestrator, path, secretPath string) {
	t.Helper()
	o, err := veeam.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if sums := o.LogIns(); sums.Live > 0 {
			t.Errorf("sessions are left: %+v", sums)
		}
		if found := o.Violations(); len(found) > 0 {
			t.Errorf("%q", found)
		}
		o.Close()
	})
	return o, write(t, fmt.Sprintf(recovery, o.URL(), credentials)), filepath.Join(t.TempDir(), "secret")
}

// nothingIn tells that no file is left where a secret would have been.
func nothingIn(t *testing.T, secretPath string) {
	t.Helper()
	if left, err := os.ReadDir(filepath.Dir(secretPath)); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// A client that is created works with the lines that are printed, is listed, and
// is gone when it is deleted. Its secret is in its file alone.
func TestClients(t *testing.T) {
	t.Parallel()
	o, path, secretPath := veeamScene(t, veeam.Settings{}, asUser)
	code, out, errs := command("clients", "create", "--config", path, "--connection", "recovery", "--secret-file", secretPath)
	if code != exitDone || !strings.Contains(errs, secretPath) || !strings.Contains(errs, "connections.recovery.credentials") {
		t.Fatalf("%d %q %q", code, out, errs)
	}
	made := o.Clients()[1]
	if b, err := os.ReadFile(secretPath); err != nil || string(b) != made.Secret || strings.Contains(out+errs, made.Secret) {
		t.Errorf("the file holds %q, %v; said was %q %q", b, err, out, errs)
	}
	if info, err := os.Stat(secretPath); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(secretPath)); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}

	both := write(t, fmt.Sprintf(recovery, o.URL(), indented(out)))
	code, out, errs = command("clients", "list", "--config", both, "--connection", "recovery", "--json")
	if want := fmt.Sprintf("[\n{\"client_id\":%q}\n]\n", made.ID); code != exitDone || out != want || errs != "" {
		t.Errorf("the client sees %d %q %q", code, out, errs)
	}
	code, out, errs = command("clients", "list", "--config", path, "--connection", "recovery")
	if want := "CLIENT ID\nclient\n" + made.ID + "\n"; code != exitDone || out != want || errs != "" {
		t.Errorf("the user sees %d %q %q", code, out, errs)
	}
	code, out, errs = command("clients", "delete", strings.ToLower("client"), "--config", path, "--connection", "recovery")
	if code != exitDone || out != "" || errs != "Deleted client client.\n" || len(o.Clients()) != 1 {
		t.Errorf("%d %q %q", code, out, errs)
	}
	code, out, _ = command("clients", "delete", made.ID, "--config", path, "--connection", "recovery", "--json")
	if want := fmt.Sprintf("{\"connection\":\"recovery\",\"deleted\":%q}\n", made.ID); code != exitDone || out != want {
		t.Errorf("%d %q", code, out)
	}
	code, out, errs = command("clients", "list", "--config", path, "--connection", "recovery")
	if code != exitDone || out != "" || errs != "There are no clients.\n" {
		t.Errorf("%d %q %q", code, out, errs)
	}
	if sums := o.LogIns(); sums.LogIns != 6 || sums.LogOuts != 6 {
		t.Errorf("%+v", sums)
	}
}

func indented(lines string) string {
	return "      " + strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\n      ")
}

func TestClientsCreateJSON(t *testing.T) {
	t.Parallel()
	o, path, secretPath := veeamScene(t, veeam.Settings{}, asClient+"\n"+asUser) // the user's credential is used
	code, out, errs := command("clients", "create", "--config", path, "--connection", "recovery", "--secret-file", secretPath, "--json")
	var got creationRecord
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitDone || errs != "" {
		t.Fatalf("%d %q %q %v", code, out, errs, err)
	}
	if want := (creationRecord{"recovery", o.Clients()[1].ID, secretPath}); got != want {
		t.Errorf("%+v", got)
	}
}

// A file that is there is left as it is, and one that cannot be made is noticed
// before anybody is asked for a secret.
func TestClientsCreateWithoutAPlaceForTheSecret(t *testing.T) {
	t.Parallel()
	o, path, secretPath := veeamScene(t, veeam.Settings{}, asUser)
	if err := os.WriteFile(secretPath, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(filepath.Dir(secretPath), "nowhere", "secret")
	for place, want := range map[string]string{secretPath: "is there already", nowhere: "no such file", filepath.Dir(secretPath): "is there already"} {
		code, out, errs := command("clients", "create", "--config", path, "--connection", "recovery", "--secret-file", place)
		if code != exitFailed || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: %d %q %q", place, code, out, errs)
		}
	}
	if b, err := os.ReadFile(secretPath); err != nil || string(b) != "another" || o.Counts().Connections > 0 {
		t.Errorf("%q %v, %d connections", b, err, o.Counts().Connections)
	}
}

func TestClientsFaults(t *testing.T) {
	t.Parallel()
	create, list, remove := []string{"create", "--secret-file", ""}, []string{"list"}, []string{"delete", "client"}
	for name, tt := range map[string]struct {
		settings    veeam.Settings
		credentials string
		fault       *server.Fault
		args        []string
		code        int
		want        []string
	}{
		"a wrong password": {credentials: strings.Replace(asUser, "password: secret", "password: wrong", 1), args: create,
			code: exitFailed, want: []string{"connection recovery: the credential is refused: invalid_grant", "Correct username and password"}},
		"an identity server that is down": {credentials: asUser, fault: &server.Fault{Status: 503, Operations: veeam.Identity}, args: list,
			code: exitFailed, want: []string{"status 503", "asked again by itself"}},
		"one that says nothing": {credentials: asUser, fault: new(server.Hung(veeam.LogIn)), args: list,
			code: exitFailed, want: []string{"connection recovery: no token within 2s"}},
		"server 13, create": {settings: veeam.Settings{Version: "13"}, credentials: asUser, args: create,
			code: exitFailed, want: []string{"no clients in version v7.21", "up to 7.2.1", "grant password"}},
		"server 13, list":   {settings: veeam.Settings{Version: "13"}, credentials: asUser, args: list, code: exitFailed, want: []string{"no clients in version"}},
		"server 13, delete": {settings: veeam.Settings{Version: "13"}, credentials: asUser, args: remove, code: exitFailed, want: []string{"no clients in version"}},
		"server 13, a client": {settings: veeam.Settings{Version: "13"}, credentials: asClient, args: list,
			code: exitFailed, want: []string{"the credential is refused"}},
		"only a client": {credentials: asClient, args: create, code: exitConfig, want: []string{"connections.recovery.credentials: ", "a client cannot make clients"}},
		"a lost answer, create": {credentials: asUser, fault: new(server.CommitThenDrop(veeam.CreateClient)), args: create,
			code: exitFailed, want: []string{"A client may have been made whose secret nobody knows"}},
		"a torn answer, create": {credentials: asUser, fault: &server.Fault{Body: server.BodyBroken, Commit: server.CommitFirst, Status: 200, Operations: []server.Operation{veeam.CreateClient}}, args: create,
			code: exitFailed, want: []string{"not what the API promises", "A client may have been made"}},
		"a proxy's page, create": {credentials: asUser, fault: &server.Fault{Body: server.BodyHTML, Status: 200, Operations: []server.Operation{veeam.CreateClient}}, args: create,
			code: exitFailed, want: []string{"not what the API promises"}},
		"a lost answer, delete": {credentials: asUser, fault: new(server.CommitThenDrop(veeam.DeleteClient)), args: remove,
			code: exitFailed, want: []string{"may have been deleted"}},
		"a proxy's page, delete": {credentials: asUser, fault: &server.Fault{Body: server.BodyHTML, Status: 200, Operations: []server.Operation{veeam.DeleteClient}}, args: remove,
			code: exitFailed, want: []string{"may have been deleted"}},
		"a page for a list": {credentials: asUser, fault: &server.Fault{Body: server.BodyHTML, Status: 200, Operations: []server.Operation{veeam.ListClients}}, args: list,
			code: exitFailed, want: []string{"not what the API promises", "Correct url"}},
		"not allowed": {credentials: asUser, fault: &server.Fault{Status: 403, Operations: []server.Operation{veeam.CreateClient}}, args: create,
			code: exitFailed, want: []string{"status 403.\nGive the user a role"}},
		"refused": {credentials: asUser, fault: &server.Fault{Status: 400, Operations: []server.Operation{veeam.CreateClient}}, args: create,
			code: exitFailed, want: []string{"status 400.\nSee that the server has the api_version"}},
		"only a refresh token": {credentials: "      - {grant: refresh_token, refresh_token: r}", args: list, code: exitConfig, want: []string{"connections.recovery.credentials: ", "use one up"}},
		"no such client":       {credentials: asUser, args: []string{"delete", "nobody"}, code: exitFailed, want: []string{"no client of that id", "worker clients list"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, path, secretPath := veeamScene(t, tt.settings, tt.credentials)
			if tt.fault != nil {
				o.SetFault(*tt.fault)
			}
			args := append([]string{"clients"}, tt.args...)
			if args[len(args)-1] == "" {
				args[len(args)-1] = secretPath
			}
			code, out, errs := command(append(args, "--config", path, "--connection", "recovery")...)
			if code != tt.code || out != "" {
				t.Errorf("%d %q %q", code, out, errs)
			}
			for _, want := range tt.want {
				if !strings.Contains(errs, want) {
					t.Errorf("no %q in %q", want, errs)
				}
			}
			nothingIn(t, secretPath)
		})
	}
}

func TestClientsWrongUse(t *testing.T) {
	t.Parallel()
	path := write(t, fmt.Sprintf(recovery, "https://127.0.0.1:1", asUser))
	other := write(t, fmt.Sprintf(valid, t.TempDir(), "127.0.0.1:0", "http://127.0.0.1:1/x", "http://127.0.0.1:1/t", ""))
	for name, tt := range map[string]struct{ args, want string }{
		"an unknown command":    {"rename", "unknown command"},
		"no connection":         {"list --config " + path, "--connection is missing"},
		"an unknown connection": {"list --connection other --config " + path, "it has recovery"},
		"another product":       {"list --connection acme --config " + other, "only veeam has clients"},
		"no file":               {"create --connection recovery --config " + path, "--secret-file is missing"},
		"no id":                 {"delete --connection recovery --config " + path, "id of one client"},
		"two ids":               {"delete a b --connection recovery --config " + path, "id of one client"},
		"an unknown form":       {"list -o xml --connection recovery --config " + path, "unknown output"},
		"an argument":           {"list all --connection recovery --config " + path, "unexpected argument"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := command(append([]string{"clients"}, strings.Fields(tt.args)...)...)
			if code != exitConfig || out != "" || !strings.Contains(errs, tt.want) || !strings.Contains(errs, "--help") {
				t.Errorf("%d %q %q", code, out, errs)
			}
		})
	}
}

// Ctrl-C does not lose a secret that is on its way.
func TestClientsCreateInterrupted(t *testing.T) {
	t.Parallel()
	o, path, secretPath := veeamScene(t, veeam.Settings{}, asUser)
	asked := make(chan struct{})
	slow := server.Slow(500*time.Millisecond, veeam.CreateClient)
	slow.Match = func(*server.Call) bool { close(asked); return true }
	o.SetFault(slow)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-asked; cancel() }()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"clients", "create", "--config", path, "--connection", "recovery", "--secret-file", secretPath}, &out, &errs)
	b, err := os.ReadFile(secretPath)
	if code != exitDone || err != nil || string(b) != o.Clients()[1].Secret {
		t.Errorf("%d %q %q; %v", code, out.String(), errs.String(), err)
	}
}

// A client that this configuration needs is deleted by a person who was told so.
func TestClientsDeleteAsks(t *testing.T) {
	t.Parallel()
	o, path, _ := veeamScene(t, veeam.Settings{}, asUser+"\n"+asClient)
	for _, answer := range []string{"n\n", "", "yes\n"} {
		var out, errs bytes.Buffer
		on := terminal{in: strings.NewReader(answer), out: &out, err: &errs, inTTY: true, outTTY: true, width: func() int { return 80 }}
		c := newClients(on)
		c.SetArgs([]string{"delete", "client", "--config", path, "--connection", "recovery"})
		c.SilenceErrors, c.SilenceUsage = true, true
		err := c.ExecuteContext(t.Context())
		if deleted := len(o.Clients()) == 0; deleted != (answer == "yes\n") || deleted != (err == nil) {
			t.Errorf("%q: %v, deleted %t", answer, err, deleted)
		}
		if !strings.HasPrefix(errs.String(), "This configuration logs in with that client. Delete client client? [y/N] ") {
			t.Errorf("asked %q", errs.String())
		}
	}
}

// What is printed is read back as it was, whatever a server chose for an id.
func TestScalar(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"72225B81-3FC2", "1e5", "a: b # c", "${HOME}", "$${x}", `C:\secrets\a`, "ünïcode", "true"} {
		cfg, err := config.Parse("q.yaml", fmt.Appendf(nil, recovery, "https://h", "      - grant: client_credentials\n        client_id: "+scalar(text)+"\n        client_secret: x"), nil)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := cfg.Connections[0].Credentials[0].ClientID; got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}
