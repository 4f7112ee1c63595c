package uipath_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func TestTokenEndpointAnswersAsTheIdentityServerDoes(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{Clients: []uipath.Client{
		{ID: "queueferry", Secret: "secret"}, {ID: "narrow", Secret: "s", Scopes: []string{"OR.Queues"}},
	}})
	tests := map[string]struct {
		form   url.Values
		status int
		error  string
		scope  string
	}{
		"scopes asked for":     {url.Values{"scope": {"OR.Queues OR.Jobs"}}, 200, "", "OR.Queues OR.Jobs"},
		"no scope: all":        {url.Values{"client_id": {"narrow"}, "client_secret": {"s"}}, 200, "", "OR.Queues"},
		"wrong secret":         {url.Values{"client_secret": {"wrong"}}, 400, "invalid_client", ""},
		"no secret":            {url.Values{"client_secret": {""}}, 400, "invalid_client", ""},
		"unknown client":       {url.Values{"client_id": {"other"}}, 400, "invalid_client", ""},
		"offline_access":       {url.Values{"scope": {"OR.Queues offline_access"}}, 400, "invalid_scope", ""},
		"scope of another app": {url.Values{"client_id": {"narrow"}, "client_secret": {"s"}, "scope": {"OR.Jobs"}}, 400, "invalid_scope", ""},
		"password grant":       {url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type", ""},
		"no grant":             {url.Values{"grant_type": {""}}, 400, "invalid_request", ""},
		"a parameter twice":    {url.Values{"client_id": {"queueferry", "queueferry"}}, 400, "invalid_request", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := r.askToken(test.form)
			if got.status != test.status {
				t.Fatalf("status %d, want %d: %s", got.status, test.status, got.text)
			}
			if test.error != "" {
				if diff := cmp.Diff(map[string]any{"error": test.error}, got.body); diff != "" {
					t.Error(diff)
				}
				return
			}
			if got.body["scope"] != test.scope || got.body["token_type"] != "Bearer" || got.body["expires_in"] != 3600.0 {
				t.Errorf("unexpected answer %s", got.text)
			}
			if token, _ := got.body["access_token"].(string); strings.Count(token, ".") != 2 {
				t.Errorf("the token %q has not three parts", token)
			}
		})
	}
}

func TestTokenEndpointTakesFormsByPostOnly(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	form := "grant_type=client_credentials&client_id=queueferry&client_secret=secret"
	formType := header{"Content-Type": "application/x-www-form-urlencoded"}
	tests := map[string]struct {
		method, url string
		headers     header
		body        string
		want        int
	}{
		"organisation's URL":  {"POST", r.TokenURL(), formType, form, 200},
		"global URL":          {"POST", r.GlobalTokenURL(), formType, form, 200},
		"JSON":                {"POST", r.TokenURL(), header{"Content-Type": "application/json"}, `{"grant_type":"client_credentials"}`, 400},
		"form without a type": {"POST", r.TokenURL(), nil, form, 400},
		"in the query":        {"POST", r.TokenURL() + "?" + form, formType, "", 400},
		"GET":                 {"GET", r.TokenURL(), nil, "", 405},
		"other organisation":  {"POST", strings.Replace(r.TokenURL(), "/acme/", "/other/", 1), formType, form, 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := r.send(t.Context(), test.method, test.url, test.headers, test.body)
			if err != nil || got.status != test.want {
				t.Errorf("status %d %v, want %d: %s", got.status, err, test.want, got.text)
			}
		})
	}
	if violations := strings.Join(r.Violations(), "\n"); !strings.Contains(violations, "Token: a secret in the URL: client_secret") {
		t.Errorf("the secret in the URL was not noted: %q", violations)
	}
}

const unauthenticatedBody = `{"message":"You are not authenticated!","errorCode":0,"result":null,"targetUrl":null,"success":false,` +
	`"error":{"code":0,"message":"You are not authenticated!","details":"You should be authenticated (sign in) in order to perform this operation.",` +
	`"validationErrors":null},"unAuthorizedRequest":false,"__abp":true}`

