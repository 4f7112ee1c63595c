package uipath_test

import (
	"encoding/base64"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

const formMedia = "application/x-www-form-urlencoded"

// post sends a form with an Authorization header, if it is not empty.
func (r *rig) post(url, authorization string, form url.Values) reply {
	r.t.Helper()
	headers := header{"Content-Type": formMedia, "User-Agent": "test"}
	if authorization != "" {
		headers["Authorization"] = authorization
	}
	got, err := r.send(r.t.Context(), "POST", url, headers, form.Encode())
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

// basic encodes both parts like a form, as RFC 6749 demands.
func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

func TestWaysToShowTheSecret(t *testing.T) {
	t.Parallel()
	const id, secret = "the:app", "s+c r/t%"
	inForm := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	bare := url.Values{"grant_type": {"client_credentials"}}
	tests := map[string]struct {
		allowed       uipath.ClientAuth
		authorization string
		form          url.Values
		status        int
		error         any
	}{
		"form":                 {uipath.AnyAuth, "", inForm, 200, nil},
		"basic":                {uipath.AnyAuth, basic(id, secret), bare, 200, nil},
		"both":                 {uipath.AnyAuth, basic(id, secret), inForm, 400, "invalid_request"},
		"basic, wrong secret":  {uipath.AnyAuth, basic(id, "x"), bare, 401, "invalid_client"},
		"basic, not encoded":   {uipath.AnyAuth, "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret)), bare, 401, "invalid_client"},
		"another scheme":       {uipath.AnyAuth, "Bearer x", bare, 401, "invalid_client"},
		"form where basic is":  {uipath.BasicOnly, "", inForm, 400, "invalid_client"},
		"basic where form is":  {uipath.PostOnly, basic(id, secret), bare, 401, "invalid_client"},
		"form where form is":   {uipath.PostOnly, "", inForm, 200, nil},
		"basic where basic is": {uipath.BasicOnly, basic(id, secret), bare, 200, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, uipath.Settings{ClientAuth: test.allowed, Clients: []uipath.Client{{ID: id, Secret: secret}}})
			got := r.post(r.StandaloneTokenURL(), test.authorization, test.form)
			if got.status != test.status || got.body["error"] != test.error {
				t.Errorf("got %d %s", got.status, got.text)
			}
			if challenge := got.header.Get("WWW-Authenticate"); (got.status == 401) != (challenge != "") {
				t.Errorf("WWW-Authenticate is %q", challenge)
			}
		})
	}
}

func TestPasswordGrant(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change url.Values
		status int
		error  any
	}{
		"right":            {nil, 200, nil},
		"letters":          {url.Values{"username": {"ROBOT"}}, 200, nil},
		"wrong password":   {url.Values{"password": {"x"}}, 400, "invalid_grant"},
		"no password":      {url.Values{"password": {""}}, 400, "invalid_grant"},
		"wrong client":     {url.Values{"client_secret": {"x"}}, 400, "invalid_client"},
		"public client":    {url.Values{"client_id": {"public"}, "client_secret": {""}}, 200, nil},
		"public, a secret": {url.Values{"client_id": {"public"}}, 400, "invalid_client"},
		"public for itself": {url.Values{"client_id": {"public"}, "client_secret": {""}, "grant_type": {"client_credentials"}},
			400, "unauthorized_client"},
		"foreign scope": {url.Values{"scope": {"offline_access"}}, 400, "invalid_scope"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, uipath.Settings{
				Users:   []uipath.User{{Username: "robot", Password: "pass"}},
				Clients: []uipath.Client{{ID: "queueferry", Secret: "secret"}, {ID: "public", Public: true}},
			})
			form := url.Values{"grant_type": {"password"}, "username": {"robot"}, "password": {"pass"}}
			maps.Copy(form, test.change)
			if got := r.askToken(form); got.status != test.status || got.body["error"] != test.error {
				t.Errorf("got %d %s", got.status, got.text)
			}
		})
	}
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{Clients: []uipath.Client{{ID: "queueferry", Secret: "secret"}, {ID: "other", Secret: "s"}}})
	r.logIn()
	mine := url.Values{"token": {r.token}, "token_type_hint": {"access_token"}, "client_id": {"queueferry"}, "client_secret": {"secret"}}
	foreign := url.Values{"token": {r.token}, "client_id": {"other"}, "client_secret": {"s"}}
	if got := r.post(r.RevocationURL(), "", foreign); got.status != 200 || r.Counts().LiveTokens != 1 {
		t.Errorf("another client's: %d, live %d", got.status, r.Counts().LiveTokens)
	}
	if got := r.post(r.RevocationURL(), "", url.Values{"token": {r.token}}); got.status != 400 || got.body["error"] != "invalid_client" {
		t.Errorf("no client: %d %s", got.status, got.text)
	}
	if got := r.post(r.RevocationURL(), basic("queueferry", "secret"), url.Values{}); got.status != 400 || got.body["error"] != "invalid_request" {
		t.Errorf("no token: %d %s", got.status, got.text)
	}
	for range 2 {
		if got := r.post(r.RevocationURL(), "", mine); got.status != 200 || got.text != "" {
			t.Errorf("mine: %d %s", got.status, got.text)
		}
	}
	if got := r.add("Invoices", "a"); got.status != 401 {
		t.Errorf("the token after its end: %d", got.status)
	}
	if c := r.Counts(); c.LogOuts != 1 || c.LiveTokens != 0 {
		t.Errorf("log-outs %d, live %d", c.LogOuts, c.LiveTokens)
	}
}

