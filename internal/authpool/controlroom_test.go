package authpool

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

func controlRoom(s *server, generation string) *ControlRoom {
	return &ControlRoom{URL: "https://cr.example.com/", Generation: generation, Username: `ACME\bot`, Password: secret.Literal(canary), Transport: s}
}

func tokenAnswer(value string) canned {
	return canned{200, fmt.Sprintf(`{"token":%q,"user":{"id":9,"email":"b@example.com","permissions":[],"roles":[{"name":"bot","id":2}],"deleted":false}}`, value)}
}

func TestControlRoomLogsIn(t *testing.T) {
	for name, tc := range map[string]struct {
		generation string
		set        func(*ControlRoom)
		path       string
		want       map[string]any
	}{
		"e11, password":  {"e11", func(*ControlRoom) {}, "/v1/authentication", map[string]any{"password": canary}},
		"e11, key":       {"e11", func(c *ControlRoom) { c.APIKey = secret.Literal(`a\b"c<`) }, "/v1/authentication", map[string]any{"apiKey": `a\b"c<`}},
		"e11, passcode":  {"e11", func(c *ControlRoom) { c.TOTPSecret = secret.Literal(rfcSecret) }, "/v1/authentication", map[string]any{"password": canary, "mfaCode": 81804.0}},
		"e11, multiple":  {"e11", func(c *ControlRoom) { c.MultipleLogin = true }, "/v1/authentication", map[string]any{"password": canary}},
		"a360, password": {"a360", func(*ControlRoom) {}, "/v2/authentication", map[string]any{"password": canary}},
		"a360, key":      {"a360", func(c *ControlRoom) { c.APIKey, c.MultipleLogin = secret.Literal("k"), true }, "/v2/authentication", map[string]any{"apiKey": "k"}},
		"a360, multiple": {"a360", func(c *ControlRoom) { c.MultipleLogin = true }, "/v2/authentication", map[string]any{"password": canary, "multipleLogin": true}},
		"a360, passcode": {"a360", func(c *ControlRoom) { c.TOTPSecret = secret.Literal(rfcSecret) }, "/v2/authentication", map[string]any{"password": canary}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Unix(1111111109, 0))) // when the passcode is 081804
				s := &server{answers: []canned{tokenAnswer("t")}}
				c := controlRoom(s, tc.generation)
				tc.set(c)
				got, err := c.Token(t.Context())
				if err != nil || got != (Token{Value: "t", Expiry: time.Now().Add(20 * time.Minute), Guessed: true}) {
					t.Fatalf("token %q until %s, %v", got.Value, got.Expiry, err)
				}
				path, body, _ := strings.Cut(strings.TrimPrefix(s.asked[0], "POST "), " ")
				var fields map[string]any
				if err := json.Unmarshal([]byte(body), &fields); err != nil {
					t.Fatal(err)
				}
				tc.want["username"] = `ACME\bot`
				if diff := cmp.Diff(tc.want, fields); path != tc.path || diff != "" {
					t.Errorf("%s with (-want +got)\n%s", path, diff)
				}
				if ct := s.headers[0].Get("Content-Type"); ct != "application/json" || s.headers[0].Get("X-Authorization") != "" {
					t.Errorf("headers %v", s.headers[0])
				}
			})
		})
	}
}

func TestControlRoomTokenLife(t *testing.T) {
	for name, tc := range map[string]struct {
		token string
		want  time.Duration
	}{
		"exp less iat":    {jwt(`{"sub":"9","iat":1559302900,"exp":1559304100,"iss":"AutomationAnywhere"}`), 20 * time.Minute},
		"a short one":     {jwt(`{"iat":1559302900,"exp":1559302990}`), 90 * time.Second},
		"another clock":   {jwt(`{"iat":4102444800,"exp":4102448400}`), time.Hour},
		"no exp":          {jwt(`{"iat":1559302900}`), 20 * time.Minute},
		"no JWT":          {"opaque", 20 * time.Minute},
		"a broken one":    {"a.b.c", 20 * time.Minute},
		"of 10,000 bytes": {jwt(`{"iat":1,"exp":61,"x":"` + strings.Repeat("x", 1e4) + `"}`), time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := &server{answers: []canned{tokenAnswer(tc.token)}}
				sent := time.Now()
				got, err := controlRoom(s, "a360").Token(t.Context())
				// Here in the way of the pool, whose default plays no part.
				if err != nil || got.Value != tc.token || lifeOf(got, sent, time.Nanosecond) != tc.want {
					t.Errorf("%s, %v; want %s", lifeOf(got, sent, time.Nanosecond), err, tc.want)
				}
			})
		})
	}
}

