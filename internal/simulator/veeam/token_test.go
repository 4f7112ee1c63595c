package veeam_test

import (
	"bytes"
	"mime/multipart"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

func TestGrants(t *testing.T) {
	t.Parallel()
	const user, password = `LAB\queueferry`, "secret"
	tests := map[string]struct {
		version string
		form    []string
		status  int
		error   string
	}{
		"password":            {"", []string{"grant_type", "password", "username", user, "password", password}, 200, ""},
		"wrong password":      {"", []string{"grant_type", "password", "username", user, "password", "wrong"}, 400, "invalid_grant"},
		"unknown user":        {"", []string{"grant_type", "password", "username", "nobody", "password", password}, 400, "invalid_grant"},
		"no password":         {"", []string{"grant_type", "password", "username", user}, 400, "invalid_request"},
		"an unknown field":    {"", []string{"grant_type", "password", "username", user, "password", password, "scope", "x"}, 400, "invalid_request"},
		"a field twice":       {"", []string{"grant_type", "password", "username", user, "password", password, "password", password}, 400, "invalid_request"},
		"client":              {"", []string{"grant_type", "client_credentials", "client_id", "client", "client_secret", "client-secret"}, 200, ""},
		"wrong client secret": {"", []string{"grant_type", "client_credentials", "client_id", "client", "client_secret", "x"}, 400, "invalid_client"},
		"client on 13": {"13", []string{"grant_type", "client_credentials", "client_id", "client", "client_secret", "client-secret"},
			400, "unsupported_grant_type"},
		"unknown refresh token": {"", []string{"grant_type", "refresh_token", "refresh_token", "x"}, 400, "invalid_grant"},
		"no grant":              {"", []string{"username", user}, 400, "unsupported_grant_type"},
		"unknown mfa token":     {"", []string{"grant_type", "mfa", "mfa_token", "x", "mfa_passcode", "123456"}, 400, "invalid_grant"},
		"mfa on 7.1":            {"7.1", []string{"grant_type", "mfa", "mfa_token", "x", "mfa_passcode", "123456"}, 400, "unsupported_grant_type"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, veeam.Settings{Version: test.version})
			got := r.ask(test.form...)
			if got.status != test.status || got.value("error") != test.error {
				t.Fatalf("got %d %s", got.status, got.text)
			}
			if test.error == "" && (got.body["expires_in"] != 899.0 || got.value("token_type") != "bearer" || got.value("refresh_token") == "") {
				t.Errorf("unexpected answer %s", got.text)
			}
		})
	}
}

func TestTokenEndpointTakesFormsOnly(t *testing.T) {
	t.Parallel()
	form := url.Values{"grant_type": {"password"}, "username": {`LAB\queueferry`}, "password": {"secret"}}
	var parts bytes.Buffer
	writer := multipart.NewWriter(&parts)
	for name, values := range form {
		_ = writer.WriteField(name, values[0])
	}
	_ = writer.Close()
	tests := map[string]struct {
		contentType, body string
		want              int
	}{
		"urlencoded": {"application/x-www-form-urlencoded", form.Encode(), 200},
		"multipart":  {writer.FormDataContentType(), parts.String(), 200},
		"JSON":       {"application/json", `{"grant_type":"password"}`, 415},
		"no type":    {"", form.Encode(), 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, veeam.Settings{})
			if got := r.call("POST", "/api/token", header{"Content-Type": test.contentType}, test.body); got.status != test.want {
				t.Errorf("got %d %s, want %d", got.status, got.text, test.want)
			}
		})
	}
}

func TestRenewalGivesANewPair(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		settings            veeam.Settings
		oldAccess, oldAgain int
	}{
		"old refresh token dies":  {veeam.Settings{}, 200, 400},
		"old refresh token lives": {veeam.Settings{ReusableRefreshTokens: true}, 200, 200},
		"old access token dies":   {veeam.Settings{RenewalVoids: true}, 401, 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, test.settings)
			first := r.logIn()
			second := r.ask("grant_type", "refresh_token", "refresh_token", first.value("refresh_token"))
			if second.status != 200 || second.value("access_token") == first.value("access_token") ||
				second.value("refresh_token") == first.value("refresh_token") {
				t.Fatalf("no new pair: %s", second.text)
			}
			if got := r.with(first.value("access_token"), "GET", "/api/v7.21/Plans"); got.status != test.oldAccess {
				t.Errorf("the old access token: %d", got.status)
			}
			if got := r.with(second.value("access_token"), "GET", "/api/v7.21/Plans"); got.status != 200 {
				t.Errorf("the new access token: %d", got.status)
			}
			if got := r.ask("grant_type", "refresh_token", "refresh_token", first.value("refresh_token")); got.status != test.oldAgain {
				t.Errorf("the old refresh token: %d", got.status)
			}
		})
	}
}

func TestRefusedRefresh(t *testing.T) {
	t.Parallel()
	r := start(t, veeam.Settings{})
	first := r.logIn()
	r.RefuseRefresh(true)
	if got := r.ask("grant_type", "refresh_token", "refresh_token", first.value("refresh_token")); got.value("error") != "invalid_grant" {
		t.Errorf("got %d %s", got.status, got.text)
	}
	want := server.LogIns{LogIns: 1, RefusedRenewals: 1, Live: 1, PeakLive: 1}
	if diff := cmp.Diff(want, r.LogIns()); diff != "" {
		t.Error(diff)
	}
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	const secret = "JBSWY3DPEHPK3PXP"
	users := []veeam.User{{Username: "robot", Password: "secret", TOTPSecret: secret}}
	r := start(t, veeam.Settings{Users: users, MFAStatus: 401, MFATokenName: "mfaToken"})
	ask := func() string {
		got := r.ask("grant_type", "password", "username", "robot", "password", "secret")
		if got.status != 401 || got.value("mfaToken") == "" || got.value("access_token") != "" {
			t.Fatalf("got %d %s", got.status, got.text)
		}
		return got.value("mfaToken")
	}
	code := server.Passcode(secret, time.Now())
	if got := r.ask("grant_type", "mfa", "mfa_token", ask(), "mfa_passcode", "000000"); got.status != 400 && code != "000000" {
		t.Errorf("a wrong passcode: %d", got.status)
	}
	if got := r.ask("grant_type", "mfa", "mfa_token", ask(), "mfa_passcode", code); got.status != 200 {
		t.Errorf("the passcode: %d %s", got.status, got.text)
	}
	if got := r.ask("grant_type", "mfa", "mfa_token", ask(), "mfa_passcode", code); got.status != 400 {
		t.Errorf("the passcode again: %d %s", got.status, got.text)
	}
	want := server.LogIns{LogIns: 1, Refused: 2, Live: 1, PeakLive: 1}
	if diff := cmp.Diff(want, r.LogIns()); diff != "" {
		t.Error(diff)
	}
}