func TestIdentityFaultsMeetRevocationToo(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.AddFault(uipath.Unavailable())
	if got := r.post(r.RevocationURL(), "", url.Values{"token": {"x"}, "client_id": {"queueferry"}, "client_secret": {"secret"}}); got.status != 200 {
		t.Errorf("a fault of the API: %d %s", got.status, got.text)
	}
	r.SetFault(uipath.Throttled("3", uipath.Revoke))
	if got := r.post(r.RevocationURL(), "", nil); got.status != 429 || got.header.Get("Retry-After") != "3" || got.body["error"] == nil {
		t.Errorf("a fault of it: %d %s", got.status, got.text)
	}
	r.SetFault(uipath.Fault{Kind: uipath.RefuseConnections, Operations: []uipath.Operation{uipath.Revoke}})
	if got, err := r.send(t.Context(), "POST", r.TokenURL(), nil, ""); err == nil {
		t.Errorf("the port answers %d", got.status)
	}
}

func TestTokenLifeCanChange(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.SetTokenLife(10 * 365 * 24 * time.Hour)
	if got := r.askToken(nil); got.body["expires_in"] != 315360000.0 {
		t.Errorf("got %s", got.text)
	}
}

func TestLegacyLogIn(t *testing.T) {
	t.Parallel()
	refused := `{"message":"Invalid username/email address or password.","errorCode":1000,`
	tests := map[string]struct {
		settings uipath.Settings
		body     string
		status   int
		contains string
	}{
		"right":            {uipath.Settings{}, `{"tenancyName":"Prod","usernameOrEmailAddress":"Robot","password":"pass"}`, 200, `"success":true`},
		"default tenant":   {uipath.Settings{Standalone: true}, `{"usernameOrEmailAddress":"robot","password":"pass"}`, 200, `"success":true`},
		"wrong tenant":     {uipath.Settings{}, `{"tenancyName":"x","usernameOrEmailAddress":"robot","password":"pass"}`, 400, refused},
		"empty tenant":     {uipath.Settings{}, `{"tenancyName":"","usernameOrEmailAddress":"robot","password":"pass"}`, 400, refused},
		"wrong password":   {uipath.Settings{}, `{"usernameOrEmailAddress":"robot","password":"x"}`, 400, refused},
		"refused with 401": {uipath.Settings{LegacyRefusal: 401}, `{"usernameOrEmailAddress":"robot","password":"x"}`, 401, `"success":false`},
		"refused with 200": {uipath.Settings{LegacyRefusal: 200}, `{"usernameOrEmailAddress":"robot","password":"x"}`, 200, `"success":false`},
		"no password":      {uipath.Settings{}, `{"usernameOrEmailAddress":"robot"}`, 400, "The Password field is required."},
		"unknown member":   {uipath.Settings{}, `{"usernameOrEmailAddress":"robot","password":"pass","remember":true}`, 400, "does not exist"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.settings.Users = []uipath.User{{Username: "robot", Password: "pass"}}
			r := start(t, test.settings)
			got, err := r.send(t.Context(), "POST", r.URL()+"/api/Account/Authenticate",
				header{"Content-Type": "application/json", "User-Agent": "test"}, test.body)
			if err != nil || got.status != test.status || !strings.Contains(got.text, test.contains) {
				t.Fatalf("got %d %v %s", got.status, err, got.text)
			}
			if !strings.Contains(test.contains, "true") {
				return
			}
			r.token, _ = got.body["result"].(string)
			if got := r.add("Invoices", "a"); got.status != 201 {
				t.Errorf("the token: %d %s", got.status, got.text)
			}
			if c := r.Counts(); c.LogIns != 1 || c.LiveTokens != 1 {
				t.Errorf("log-ins %d, live %d", c.LogIns, c.LiveTokens)
			}
		})
	}
}

func TestLegacyLogInIsThereForUsersOnly(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	got, err := r.send(t.Context(), "POST", r.URL()+"/api/Account/Authenticate", header{"Content-Type": "application/json"}, `{}`)
	if err != nil || got.status != 404 {
		t.Errorf("got %d %v", got.status, err)
	}
}

func TestTenantHeader(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{Standalone: true})
	for tenant, want := range map[string]int{"": 200, "Prod": 200, "other": 400} {
		if got := r.call("GET", "/odata/Folders", header{"X-UIPATH-TenantName": tenant}, ""); got.status != want {
			t.Errorf("tenant %q: %d %s", tenant, got.status, got.text)
		}
	}
}
