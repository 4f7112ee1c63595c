package authpool

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

// oddID and oddSecret are what tells RFC 6749's encoding of Basic from that of
// others: both sides are encoded as in a form before they are joined by a colon.
const (
	oddID     = "app:1 ü"
	oddSecret = "a%b+c d&=:/" + canary
)

// sentForm is a request as an OAuth server reads it.
type sentForm struct {
	URL, ID, Secret string // of Basic, decoded
	Form            url.Values
}

// recorder answers every request with body and keeps what was sent.
func recorder(t *testing.T, sent *[]sentForm, status int, body string) tripper {
	return func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != formType {
			t.Errorf("%s with %v", r.Method, r.Header)
		}
		got := sentForm{URL: r.URL.String()}
		raw, err := io.ReadAll(r.Body)
		if err == nil {
			got.Form, err = url.ParseQuery(string(raw))
		}
		if id, password, ok := r.BasicAuth(); ok {
			got.ID, got.Secret = unescape(t, id), unescape(t, password)
		} else if r.Header.Get("Authorization") != "" {
			t.Error("Authorization is not Basic")
		}
		if err != nil {
			t.Error(err)
		}
		*sent = append(*sent, got)
		return reply(status, body), nil
	}
}

func unescape(t *testing.T, s string) string {
	t.Helper()
	plain, err := url.QueryUnescape(s)
	if err != nil {
		t.Errorf("%q is not encoded: %v", s, err)
	}
	return plain
}

// TestOAuthRequests: what is sent to log in and to log out, in both ways to send
// id and secret.
func TestOAuthRequests(t *testing.T) {
	t.Parallel()
	const tokenURL, revocationURL = "https://id.example.com/token", "https://id.example.com/revoke"
	machine := ClientCredentials{
		TokenURL: tokenURL, ClientID: oddID, ClientSecret: secret.Literal(oddSecret), Scopes: []string{"OR.Queues", "OR.Jobs"}, RevocationURL: revocationURL,
	}
	person := Password{
		TokenURL: tokenURL, ClientID: oddID, ClientSecret: secret.Literal(oddSecret), Username: `ACME\josé`, Password: secret.Literal(oddSecret + "2"),
		Scopes: []string{"OR.Queues"}, RevocationURL: revocationURL,
	}
	machineForm := url.Values{"grant_type": {"client_credentials"}, "scope": {"OR.Queues OR.Jobs"}}
	personForm := url.Values{"grant_type": {"password"}, "username": {`ACME\josé`}, "password": {oddSecret + "2"}, "scope": {"OR.Queues"}}
	accessForm := url.Values{"token": {"t"}, "token_type_hint": {"access_token"}}
	refreshForm := url.Values{"token": {"r"}, "token_type_hint": {"refresh_token"}}
	type grant interface {
		Grant
		Logout
	}
	for name, tc := range map[string]struct {
		grant func(http.RoundTripper) grant
		login url.Values
		basic bool
		id    url.Values // in the form
	}{
		"client_credentials, form":  {func(rt http.RoundTripper) grant { g := machine; g.Transport = rt; return &g }, machineForm, false, url.Values{"client_id": {oddID}, "client_secret": {oddSecret}}},
		"client_credentials, basic": {func(rt http.RoundTripper) grant { g := machine; g.Transport, g.Basic = rt, true; return &g }, machineForm, true, nil},
		"password, form":            {func(rt http.RoundTripper) grant { g := person; g.Transport = rt; return &g }, personForm, false, url.Values{"client_id": {oddID}, "client_secret": {oddSecret}}},
		"password, basic":           {func(rt http.RoundTripper) grant { g := person; g.Transport, g.Basic = rt, true; return &g }, personForm, true, nil},
		"password, public client": {func(rt http.RoundTripper) grant {
			g := person
			g.Transport, g.Basic, g.ClientSecret = rt, true, secret.Source{}
			return &g
		}, personForm, false, url.Values{"client_id": {oddID}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent []sentForm
			g := tc.grant(recorder(t, &sent, 200, `{"access_token":"t","refresh_token":"r","expires_in":3600}`))
			token, err := g.Token(t.Context())
			if err != nil || token.Value != "t" || token.Refresh != "r" {
				t.Fatalf("Token = %q, %q, %v", token.Value, token.Refresh, err)
			}
			if err := g.Logout(t.Context(), token); err != nil {
				t.Errorf("Logout = %v", err)
			}
			var want []sentForm
			for _, c := range []sentForm{{URL: tokenURL, Form: tc.login}, {URL: revocationURL, Form: refreshForm}, {URL: revocationURL, Form: accessForm}} {
				c.Form = merged(c.Form, tc.id)
				if tc.basic {
					c.ID, c.Secret = oddID, oddSecret
				}
				want = append(want, c)
			}
			if diff := cmp.Diff(want, sent); diff != "" {
				t.Errorf("requests (-want +got)\n%s", diff)
			}
		})
	}
}

func merged(all ...url.Values) url.Values {
	sum := url.Values{}
	for _, values := range all {
		maps.Copy(sum, values)
	}
	return sum
}

