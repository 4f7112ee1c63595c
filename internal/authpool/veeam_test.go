package authpool

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

func pair(n int) string {
	return fmt.Sprintf(`{"access_token":"a%d","token_type":"bearer","expires_in":899,"refresh_token":"r%d"}`, n, n)
}

func veeam(s *server) *Veeam {
	return &Veeam{URL: "https://vro.example.com:9898/", Username: `VDRO\svc`, Password: secret.Literal("p&" + canary), Transport: s}
}

func form(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return "POST /api/token " + values.Encode()
}

var byPassword = form("grant_type", "password", "username", `VDRO\svc`, "password", "p&"+canary)

func byRefresh(token string) string {
	return form("grant_type", "refresh_token", "refresh_token", token)
}

func TestVeeamLogsIn(t *testing.T) {
	for name, tc := range map[string]struct {
		set  func(*Veeam)
		want string
	}{
		"password":           {func(*Veeam) {}, byPassword},
		"client credentials": {func(v *Veeam) { v.ClientID, v.ClientSecret = "c 1", secret.Literal(canary) }, form("grant_type", "client_credentials", "client_id", "c 1", "client_secret", canary)},
		"refresh token":      {func(v *Veeam) { v.RefreshToken = secret.Literal(canary) }, byRefresh(canary)},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := &server{answers: []canned{{200, pair(1)}}}
				v := veeam(s)
				tc.set(v)
				got, err := v.Token(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if got != (Token{Value: "a1", Refresh: "r1", Expiry: time.Now().Add(899 * time.Second)}) {
					t.Errorf("token %q with %q until %s", got.Value, got.Refresh, got.Expiry)
				}
				s.want(t, tc.want)
				if ct := s.headers[0].Get("Content-Type"); ct != "application/x-www-form-urlencoded" {
					t.Errorf("content type %q", ct)
				}
				if !strings.Contains(byPassword, `VDRO%5Csvc`) {
					t.Error("the backslash is not escaped")
				}
			})
		})
	}
}

func TestVeeamTokenWithoutALife(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{answers: []canned{{200, `{"access_token":"a"}`}}}
		got, err := veeam(s).Token(t.Context())
		if err != nil || time.Until(got.Expiry) != 15*time.Minute || got.Refresh != "" {
			t.Errorf("token %q, %q for %s, %v", got.Value, got.Refresh, time.Until(got.Expiry), err)
		}
	})
}

// TestVeeamAnswers: what each answer to a log-in means. Every body holds the secret.
func TestVeeamAnswers(t *testing.T) {
	const refused, down = job.CredentialsRefused, job.IdentityUnavailable
	for name, tc := range map[string]struct {
		status int
		body   string
		reason job.Reason
		code   string
	}{
		"invalid_grant":          {400, `{"error":"invalid_grant","error_description":"` + canary + `"}`, refused, "invalid_grant"},
		"unsupported_grant_type": {400, `{"error":"unsupported_grant_type"}`, refused, "unsupported_grant_type"},
		"unauthorized_client":    {400, `{"error":"unauthorized_client"}`, refused, "unauthorized_client"},
		"400 in other words":     {400, `{"message":"` + canary + `"}`, refused, "other"},
		"400, Message":           {400, `{"Message":"` + canary + `"}`, refused, "other"},
		"403, problem":           {403, `{"title":"Forbidden","detail":"` + canary + `"}`, refused, "other"},
		"401, message":           {401, `{"message":"Authorization has been denied for this request."}`, refused, "other"},
		"401, bare":              {401, ``, refused, ""},
		"401 of a proxy":         {401, `<html>` + canary, down, "no_endpoint"},
		"400, bare":              {400, canary, down, ""},
		"404":                    {404, `{"Message":"No HTTP resource was found"}`, down, "no_endpoint"},
		"405":                    {405, `{"Message":"` + canary + `"}`, down, "no_endpoint"},
		"415":                    {415, `{"Message":"` + canary + `"}`, down, "other"},
		"500":                    {500, `{"message":"` + canary + `"}`, down, "other"},
		"503, HTML":              {503, `<html>`, down, ""},
		"200, HTML":              {200, `<html>` + canary, down, "no_endpoint"},
		"200, nothing":           {200, `{}`, down, "no_token"},
		"mfa, throttled":         {429, `{"mfa_token":"` + canary + `"}`, down, ""},
		"mfa, unavailable":       {503, `{"mfa_token":"` + canary + `"}`, down, ""},
		"mfa, no TOTP secret":    {200, `{"mfa_token":"` + canary + `"}`, refused, "mfa_required"},
		"mfa, 401":               {401, `{"error":"mfa_required","mfaToken":"` + canary + `"}`, refused, "mfa_required"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{answers: []canned{{tc.status, tc.body}}}
			_, err := veeam(s).Token(t.Context())
			if diff := cmp.Diff(&Error{Reason: tc.reason, Status: tc.status, Code: tc.code}, asError(t, err)); diff != "" {
				t.Errorf("error (-want +got)\n%s", diff)
			}
			s.want(t, byPassword)
			wantNoSecret(t, err)
		})
	}
}