// TestControlRoomAnswers: what each answer to a log-in means. Every body holds the secret.
func TestControlRoomAnswers(t *testing.T) {
	envelope := func(code string) string {
		return fmt.Sprintf(`{"code":%q,"details":null,"message":"no %s"}`, code, canary)
	}
	const refused, down = job.CredentialsRefused, job.IdentityUnavailable
	for name, tc := range map[string]struct {
		status int
		body   string
		reason job.Reason
		code   string
	}{
		"400, a code from memory":   {400, envelope("UM1110"), refused, "UM1110"},
		"401, a code from memory":   {401, envelope("UM1111"), refused, "UM1111"},
		"400, any code":             {400, envelope("UM9999"), refused, "other"},
		"401, any code":             {401, envelope(canary), refused, "other"},
		"403, any code":             {403, envelope(canary), refused, "other"},
		"400, no code":              {400, `{"code":null,"details":["` + canary + `"],"message":"` + canary + `"}`, refused, "other"},
		"401, bare":                 {401, ``, refused, ""},
		"403, bare":                 {403, ``, down, ""},
		"403 of a gateway":          {403, `<html>` + canary, down, "no_endpoint"},
		"404, the other generation": {404, envelope("not.found"), down, "no_endpoint"},
		"405":                       {405, ``, down, "no_endpoint"},
		"200, HTML":                 {200, `<!DOCTYPE html>` + canary, down, "no_endpoint"},
		"200, another name":         {200, `{"access_token":"` + canary + `"}`, down, "no_token"},
		"302":                       {302, ``, down, "no_endpoint"},
		"429":                       {429, envelope("x"), down, "other"},
		"500, maybe the request":    {500, envelope("generic.server.exception"), down, "generic.server.exception"},
		"500":                       {500, canary, down, ""},
		"502, HTML":                 {502, `<html>`, down, ""},
	} {
		for _, generation := range []string{"e11", "a360"} {
			t.Run(generation+", "+name, func(t *testing.T) {
				t.Parallel()
				s := &server{answers: []canned{{tc.status, tc.body}}}
				_, err := controlRoom(s, generation).Token(t.Context())
				if diff := cmp.Diff(&Error{Reason: tc.reason, Status: tc.status, Code: tc.code}, asError(t, err)); diff != "" {
					t.Errorf("error (-want +got)\n%s", diff)
				}
				if len(s.asked) != 1 {
					t.Errorf("%d requests", len(s.asked))
				}
				wantNoSecret(t, err)
			})
		}
	}
}

func TestControlRoomSpendsAPasscode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		time.Sleep(10 * time.Second)
		s := &server{answers: []canned{{503, ""}, tokenAnswer(jwt(`{"iat":1,"exp":11}`))}}
		c := controlRoom(s, "e11")
		c.TOTPSecret = secret.Literal(rfcSecret)
		_, err := c.Token(t.Context())
		if e := asError(t, err); time.Until(e.RetryAt) != 20*time.Second || e.Status != 503 {
			t.Errorf("%v, again in %s", err, time.Until(e.RetryAt))
		}
		begun := time.Now()
		token, err := c.Token(t.Context())
		if err != nil || time.Since(begun) != 20*time.Second || s.asked[0] == s.asked[1] {
			t.Errorf("after %s, %v: %q", time.Since(begun), err, s.asked)
		}
		if left := time.Until(token.Expiry); left != 10*time.Second { // the wait is none of its life
			t.Errorf("%s are left of a token of 10 s", left)
		}
	})
}

