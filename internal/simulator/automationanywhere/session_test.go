package automationanywhere_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
	"github.com/queueferry/queueferry/internal/simulator/server"
)

func TestSecondLogInVoidsTheFirst(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		first, second string
		allowed       bool
		want          int
	}{
		"password, password":           {byPassword, byPassword, true, 401},
		"password, key":                {byPassword, byKey, true, 200},
		"key, password":                {byKey, byPassword, true, 200},
		"key, key":                     {byKey, byKey, false, 200},
		"multiple, multiple":           {byMultiple, byMultiple, true, 200},
		"multiple, password":           {byMultiple, byPassword, true, 200},
		"multiple that is not allowed": {byMultiple, byMultiple, false, 401},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, automationanywhere.Settings{Accounts: []automationanywhere.Account{
				{Username: "queueferry", Password: "secret", APIKey: "key", MultipleSessions: test.allowed},
			}})
			first, second := r.logIn(test.first), r.logIn(test.second)
			if got := r.queues(first, "{}"); got.status != test.want {
				t.Errorf("the first token: %d, want %d", got.status, test.want)
			}
			if got := r.queues(second, "{}"); got.status != 200 {
				t.Errorf("the second token: %d", got.status)
			}
			if voided := r.LogIns().Voided; (voided == 1) != (test.want == 401) {
				t.Errorf("%d sessions were voided", voided)
			}
		})
	}
}

func TestRenewal(t *testing.T) {
	t.Parallel()
	for name, voids := range map[string]bool{"the old token lives": false, "the old token dies": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, automationanywhere.Settings{RenewalVoids: voids})
			old := r.logIn(byPassword)
			got := r.post("/v2/authentication/token", `{"token":"`+old+`"}`)
			if got.status != 200 || got.value("token") == "" || got.value("token") == old {
				t.Fatalf("got %d %s", got.status, got.text)
			}
			if again := r.queues(got.value("token"), "{}"); again.status != 200 {
				t.Errorf("the new token: %d", again.status)
			}
			if again := r.queues(old, "{}"); (again.status == 401) != voids {
				t.Errorf("the old token: %d", again.status)
			}
			r.logIn(byPassword)
			if again := r.queues(got.value("token"), "{}"); again.status != 401 {
				t.Errorf("the new token after another log-in: %d", again.status)
			}
		})
	}
}

func TestRefusedRenewal(t *testing.T) {
	t.Parallel()
	r := start(t, automationanywhere.Settings{})
	token := r.logIn(byPassword)
	if got := r.post("/v2/authentication/token", `{"token":"a.b.c"}`); got.status != 401 {
		t.Errorf("an unknown token: %d", got.status)
	}
	if got := r.post("/v2/authentication/token", `{}`); got.status != 500 {
		t.Errorf("no token: %d", got.status)
	}
	if got := r.post("/v1/authentication/token", `{"token":"`+token+`"}`); got.status != 405 {
		t.Errorf("v1: %d", got.status)
	}
	r.RefuseRenewals(true)
	if got := r.post("/v2/authentication/token", `{"token":"`+token+`"}`); got.status != 401 {
		t.Errorf("while they are refused: %d", got.status)
	}
	r.RefuseRenewals(false)
	r.SetTokenLife(time.Nanosecond)
	if got := r.post("/v2/authentication/token", `{"token":"`+r.logIn(byPassword)+`"}`); got.status != 401 {
		t.Errorf("an expired one: %d", got.status)
	}
	want := server.LogIns{LogIns: 2, RefusedRenewals: 3, Voided: 1, PeakLive: 1}
	if diff := cmp.Diff(want, r.LogIns()); diff != "" {
		t.Error(diff)
	}
}