func TestTokensThatAreNotAccepted(t *testing.T) {
	t.Parallel()
	tests := map[string]func(r *rig) header{
		"none":         func(*rig) header { return header{"Authorization": ""} },
		"unknown":      func(*rig) header { return header{"Authorization": "Bearer a.b.c"} },
		"other scheme": func(r *rig) header { return header{"Authorization": "Token " + r.token} },
		"revoked": func(r *rig) header {
			r.RevokeTokens()
			return nil
		},
		"expired": func(r *rig) header {
			time.Sleep(2 * tokenLife)
			return nil
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := uipath.Settings{}
			if name == "expired" {
				settings.TokenLife = tokenLife
			}
			r := start(t, settings)
			r.logIn()
			headers := change(r)
			got := r.call("POST", addPath, headers, itemBody("Invoices", "a"))
			if got.status != 401 || got.text != unauthenticatedBody {
				t.Errorf("got %d %s", got.status, got.text)
			}
			if n := r.Counts().Unauthorized; n != 1 {
				t.Errorf("%d unauthorized calls counted, want 1", n)
			}
			if len(r.Items()) != 0 {
				t.Error("an item was added")
			}
		})
	}
}

const tokenLife = 5 * time.Millisecond

func TestFreshTokenWorksAfterRevocation(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.logIn()
	r.RevokeTokens()
	r.logIn()
	if got := r.add("Invoices", "a"); got.status != 201 {
		t.Errorf("got %d %s", got.status, got.text)
	}
	if c := r.Counts(); c.LogIns != 2 || c.RefusedLogIns != 0 {
		t.Errorf("log-ins %d, refused %d", c.LogIns, c.RefusedLogIns)
	}
}

func TestSecretRotation(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.logIn()
	r.SetClientSecret("queueferry", "new")
	if got := r.askToken(nil); got.body["error"] != "invalid_client" {
		t.Errorf("the old secret: %d %s", got.status, got.text)
	}
	if got := r.askToken(url.Values{"client_secret": {"new"}}); got.status != 200 {
		t.Errorf("the new secret: %d %s", got.status, got.text)
	}
	if got := r.add("Invoices", "a"); got.status != 201 {
		t.Errorf("the old token: %d %s", got.status, got.text)
	}
	r.SetClientSecret("queueferry", "")
	if got := r.askToken(url.Values{"client_secret": {""}}); got.status != 400 {
		t.Errorf("an empty secret: %d", got.status)
	}
	if c := r.Counts(); c.RefusedLogIns != 2 {
		t.Errorf("%d refused log-ins, want 2", c.RefusedLogIns)
	}
}

func TestOmittedExpiresIn(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{OmitExpiresIn: true})
	if got := r.askToken(nil); got.status != 200 || strings.Contains(got.text, "expires_in") {
		t.Errorf("got %d %s", got.status, got.text)
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	calls := map[string]func() reply{
		"add":      func() reply { return r.add("Invoices", "") },
		"bulk":     func() reply { return r.call("POST", bulkPath, nil, bulkBody("AllOrNothing", newReference())) },
		"start":    func() reply { return r.call("POST", startPath, nil, jobBody("")) },
		"items":    func() reply { return r.call("GET", "/odata/QueueItems", nil, "") },
		"queues":   func() reply { return r.call("GET", "/odata/QueueDefinitions", nil, "") },
		"jobs":     func() reply { return r.call("GET", "/odata/Jobs", nil, "") },
		"releases": func() reply { return r.call("GET", "/odata/Releases", nil, "") },
		"folders":  func() reply { return r.call("GET", "/odata/Folders", nil, "") },
	}
	allowed := map[string][]string{
		"OR.Queues":         {"add", "bulk", "items", "queues"},
		"OR.Queues.Write":   {"add", "bulk"},
		"OR.Queues.Read":    {"items", "queues"},
		"OR.Jobs":           {"start", "jobs"},
		"OR.Jobs.Write":     {"start"},
		"OR.Jobs.Read":      {"jobs"},
		"OR.Execution":      {"releases"},
		"OR.Execution.Read": {"releases"},
		"OR.Folders":        {"folders"},
		"OR.Folders.Read":   {"folders"},
		"OR.Default":        {"add", "bulk", "start", "items", "queues", "jobs", "releases", "folders"},
	}
	for scope, names := range allowed {
		t.Run(scope, func(t *testing.T) {
			r.token = r.askToken(url.Values{"scope": {scope}}).body["access_token"].(string)
			for name, call := range calls {
				got, may := call(), strings.Contains(" "+strings.Join(names, " ")+" ", " "+name+" ")
				if may && got.status >= 300 || !may && got.status != http.StatusForbidden {
					t.Errorf("%s: %d %s", name, got.status, got.text)
				}
				if !may && got.body["unAuthorizedRequest"] != true {
					t.Errorf("%s: not the envelope of 403: %s", name, got.text)
				}
			}
		})
	}
}

func newReference() string { return strings.ReplaceAll(time.Now().Format(time.StampNano), " ", "") }