func TestVeeamSecondFactor(t *testing.T) {
	for name, challenge := range map[string]canned{
		"200":           {200, `{"mfa_token":"m1","expires_in":60}`},
		"other name":    {200, `{"mfaToken":"m1"}`},
		"401, an error": {401, `{"error":"mfa_required","mfa_token":"m1"}`},
		"400":           {400, `{"message":"code wanted","mfa_token":"m1","access_token":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				time.Sleep(5 * time.Second)
				s := &server{answers: []canned{challenge, {200, pair(1)}}}
				v := veeam(s)
				v.TOTPSecret = secret.Literal(rfcSecret)
				got, err := v.Token(t.Context())
				if err != nil || got.Value != "a1" || got.Refresh != "r1" {
					t.Fatalf("token %q, %q, %v", got.Value, got.Refresh, err)
				}
				shared, _ := readTOTP(v.TOTPSecret)
				code, _, _ := shared.passcode(time.Now())
				s.want(t, byPassword, form("grant_type", "mfa", "mfa_token", "m1", "mfa_passcode", code))
			})
		})
	}
}

// TestVeeamRefusedPasscode: the next log-in waits for the next passcode.
func TestVeeamRefusedPasscode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		time.Sleep(5 * time.Second)
		challenge := `{"mfa_token":"m1"}`
		s := &server{answers: []canned{{200, challenge}, {400, `{"error":"invalid_grant"}`}, {200, challenge}, {200, pair(2)}}}
		v := veeam(s)
		v.TOTPSecret = secret.Literal(rfcSecret)
		_, err := v.Token(t.Context())
		want := &Error{Reason: job.CredentialsRefused, Status: 400, Code: "invalid_grant", RetryAt: time.Now().Add(25 * time.Second)}
		if diff := cmp.Diff(want, asError(t, err)); diff != "" {
			t.Errorf("error (-want +got)\n%s", diff)
		}
		begun := time.Now()
		if got, err := v.Token(t.Context()); err != nil || got.Value != "a2" || time.Since(begun) != 25*time.Second {
			t.Errorf("token %q after %s, %v", got.Value, time.Since(begun), err)
		}
		if s.asked[1] == s.asked[3] {
			t.Errorf("the passcode was sent twice: %s", s.asked[3])
		}
	})
}

func TestVeeamLogsOut(t *testing.T) {
	t.Parallel()
	s := &server{answers: []canned{{204, ""}, {401, ""}, {500, canary}}}
	v := veeam(s)
	for _, status := range []int{0, 401, 500} {
		err := v.Logout(t.Context(), Token{Value: canary})
		if status == 0 && err != nil || status != 0 && asError(t, err).Status != status {
			t.Errorf("Logout = %v, want status %d", err, status)
		}
		wantNoSecret(t, err)
	}
	s.want(t, slices.Repeat([]string{"DELETE /api/token"}, 3)...)
	if got := s.headers[0].Get("Authorization"); got != "Bearer "+canary {
		t.Error("the header does not bear the token")
	}
}

func TestMissingSecretsAskNobody(t *testing.T) {
	t.Parallel()
	none := secret.File(filepath.Join(t.TempDir(), "none"))
	s := &server{}
	for name, g := range map[string]Grant{
		"password":      &Veeam{Password: none, Transport: s},
		"client secret": &Veeam{ClientID: "c", ClientSecret: none, Transport: s},
		"refresh token": &Veeam{RefreshToken: none, Transport: s},
		"api key":       &ControlRoom{APIKey: none, Transport: s},
		"password, AA":  &ControlRoom{Password: none, Transport: s},
		"TOTP secret":   &ControlRoom{Generation: "e11", Password: secret.Literal(canary), TOTPSecret: none, Transport: s},
	} {
		if _, err := g.Token(t.Context()); !errors.Is(err, secret.ErrMissing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.want(t)
}
