package authpool

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

func legacy(rt http.RoundTripper) *UiPathLegacy {
	return &UiPathLegacy{
		URL: "https://orchestrator.example.com/root", Tenant: "Default", Username: `ACME\robot`, Password: secret.Literal(`"\<` + canary), Transport: rt,
	}
}

func TestLegacyRequest(t *testing.T) {
	for name, tc := range map[string]struct {
		url, tenant string
		want        map[string]any
	}{
		"with a tenant":    {"https://orchestrator.example.com/root", "Default", map[string]any{"tenancyName": "Default"}},
		"without":          {"https://orchestrator.example.com/root", "", map[string]any{}},
		"slash at the end": {"https://orchestrator.example.com/root/", "", map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := legacy(tripper(func(r *http.Request) (*http.Response, error) {
				if r.Method != http.MethodPost || r.URL.String() != "https://orchestrator.example.com/root/api/Account/Authenticate" ||
					r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "" {
					t.Errorf("%s %s with %v", r.Method, r.URL, r.Header)
				}
				tc.want["usernameOrEmailAddress"], tc.want["password"] = `ACME\robot`, `"\<`+canary
				var got map[string]any
				raw, _ := io.ReadAll(r.Body)
				if err := json.Unmarshal(raw, &got); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("body (-want +got)\n%s", diff)
				}
				return reply(200, abp(`"t"`, true, `null`)), nil
			}))
			g.URL, g.Tenant = tc.url, tc.tenant
			if got, err := g.Token(t.Context()); err != nil || got.Value != "t" {
				t.Errorf("Token = %q, %v", got.Value, err)
			}
		})
	}
}

// abp is an AjaxResponse.
func abp(result string, success bool, fault string) string {
	return `{"result":` + result + `,"targetUrl":null,"success":` + map[bool]string{true: "true", false: "false"}[success] +
		`,"error":` + fault + `,"unAuthorizedRequest":false,"__abp":true}`
}

func TestLegacyLife(t *testing.T) {
	jwt := func(claims string) string {
		return "h." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".s"
	}
	for name, tc := range map[string]struct {
		token string
		want  time.Duration
	}{
		"opaque":                 {"opaque", 30 * time.Minute},
		"JWT":                    {jwt(`{"iat":1000,"exp":2200}`), 20 * time.Minute},
		"JWT that is long":       {jwt(`{"iat":1000,"exp":315360000}`), 24 * time.Hour},
		"JWT of a clock of 2099": {jwt(`{"iat":4070908800,"exp":4070912400}`), time.Hour},
		"JWT without iat":        {jwt(`{"exp":2200}`), 30 * time.Minute},
		"JWT that ends at once":  {jwt(`{"iat":1000,"exp":1000}`), 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				g := legacy(tripper(func(*http.Request) (*http.Response, error) {
					time.Sleep(3 * time.Second) // life counts from before
					return reply(200, abp(`"`+tc.token+`"`, true, `null`)), nil
				}))
				born := time.Now()
				got, err := g.Token(t.Context())
				if err != nil || got.Value != tc.token {
					t.Fatalf("Token = %q, %v", got.Value, err)
				}
				if life := lifeOf(got, born, time.Minute); life != tc.want {
					t.Errorf("it lives %s, want %s", life, tc.want)
				}
			})
		})
	}
}

