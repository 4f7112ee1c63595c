package authpool

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

// wantNoSecret prints v in every way and looks for the canary.
func wantNoSecret(t *testing.T, v any) {
	t.Helper()
	var all []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		all = append(all, fmt.Sprintf(verb, v))
	}
	if b, err := json.Marshal(v); err == nil {
		all = append(all, string(b))
	}
	if err, ok := v.(error); ok {
		all = append(all, err.Error())
	}
	for _, s := range all {
		if strings.Contains(s, canary) || strings.Contains(s, fmt.Sprintf("%x", canary)) {
			t.Errorf("%T prints the secret: %s", v, s)
		}
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	bubble(t, func(t *testing.T) {
		events := &eventLog{}
		rt := tripper(func(*http.Request) (*http.Response, error) {
			return reply(200, `{"access_token":"`+canary+`","expires_in":60}`), nil
		})
		g := clientCredentials(rt)
		g.Transport = nil
		credential := Credential{Name: "a", Grant: clientCredentials(rt)}
		s := Settings{Connection: "acme", Credentials: []Credential{credential}, Observe: events.observe}
		p := New(s)
		l := mustLease(t, p)
		if l.Token() != canary {
			t.Fatalf("leased %q", l.Token())
		}
		s.Observe = nil
		for _, v := range []any{
			p, &p, l, &l, struct{ l Lease }{l}, struct{ p *Pool }{p}, struct{ Pool *Pool }{p}, []Lease{l}, map[string]Lease{"l": l},
			Token{Value: canary}, &Token{Value: canary}, struct{ T Token }{Token{Value: canary}},
			credential, &credential, struct{ c Credential }{credential}, g, *g, struct{ g ClientCredentials }{*g}, &Static{secret.Literal(canary)},
			Veeam{Password: secret.Literal(canary), newest: secret.Literal(canary), seed: secret.Literal(canary)},
			&ControlRoom{APIKey: secret.Literal(canary), passcodes: passcodes{last: secret.Literal(canary)}},
			s, p.State(), &Transport{Pool: p}, Transport{Pool: p},
		} {
			wantNoSecret(t, v)
		}
		p.Refuse(l)
		_, err := p.Lease(t.Context())
		wantNoSecret(t, err)
		wantNoSecret(t, *asError(t, err))
		wantNoSecret(t, p.State())
		for _, ev := range events.all {
			wantNoSecret(t, ev)
		}
	})
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	_, noFile := (&Static{Secret: secret.File("/nonexistent/secret")}).Token(t.Context())
	for name, tc := range map[string]struct {
		err  *Error
		want string
	}{
		"refused": {
			&Error{Credential: "a", Reason: job.CredentialsRefused, Code: "invalid_client", Status: 400},
			`authpool: credential "a": the credential is refused: invalid_client: status 400`,
		},
		"missing": {
			failureOf("a", fmt.Errorf("client secret: %w", secret.ErrMissing)),
			`authpool: credential "a": there is no secret to log in with: it is empty`,
		},
		"no file":     {failureOf("a", noFile), `authpool: credential "a": there is no secret to log in with: open /nonexistent/secret: no such file or directory`},
		"no endpoint": {&Error{Reason: job.IdentityUnavailable, Code: codeNoEndpoint, Status: 404}, "authpool: the identity server gives no token: what answers at that address gives no tokens: status 404"},
		"no token":    {&Error{Reason: job.IdentityUnavailable, Code: codeNoToken, Status: 200}, "authpool: the identity server gives no token: the answer has no token: status 200"},
		"no TOTP":     {&Error{Reason: job.CredentialsRefused, Code: codeTOTPMalformed}, "authpool: the TOTP secret cannot be used"},
		"passcode":    {&Error{Reason: job.IdentityUnavailable, Code: codePasscodeUsed}, "authpool: the identity server gives no token: the present passcode was used already, and the next one is due within its period"},
		"no name":     {&Error{Reason: job.TokenRefused, Status: 401}, "authpool: the API refuses a fresh token: status 401"},
		"bare":        {&Error{}, "authpool: the identity server gives no token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.err.Error(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	long := failureOf(strings.Repeat("n", 1e4), fmt.Errorf("%w: %s", secret.ErrMissing, strings.Repeat("x", 1e4)))
	if n := len(long.Error()); n > 1024 {
		t.Errorf("an error of %d bytes", n)
	}
}

func TestMalformedTokenOfAServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := New(Settings{Credentials: []Credential{{Name: "a", Grant: clientCredentials(tripper(func(*http.Request) (*http.Response, error) {
			return reply(200, `{"access_token":"`+canary+`\r\nX-Evil: 1","expires_in":60}`), nil
		}))}}})
		_, err := p.Lease(t.Context())
		e := asError(t, err)
		if e.Code != "token_malformed" || time.Until(e.RetryAt) != time.Second {
			t.Errorf("Lease = %v, retry at %s", err, e.RetryAt)
		}
		wantNoSecret(t, err)
	})
}
