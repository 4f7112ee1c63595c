package veeam_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

func TestLogOutEndsThePair(t *testing.T) {
	t.Parallel()
	r := start(t, veeam.Settings{})
	pair := r.logIn()
	if got := r.with(pair.value("access_token"), "DELETE", "/api/token"); got.status != 204 || got.text != "" {
		t.Fatalf("got %d %s", got.status, got.text)
	}
	if got := r.with(pair.value("access_token"), "DELETE", "/api/token"); got.status != 401 {
		t.Errorf("again: %d", got.status)
	}
	if got := r.ask("grant_type", "refresh_token", "refresh_token", pair.value("refresh_token")); got.status != 400 {
		t.Errorf("the refresh token: %d", got.status)
	}
	want := server.LogIns{LogIns: 1, RefusedRenewals: 1, LogOuts: 1, PeakLive: 1}
	if diff := cmp.Diff(want, r.LogIns()); diff != "" {
		t.Error(diff)
	}
}

func TestSecondLogInVoidsTheFirst(t *testing.T) {
	t.Parallel()
	for name, single := range map[string]bool{"single session": true, "several": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, veeam.Settings{SingleSession: single})
			first := r.logIn().value("access_token")
			client := r.ask("grant_type", "client_credentials", "client_id", "client", "client_secret", "client-secret").value("access_token")
			r.logIn()
			want, voided := 200, 0
			if single {
				want, voided = 401, 1
			}
			if got := r.with(first, "GET", "/api/v7.21/Plans"); got.status != want || r.LogIns().Voided != voided {
				t.Errorf("the first token: %d, %d voided", got.status, r.LogIns().Voided)
			}
			if got := r.with(client, "GET", "/api/v7.21/Plans"); got.status != 200 {
				t.Errorf("the client's token: %d", got.status)
			}
		})
	}
}

func TestTokensThatAreNotAccepted(t *testing.T) {
	t.Parallel()
	tests := map[string]func(r *rig, token string) header{
		"none":         func(*rig, string) header { return nil },
		"unknown":      func(*rig, string) header { return header{"Authorization": "Bearer x"} },
		"other header": func(_ *rig, token string) header { return header{"X-Authorization": token} },
		"other scheme": func(_ *rig, token string) header { return header{"Authorization": "Basic " + token} },
		"revoked": func(r *rig, token string) header {
			r.RevokeAccessTokens()
			return header{"Authorization": "Bearer " + token}
		},
		"expired": func(r *rig, _ string) header {
			r.SetTokenLife(time.Nanosecond)
			return header{"Authorization": "Bearer " + r.logIn().value("access_token")}
		},
	}
	for name, headers := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, veeam.Settings{})
			got := r.call("GET", "/api/v7.21/Plans", headers(r, r.logIn().value("access_token")), "")
			if got.status != 401 || got.value("message") != "Authorization has been denied for this request." {
				t.Errorf("got %d %s", got.status, got.text)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		version string
		path    string
		want    int
	}{
		"7.2.1 has v7.21":     {"7.2.1", "/api/v7.21/Plans", 200},
		"7.2.1 has not v13":   {"7.2.1", "/api/v13/Plans", 404},
		"13 has not v7.1":     {"13", "/api/v7.1/Plans", 404},
		"13 has plans":        {"13", "/api/v13/Plans", 200},
		"13 has no clients":   {"13", "/api/v13/Clients", 404},
		"7.2.1 has clients":   {"7.2.1", "/api/v7.21/Clients", 200},
		"no version":          {"7.2.1", "/api/Plans", 404},
		"no such resource":    {"7.2.1", "/api/v7.21/RecoveryPlans", 404},
		"an unknown option":   {"7.2.1", "/api/v7.21/Plans?top=1", 400},
		"another HTTP method": {"7.2.1", "/api/token", 405},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, veeam.Settings{Version: test.version})
			if got := r.with(r.logIn().value("access_token"), "GET", test.path); got.status != test.want {
				t.Errorf("got %d %s, want %d", got.status, got.text, test.want)
			}
		})
	}
	if _, err := veeam.Start(veeam.Settings{Version: "8"}); err == nil {
		t.Error("an unknown version was started")
	}
}

func TestClients(t *testing.T) {
	t.Parallel()
	r := start(t, veeam.Settings{})
	user := r.logIn().value("access_token")
	made := r.with(user, "POST", "/api/v7.21/Clients")
	id, secret := made.value("client_id"), made.value("client_secret")
	if made.status != 200 || id == "" || secret == "" {
		t.Fatalf("got %d %s", made.status, made.text)
	}
	client := r.ask("grant_type", "client_credentials", "client_id", id, "client_secret", secret).value("access_token")
	steps := []struct {
		token, method, path string
		status              int
		text                string
	}{
		{user, "GET", "/api/v7.21/Clients", 200, `[{"client_id":"client"},{"client_id":"` + id + `"}]`},
		{client, "GET", "/api/v7.21/Clients", 200, `[{"client_id":"` + id + `"}]`},
		{client, "POST", "/api/v7.21/Clients", 403, ""},
		{client, "DELETE", "/api/v7.21/Clients?clientId=client", 400, ""},
		{user, "DELETE", "/api/v7.21/Clients", 400, ""},
		{user, "DELETE", "/api/v7.21/Clients?clientId=" + id, 204, ""},
		{client, "GET", "/api/v7.21/Clients", 401, ""},
	}
	for _, step := range steps {
		got := r.with(step.token, step.method, step.path)
		if got.status != step.status || step.text != "" && got.text != step.text {
			t.Errorf("%s %s: got %d %s", step.method, step.path, got.status, got.text)
		}
	}
	if left := r.Clients(); len(left) != 1 || left[0].ID != "client" {
		t.Errorf("left %v", left)
	}
}

func TestViolations(t *testing.T) {
	t.Parallel()
	r := start(t, veeam.Settings{})
	r.call("POST", "/api/token?password=secret", nil, "")
	want := []string{"LogIn: a secret in the URL: password"}
	if diff := cmp.Diff(want, r.Violations()); diff != "" {
		t.Error(diff)
	}
}