// TestLegacyAnswers: what each answer means. Every body holds the secret, as a
// server that reflects it would.
func TestLegacyAnswers(t *testing.T) {
	fault := `{"code":0,"message":"` + canary + `","details":"` + canary + `","validationErrors":null}`
	business := func(code string) string {
		return `{"message":"Invalid username/email address or password. ` + canary + `","errorCode":` + code + `,"resourceIds":null}`
	}
	unauthorized := `{"message":"You are not authenticated!","errorCode":0,` + strings.TrimPrefix(abp("null", false, fault), "{")
	html := "<!DOCTYPE html><title>" + canary + "</title>"
	const refused, down = job.CredentialsRefused, job.IdentityUnavailable
	for name, tc := range map[string]struct {
		status  int
		body    string
		reason  job.Reason
		code    string
		retryIn time.Duration
	}{
		"wrong password":            {400, business("1000"), refused, "1000", 0},
		"wrong password, quoted":    {400, business(`"1000"`), refused, "1000", 0},
		"wrong password, 200":       {200, business("1000"), refused, "1000", 0},
		"another code":              {400, business("1002"), refused, "other", 0},
		"the secret as code":        {400, business(`"` + canary + `"`), refused, "other", 0},
		"a number as secret":        {400, business("73577357"), refused, "other", 0},
		"code 0":                    {400, business("0"), refused, "other", 0},
		"success false, 400":        {400, abp("null", false, fault), refused, "other", 0},
		"success false, 200":        {200, abp("null", false, fault), refused, "other", 0},
		"success false, with token": {200, abp(`"`+canary+`"`, false, fault), refused, "other", 0},
		"success false, 403":        {403, abp("null", false, fault), refused, "other", 0},
		"not authenticated":         {401, unauthorized, refused, "other", 0},
		"401 without a body":        {401, ``, refused, "", 0},
		"401 of a proxy":            {401, html, down, "no_endpoint", 0},
		"403 of a proxy":            {403, html, down, "no_endpoint", 0},
		"400 of a gateway":          {400, `{"message":"` + canary + `"}`, down, "", 0},
		"internal error":            {500, abp("null", false, fault), down, "other", 0},
		"database down, with code":  {503, business("1999"), down, "other", 40 * time.Second},
		"too many":                  {429, business("1000"), down, "1000", 40 * time.Second},
		"gone":                      {404, html, down, "no_endpoint", 0},
		"gone, in JSON":             {404, business("1002"), down, "no_endpoint", 0},
		"not allowed":               {405, ``, down, "no_endpoint", 0},
		"to the log-in page":        {302, ``, down, "no_endpoint", 0},
		"the log-in page":           {200, html, down, "no_endpoint", 0},
		"no result":                 {200, abp("null", true, "null"), down, "no_token", 0},
		"no result and code 0":      {200, `{"success":true,"errorCode":0}`, down, "no_token", 0},
		"result is an object":       {200, abp(`{"token":"`+canary+`"}`, true, "null"), down, "no_token", 0},
		"another server's token":    {200, `{"access_token":"` + canary + `"}`, down, "no_token", 0},
		"broken":                    {200, `{"result":"` + canary, down, "no_token", 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				calls := 0
				g := legacy(tripper(func(*http.Request) (*http.Response, error) {
					calls++
					return reply(tc.status, tc.body, "Retry-After", "40", "Location", "https://evil.example.com/"+canary), nil
				}))
				token, err := g.Token(t.Context())
				want := &Error{Reason: tc.reason, Status: tc.status, Code: tc.code}
				if tc.retryIn != 0 {
					want.RetryAt = time.Now().Add(tc.retryIn)
				}
				if diff := cmp.Diff(want, asError(t, err)); diff != "" || token != (Token{}) || calls != 1 {
					t.Errorf("%d calls, error (-want +got)\n%s", calls, diff)
				}
				wantNoSecret(t, err)
				wantNoSecret(t, g)
			})
		})
	}
}

// TestLegacyTolerance: answers that are not as documented and still bear a token.
func TestLegacyTolerance(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"bare":       `{"result":"t"}`,
		"code 0":     `{"result":"t","errorCode":0}`,
		"other case": `{"Result":"t","Success":true}`,
		"null code":  `{"result":"t","success":true,"errorCode":null}`,
	} {
		for _, contentType := range []string{"application/json", "text/plain; charset=utf-8", ""} {
			g := legacy(tripper(func(*http.Request) (*http.Response, error) { return reply(200, body, "Content-Type", contentType), nil }))
			if got, err := g.Token(t.Context()); err != nil || got.Value != "t" {
				t.Errorf("%s, %q: Token = %q, %v", name, contentType, got.Value, err)
			}
		}
	}
}

// FuzzLegacyAnswer gives the Orchestrator any word: a token comes only out of a
// good answer, and a failure keeps to known words and repeats nothing.
func FuzzLegacyAnswer(f *testing.F) {
	for _, status := range []int{0, 200, 204, 302, 400, 401, 403, 404, 429, 500} {
		f.Add(status, "application/json", "", abp(`"t"`, true, "null"))
		f.Add(status, "", "17", `{"errorCode":1000,"message":"`+canary+`"}`)
	}
	f.Add(200, "", "", `{"result":"t","errorCode":"`+canary+`"}`)
	f.Fuzz(func(t *testing.T, status int, contentType, retryAfter, body string) {
		g := legacy(tripper(func(*http.Request) (*http.Response, error) {
			return reply(status, body, "Content-Type", contentType, "Retry-After", retryAfter), nil
		}))
		sent := time.Now()
		token, err := g.Token(t.Context())
		if err != nil {
			e := asError(t, err)
			if e.Reason == job.CredentialsRefused && (status > 200 && status < 300 || status == 429) && !refusalCodes[e.Code] {
				t.Errorf("status %d and code %q condemn the credential", status, e.Code)
			}
			if e.Status != status || e.Code != "" && e.Code != codeNoEndpoint && e.Code != codeNoToken && listed(e.Code) != e.Code {
				t.Errorf("%+v, status %d", e, status)
			}
			wantNoSecret(t, err)
			return
		}
		life := lifeOf(token, sent, time.Hour)
		if token.Value == "" || status < 200 || status > 299 || !strings.Contains(body, "{") || life > maxLife || life < minLife {
			t.Errorf("a token of %d bytes, status %d, life %s", len(token.Value), status, life)
		}
	})
}