func TestControlRoomRenews(t *testing.T) {
	for generation, version := range map[string]string{"e11": "v1", "a360": "v2"} {
		t.Run(generation, func(t *testing.T) {
			t.Parallel()
			s := &server{answers: []canned{tokenAnswer("t2")}}
			c := controlRoom(s, generation)
			got, err := c.Renew(t.Context(), Token{Value: "t1"})
			if err != nil || got.Value != "t2" {
				t.Errorf("Renew = %q, %v", got.Value, err)
			}
			path := "POST /" + version + "/authentication/token "
			s.want(t, path+`{"token":"t1"}`)
		})
	}
}

func TestControlRoomLogsOut(t *testing.T) {
	for _, generation := range []string{"e11", "a360"} {
		t.Run(generation, func(t *testing.T) {
			t.Parallel()
			s := &server{answers: []canned{{204, ""}, {401, ""}, {500, canary}}}
			c := controlRoom(s, generation)
			for _, status := range []int{0, 401, 500} {
				err := c.Logout(t.Context(), Token{Value: canary})
				if status == 0 && err != nil || status != 0 && asError(t, err).Status != status {
					t.Errorf("Logout = %v, want status %d", err, status)
				}
				wantNoSecret(t, err)
			}
			s.want(t, slices.Repeat([]string{"POST /v1/authentication/logout"}, 3)...)
			if s.headers[0].Get("X-Authorization") != canary || s.headers[0].Get("Authorization") != "" {
				t.Error("X-Authorization does not bear the token")
			}
		})
	}
}

func TestControlRoomValidates(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		valid  bool
		code   string // of the error; "-": none
	}{
		"valid":       {200, `{"valid":true}`, true, "-"},
		"not valid":   {200, `{"valid":false}`, false, "-"},
		"no verdict":  {200, `{}`, false, "no_endpoint"},
		"HTML":        {200, `<html>` + canary, false, "no_endpoint"},
		"unavailable": {503, canary, false, ""},
		"401":         {401, `{"code":"UM1117","message":"` + canary + `"}`, false, "UM1117"},
		"no answer":   {0, "", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{}
			if tc.status != 0 {
				s.answers = append(s.answers, canned{tc.status, tc.body})
			}
			valid, err := controlRoom(s, "a360").Validate(t.Context(), Token{Value: canary + "+/=&"})
			if valid != tc.valid || (err == nil) != (tc.code == "-") {
				t.Fatalf("Validate = %v, %v", valid, err)
			}
			if err != nil {
				if e := asError(t, err); e.Code != tc.code || e.Status != tc.status {
					t.Errorf("error %+v", e)
				}
				wantNoSecret(t, err)
			}
			s.want(t, "GET /v1/authentication/token?token="+canary+"%2B%2F%3D%26")
		})
	}
}

// FuzzProductAnswers gives each product's log-in any answer: a token comes only out
// of a good one, and a failure keeps to known words.
func FuzzProductAnswers(f *testing.F) {
	for _, status := range []int{200, 204, 302, 400, 401, 403, 404, 429, 500} {
		f.Add(status, `{"token":"t","access_token":"t","refresh_token":"r","expires_in":899}`)
		f.Add(status, `{"code":"UM1110","details":null,"message":"`+canary+`"}`)
		f.Add(status, `{"error":"`+canary+`","mfa_token":"`+canary+`","mfaToken":1,"Message":[]}`)
		f.Add(status, `<html>`)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		s := &server{answers: []canned{{status, body}, {status, body}, {status, body}, {status, body}}}
		for _, g := range []Grant{veeam(s), controlRoom(s, "e11")} {
			sent := time.Now()
			token, err := g.Token(t.Context())
			if e, ok := errors.AsType[*Error](err); ok && e.Code == codeMFARequired && status < 500 && status != 429 {
				wantNoSecret(t, err)
			} else if err != nil {
				checkFailure(t, err, sent, status)
			} else if token.Value == "" || status < 200 || status > 299 || token.Expiry.IsZero() && jwtLife(token.Value) == 0 {
				t.Errorf("a token of %d bytes until %s, status %d", len(token.Value), token.Expiry, status)
			}
			if _, err := g.(Renewal).Renew(t.Context(), Token{Value: "a", Refresh: "b"}); err != nil && asError(t, err).Status != 0 {
				wantNoSecret(t, err)
			}
		}
	})
}
