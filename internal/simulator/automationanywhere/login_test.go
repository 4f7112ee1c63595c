package automationanywhere_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
	"github.com/queueferry/queueferry/internal/simulator/server"
)

func TestLogIn(t *testing.T) {
	t.Parallel()
	const v1, v2 = "/v1/authentication", "/v2/authentication"
	tests := map[string]struct {
		generation automationanywhere.Generation
		path, body string
		status     int
		code       string
	}{
		"password":                  {automationanywhere.A360, v2, byPassword, 200, ""},
		"API key":                   {automationanywhere.A360, v2, byKey, 200, ""},
		"multiple":                  {automationanywhere.A360, v2, byMultiple, 200, ""},
		"multiLogin is ignored":     {automationanywhere.A360, v2, `{"username":"queueferry","password":"secret","multiLogin":true}`, 200, ""},
		"wrong password":            {automationanywhere.A360, v2, `{"username":"queueferry","password":"x"}`, 401, "UM1110"},
		"the key as a password":     {automationanywhere.A360, v2, `{"username":"queueferry","password":"key"}`, 401, "UM1110"},
		"unknown user":              {automationanywhere.A360, v2, `{"username":"x","password":"secret"}`, 401, "UM1110"},
		"disabled":                  {automationanywhere.A360, v2, `{"username":"gone","password":"secret"}`, 403, "UM1112"},
		"no credentials":            {automationanywhere.A360, v2, `{"username":"queueferry"}`, 500, "generic.server.exception"},
		"both credentials":          {automationanywhere.A360, v2, `{"username":"queueferry","password":"secret","apiKey":"key"}`, 500, "generic.server.exception"},
		"unknown member":            {automationanywhere.A360, v2, `{"username":"queueferry","password":"secret","x":1}`, 500, "generic.server.exception"},
		"mfaCode on a360":           {automationanywhere.A360, v2, `{"username":"queueferry","password":"secret","mfaCode":1}`, 500, "generic.server.exception"},
		"no JSON":                   {automationanywhere.A360, v2, `username=x`, 500, "generic.server.exception"},
		"v1 on a360":                {automationanywhere.A360, v1, byPassword, 404, "generic.bad.request"},
		"e11, password":             {automationanywhere.E11, v1, byPassword, 200, ""},
		"e11, API key":              {automationanywhere.E11, v1, byKey, 200, ""},
		"e11, v2":                   {automationanywhere.E11, v2, byPassword, 404, "generic.bad.request"},
		"e11, multipleLogin":        {automationanywhere.E11, v1, byMultiple, 400, "generic.bad.request"},
		"e11, mfaCode not needed":   {automationanywhere.E11, v1, `{"username":"queueferry","password":"secret","mfaCode":1}`, 200, ""},
		"e11, mfaCode is a text":    {automationanywhere.E11, v1, `{"username":"queueferry","password":"secret","mfaCode":"1"}`, 400, "generic.bad.request"},
		"e11, mfaCode is missing":   {automationanywhere.E11, v1, `{"username":"two","password":"secret"}`, 401, "UM1110"},
		"a360 needs no second step": {automationanywhere.A360, v2, `{"username":"two","password":"secret"}`, 200, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, automationanywhere.Settings{Generation: test.generation, Accounts: []automationanywhere.Account{
				{Username: "queueferry", Password: "secret", APIKey: "key"},
				{Username: "gone", Password: "secret", Disabled: true},
				{Username: "two", Password: "secret", TOTPSecret: "JBSWY3DPEHPK3PXP"},
			}})
			got := r.post(test.path, test.body)
			if got.status != test.status || got.value("code") != test.code {
				t.Fatalf("got %d %s", got.status, got.text)
			}
			if test.status == 200 != (strings.Count(got.value("token"), ".") == 2) {
				t.Errorf("the token is %q", got.value("token"))
			}
		})
	}
}

func TestLogInTakesJSONByPostOnly(t *testing.T) {
	t.Parallel()
	r := start(t, automationanywhere.Settings{})
	if got := r.call("POST", "/v2/authentication", nil, byPassword); got.status != 415 {
		t.Errorf("no Content-Type: %d", got.status)
	}
	if got := r.call("GET", "/v2/authentication", nil, ""); got.status != 405 {
		t.Errorf("GET: %d", got.status)
	}
}

func TestSecondFactorIsGoodOnce(t *testing.T) {
	t.Parallel()
	const secret = "JBSWY3DPEHPK3PXP"
	r := start(t, automationanywhere.Settings{
		Generation: automationanywhere.E11,
		Accounts:   []automationanywhere.Account{{Username: "two", Password: "secret", TOTPSecret: secret}},
	})
	code := strings.TrimLeft(server.Passcode(secret, time.Now()), "0")
	body := fmt.Sprintf(`{"username":"two","password":"secret","mfaCode":%s}`, code)
	for _, want := range []int{200, 401} {
		if got := r.post("/v1/authentication", body); got.status != want {
			t.Errorf("got %d %s, want %d", got.status, got.text, want)
		}
	}
}

func TestLifeOfTheToken(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		life time.Duration
		want float64
	}{
		"default":   {0, 1200},
		"a second":  {time.Second, 1},
		"ten years": {10 * 365 * 24 * time.Hour, 315360000},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, automationanywhere.Settings{TokenLife: test.life, Server: server.Settings{ClockSkew: time.Hour}})
			payload, err := base64.RawURLEncoding.DecodeString(strings.Split(r.logIn(byKey), ".")[1])
			if err != nil {
				t.Fatal(err)
			}
			var claims map[string]any
			if err := json.Unmarshal(payload, &claims); err != nil {
				t.Fatal(err)
			}
			issued, _ := claims["iat"].(float64)
			expires, _ := claims["exp"].(float64)
			if expires-issued != test.want || claims["multipleLogin"] != true || claims["iss"] != "AutomationAnywhere" {
				t.Errorf("claims %v", claims)
			}
			if ahead := time.Until(time.Unix(int64(issued), 0)); ahead < 59*time.Minute {
				t.Errorf("the server's clock is ahead by %v", ahead)
			}
		})
	}
	r := start(t, automationanywhere.Settings{OpaqueTokens: true})
	if token := r.logIn(byKey); strings.Contains(token, ".") || r.queues(token, "{}").status != 200 {
		t.Errorf("the opaque token is %q", token)
	}
}