// TestPasswordRefused: the answer of the password grant is that of OAuth, and
// nothing of it is repeated.
func TestPasswordRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		body   string
		want   Error
	}{
		"wrong password": {400, `{"error":"invalid_grant","error_description":"` + canary + `"}`, Error{Reason: job.CredentialsRefused, Status: 400, Code: "invalid_grant"}},
		"second factor":  {400, `{"error":"mfa_required"}`, Error{Reason: job.CredentialsRefused, Status: 400, Code: "mfa_required"}},
		"down":           {502, canary, Error{Reason: job.IdentityUnavailable, Status: 502}},
		"both at once":   {200, `{"access_token":"` + canary + `","error":"` + canary + `"}`, Error{Reason: job.IdentityUnavailable, Status: 200, Code: "other"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent []sentForm
			g := &Password{TokenURL: "https://id.example.com/token", Username: "u", Password: secret.Literal(canary), Transport: recorder(t, &sent, tc.status, tc.body)}
			token, err := g.Token(t.Context())
			if diff := cmp.Diff(&tc.want, asError(t, err)); diff != "" || token != (Token{}) {
				t.Errorf("error (-want +got)\n%s", diff)
			}
			if len(sent) != 1 {
				t.Errorf("%d requests, want 1", len(sent))
			}
			wantNoSecret(t, err)
			wantNoSecret(t, g)
			wantNoSecret(t, *g)
		})
	}
}

// TestMissingSecrets: without every secret nobody is asked, at log-out neither.
func TestMissingSecrets(t *testing.T) {
	t.Parallel()
	none, some := secret.File(t.TempDir()+"/none"), secret.Literal(canary)
	rt := tripper(func(*http.Request) (*http.Response, error) {
		t.Error("the server was asked")
		return reply(500, ""), nil
	})
	const revoke = "https://id.example.com/revoke"
	for name, ask := range map[string]func(context.Context) (Token, error){
		"client secret":  (&ClientCredentials{ClientSecret: none, Transport: rt}).Token,
		"unset":          (&ClientCredentials{Transport: rt}).Token,
		"password":       (&Password{Password: none, Transport: rt}).Token,
		"its client":     (&Password{Password: some, ClientSecret: none, Transport: rt}).Token,
		"uipath_legacy":  (&UiPathLegacy{Password: none, Transport: rt}).Token,
		"at the log-out": loggedOut(&ClientCredentials{ClientSecret: none, RevocationURL: revoke, Transport: rt}),
		"of a password":  loggedOut(&Password{Password: some, ClientSecret: none, RevocationURL: revoke, Transport: rt}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ask(t.Context()); !errors.Is(err, secret.ErrMissing) {
				t.Errorf("error %v", err)
			}
		})
	}
	if err := (&Password{Transport: rt}).Logout(t.Context(), Token{Value: "t"}); err != nil {
		t.Errorf("without an address: %v", err)
	}
}

func loggedOut(g Logout) func(context.Context) (Token, error) {
	return func(ctx context.Context) (Token, error) { return Token{}, g.Logout(ctx, Token{Value: "t"}) }
}

// TestRevocationFails: what fails for one token is still tried for the other, and
// told.
func TestRevocationFails(t *testing.T) {
	t.Parallel()
	for _, fails := range []string{"refresh_token", "access_token"} {
		t.Run(fails, func(t *testing.T) {
			t.Parallel()
			var asked []string
			g := clientCredentials(tripper(func(r *http.Request) (*http.Response, error) {
				hint := r.FormValue("token_type_hint")
				asked = append(asked, hint)
				if hint == fails {
					return reply(400, `{"error":"`+canary+`"}`), nil
				}
				return reply(200, canary), nil
			}))
			g.RevocationURL = "https://id.example.com/revoke"
			err := g.Logout(t.Context(), Token{Value: canary, Refresh: canary})
			if e := asError(t, err); e.Status != 400 || e.Code != "other" {
				t.Errorf("Logout = %v", err)
			}
			if diff := cmp.Diff([]string{"refresh_token", "access_token"}, asked); diff != "" {
				t.Errorf("asked (-want +got)\n%s", diff)
			}
			wantNoSecret(t, err)
		})
	}
}

// TestTokenBesideAnError: an answer with both gives no token, also where x/oauth2
// does not judge it.
func TestTokenBesideAnError(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]Error{
		`{"access_token":"t","error":"` + canary + `"}`:      {Reason: job.IdentityUnavailable, Status: 200, Code: "other"},
		`{"access_token":"t","error":"unauthorized_client"}`: {Reason: job.CredentialsRefused, Status: 200, Code: "unauthorized_client"},
	} {
		got := &answer{dialect: oauthDialect, base: tripper(func(*http.Request) (*http.Response, error) { return reply(200, body), nil })}
		token, err := got.ask(t.Context(), "https://id.example.com", contentType(formType), "")
		if diff := cmp.Diff(&want, asError(t, err)); diff != "" || token != (Token{}) {
			t.Errorf("%s: error (-want +got)\n%s", body, diff)
		}
	}
}

// TestAnswersBehindAByteOrderMark: RFC 8259, section 8.1, lets it be ignored, and
// some servers begin with one what they write as UTF-8.
func TestAnswersBehindAByteOrderMark(t *testing.T) {
	t.Parallel()
	const mark = "\ufeff"
	for name, tc := range map[string]struct {
		body  string
		grant func(*server) Grant
	}{
		"oauth": {`{"access_token":"t"}`, func(s *server) Grant {
			return &ClientCredentials{TokenURL: "https://id", ClientSecret: secret.Literal("s"), Transport: s}
		}},
		"legacy":       {abp(`"t"`, true, `null`), func(s *server) Grant { return legacy(s) }},
		"veeam":        {`{"access_token":"t"}`, func(s *server) Grant { return veeam(s) }},
		"control room": {`{"token":"t"}`, func(s *server) Grant { return controlRoom(s, "a360") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := tc.grant(&server{answers: []canned{{200, mark + tc.body}}}).Token(t.Context()); err != nil || got.Value != "t" {
				t.Errorf("token %q, %v", got.Value, err)
			}
			page := &server{answers: []canned{{401, mark + "<html>"}}}
			if _, err := tc.grant(page).Token(t.Context()); asError(t, err).Code != codeNoEndpoint {
				t.Errorf("a page: %v", err)
			}
		})
	}
}