func TestLogOut(t *testing.T) {
	t.Parallel()
	r := start(t, automationanywhere.Settings{})
	token := r.logIn(byKey)
	valid := func() string { return r.call("GET", "/v1/authentication/token?token="+token, nil, "").text }
	if got := valid(); got != `{"valid":true}` {
		t.Errorf("before: %s", got)
	}
	if got := r.call("POST", "/v1/authentication/logout", header{"X-Authorization": token}, ""); got.status != 204 || got.text != "" {
		t.Errorf("got %d %s", got.status, got.text)
	}
	if got := valid(); got != `{"valid":false}` {
		t.Errorf("after: %s", got)
	}
	if got := r.call("POST", "/v1/authentication/logout", header{"X-Authorization": token}, ""); got.status != 401 {
		t.Errorf("again: %d", got.status)
	}
	want := server.LogIns{LogIns: 1, LogOuts: 1, PeakLive: 1}
	if diff := cmp.Diff(want, r.LogIns()); diff != "" {
		t.Error(diff)
	}
	if violations := r.Violations(); len(violations) > 0 {
		t.Errorf("violations %q", violations)
	}
}

func TestTokensThatAreNotAccepted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		headers func(token string) header
		code    string
	}{
		"none":          {func(string) header { return nil }, "UM1117"},
		"Authorization": {func(token string) header { return header{"Authorization": "Bearer " + token} }, "UM1117"},
		"with a scheme": {func(token string) header { return header{"X-Authorization": "Bearer " + token} }, "UM1111"},
		"unknown":       {func(string) header { return header{"X-Authorization": "a.b.c"} }, "UM1111"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, automationanywhere.Settings{})
			got := r.call("POST", "/v3/wlm/queues/list", test.headers(r.logIn(byKey)), "{}")
			if got.status != 401 || got.value("code") != test.code || r.Counts().Unauthorized != 1 {
				t.Errorf("got %d %s", got.status, got.text)
			}
			if noted := len(r.Violations()) == 1; noted != (name == "Authorization") {
				t.Errorf("violations %q", r.Violations())
			}
		})
	}
}

func TestQueues(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		want []any
	}{
		"all":           {`{}`, []any{"Invoices", "invoices", "Orders"}},
		"eq":            {`{"filter":{"operator":"eq","field":"name","value":"Invoices"}}`, []any{"Invoices", "invoices"}},
		"substring":     {`{"filter":{"operator":"substring","field":"name","value":"ord"}}`, []any{"Orders"}},
		"and":           {`{"filter":{"operator":"and","operands":[{"operator":"eq","field":"name","value":"invoices"},{"operator":"eq","field":"id","value":"2"}]}}`, []any{"invoices"}},
		"page and sort": {`{"sort":[{"field":"id","direction":"desc"}],"page":{"offset":1,"length":1}}`, []any{"invoices"}},
		"past the end":  {`{"page":{"offset":9,"length":1}}`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, automationanywhere.Settings{})
			for _, name := range []string{"Invoices", "invoices", "Orders"} {
				r.AddQueue(name)
			}
			got := r.queues(r.logIn(byKey), test.body)
			var names []any
			list, _ := got.body["list"].([]any)
			for _, entry := range list {
				entry, _ := entry.(map[string]any)
				names = append(names, entry["name"])
			}
			if diff := cmp.Diff(test.want, names); diff != "" {
				t.Errorf("%s\n%d %s", diff, got.status, got.text)
			}
		})
	}
	r := start(t, automationanywhere.Settings{})
	r.AddQueue("q")
	for name, body := range map[string]string{
		"unknown field": `{"filter":{"operator":"eq","field":"x","value":"y"}}`, "unknown operator": `{"filter":{"operator":"like","field":"name","value":"y"}}`,
	} {
		if got := r.queues(r.logIn(byKey), body); got.status != 400 {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
}

func TestIdsAreTextsOnE11(t *testing.T) {
	t.Parallel()
	r := start(t, automationanywhere.Settings{Generation: automationanywhere.E11})
	r.AddQueue("q")
	token := r.post("/v1/authentication", byPassword).value("token")
	got := r.call("POST", "/v2/wlm/queues/list", header{"Content-Type": "application/json", "X-Authorization": token}, "{}")
	list, _ := got.body["list"].([]any)
	if entry, _ := list[0].(map[string]any); entry["id"] != "1" {
		t.Errorf("got %d %s", got.status, got.text)
	}
}
