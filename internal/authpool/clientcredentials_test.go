package authpool

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/secret"
)

const canary = "s3cr3t-canary"

func clientCredentials(rt http.RoundTripper) *ClientCredentials {
	return &ClientCredentials{
		TokenURL:     "https://id.example.com/acme/identity_/connect/token",
		ClientID:     "5f0c",
		ClientSecret: secret.Literal(canary),
		Scopes:       []string{"OR.Queues", "OR.Jobs"},
		Transport:    rt,
	}
}

func TestClientCredentialsRequest(t *testing.T) {
	t.Parallel()
	var form url.Values
	g := clientCredentials(tripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodPost || r.Header.Get("Authorization") != "" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			t.Errorf("%s with %v", r.Method, r.Header)
		}
		body, _ := io.ReadAll(r.Body)
		form, _ = url.ParseQuery(string(body))
		return reply(200, `{"access_token":"t","expires_in":3600,"token_type":"bearer","scope":"OR.Queues"}`), nil
	}))
	got, err := g.Token(t.Context())
	if err != nil || got.Value != "t" {
		t.Fatalf("Token = %q, %v", got.Value, err)
	}
	want := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"5f0c"}, "client_secret": {canary}, "scope": {"OR.Queues OR.Jobs"},
	}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Errorf("form (-want +got)\n%s", diff)
	}
}

func TestClientCredentialsLife(t *testing.T) {
	for name, tc := range map[string]struct {
		expires, contentType string
		want                 time.Duration // 0: unknown
	}{
		"number":            {`,"expires_in":899`, "application/json", 899 * time.Second},
		"quoted":            {`,"expires_in":"899"`, "application/json", 899 * time.Second},
		"fraction":          {`,"expires_in":899.5`, "application/json", 899500 * time.Millisecond},
		"missing":           {``, "application/json", 0},
		"null":              {`,"expires_in":null`, "application/json", 0},
		"nonsense":          {`,"expires_in":{"s":1}`, "application/json", 0},
		"ten years":         {`,"expires_in":315360000`, "application/json", 24 * time.Hour},
		"called plain text": {`,"expires_in":899`, "text/plain; charset=utf-8", 899 * time.Second},
		"called nothing":    {`,"expires_in":899`, "", 899 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				g := clientCredentials(tripper(func(*http.Request) (*http.Response, error) {
					time.Sleep(3 * time.Second) // life counts from before
					return reply(200, `{"access_token":"t"`+tc.expires+`}`, "Content-Type", tc.contentType), nil
				}))
				sent := time.Now()
				got, err := g.Token(t.Context())
				if err != nil || got.Value != "t" {
					t.Fatalf("Token = %q, %v", got.Value, err)
				}
				if tc.want == 0 && !got.Expiry.IsZero() || tc.want != 0 && got.Expiry.Sub(sent) != tc.want {
					t.Errorf("expiry %s, want %s from %s", got.Expiry, tc.want, sent)
				}
			})
		})
	}
}

// TestAnswers: what each answer of an identity server means. Every body holds
// the secret, as a server that reflects it would.
func TestAnswers(t *testing.T) {
	envelope := func(code string) string {
		return fmt.Sprintf(`{"error":%q,"error_description":"bad secret %s","error_uri":"https://x/%s"}`, code, canary, canary)
	}
	html := "<html><body>" + canary + "</body></html>"
	const refused, down = job.CredentialsRefused, job.IdentityUnavailable
	for name, tc := range map[string]struct {
		status  int
		body    string
		header  []string
		reason  job.Reason
		code    string
		retryIn time.Duration
	}{
		"invalid_client, 400":             {400, envelope("invalid_client"), nil, refused, "invalid_client", 0},
		"invalid_client, 401":             {401, envelope("invalid_client"), nil, refused, "invalid_client", 0},
		"invalid_client, 403":             {403, envelope("invalid_client"), nil, refused, "invalid_client", 0},
		"invalid_client, 200":             {200, envelope("invalid_client"), nil, refused, "invalid_client", 0},
		"unauthorized_client":             {400, envelope("unauthorized_client"), nil, refused, "unauthorized_client", 0},
		"invalid_scope":                   {400, envelope("invalid_scope"), nil, refused, "invalid_scope", 0},
		"invalid_grant":                   {400, envelope("invalid_grant"), nil, refused, "invalid_grant", 0},
		"unsupported_grant_type":          {400, envelope("unsupported_grant_type"), nil, refused, "unsupported_grant_type", 0},
		"invalid_request":                 {400, envelope("invalid_request"), nil, refused, "invalid_request", 0},
		"the secret as code":              {400, envelope(canary), nil, refused, "other", 0},
		"envelope called text":            {400, envelope("invalid_client"), []string{"Content-Type", "text/plain"}, refused, "invalid_client", 0},
		"401 without a body":              {401, ``, nil, refused, "", 0},
		"401 with other JSON":             {401, `{"message":"` + canary + `"}`, nil, refused, "", 0},
		"401 of a proxy":                  {401, html, []string{"Content-Type", "text/html"}, down, "no_endpoint", 0},
		"400 without an envelope":         {400, canary, nil, down, "", 0},
		"400, error is an object":         {400, `{"error":{"message":"` + canary + `"}}`, nil, down, "", 0},
		"server_error, 400":               {400, envelope("server_error"), nil, down, "server_error", 0},
		"temporarily_unavailable":         {400, envelope("temporarily_unavailable"), nil, down, "temporarily_unavailable", 0},
		"403 of an ingress":               {403, html, nil, down, "no_endpoint", 0},
		"404":                             {404, html, nil, down, "no_endpoint", 0},
		"404 in OAuth's words":            {404, envelope("invalid_request"), nil, down, "no_endpoint", 0},
		"405 in OAuth's words":            {405, envelope("invalid_request"), nil, down, "no_endpoint", 0},
		"404, server_error":               {404, envelope("server_error"), nil, down, "server_error", 0},
		"403, invalid_request":            {403, envelope("invalid_request"), []string{"Content-Type", "text/html"}, down, "invalid_request", 0},
		"500":                             {500, canary, nil, down, "", 0},
		"503 in HTML":                     {503, html, nil, down, "", 0},
		"503 with an unknown code":        {503, envelope("maintenance"), nil, down, "other", 0},
		"503 with seconds":                {503, html, []string{"Retry-After", "40"}, down, "", 40 * time.Second},
		"500 with seconds":                {500, html, []string{"Retry-After", "40"}, down, "", 0},
		"429":                             {429, envelope("slow_down"), nil, down, "slow_down", 0},
		"429 with seconds":                {429, ``, []string{"Retry-After", "40"}, down, "", 40 * time.Second},
		"429 with a day":                  {429, ``, []string{"Retry-After", "86400"}, down, "", 10 * time.Minute},
		"429, invalid_client":             {429, envelope("invalid_client"), nil, down, "invalid_client", 0},
		"a redirect":                      {307, ``, []string{"Location", "https://evil.example.com/" + canary}, down, "no_endpoint", 0},
		"200 in HTML":                     {200, html, []string{"Content-Type", "text/html"}, down, "no_endpoint", 0},
		"200, broken JSON":                {200, `{"access_token":"` + canary, nil, down, "no_token", 0},
		"200 without a token":             {200, `{"token":"` + canary + `"}`, nil, down, "no_token", 0},
		"200, token is a number":          {200, `{"access_token":1}`, nil, down, "no_token", 0},
		"200, a list":                     {200, `["` + canary + `"]`, nil, down, "no_token", 0},
		"200, a gigabyte":                 {200, `{"access_token":"` + strings.Repeat("x", 2<<20) + `"}`, nil, down, "no_token", 0},
		"204":                             {204, ``, nil, down, "no_token", 0},
		"token endpoint with other codes": {400, envelope("AADSTS7000215"), nil, refused, "other", 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				calls := 0
				g := clientCredentials(tripper(func(*http.Request) (*http.Response, error) {
					calls++
					return reply(tc.status, tc.body, tc.header...), nil
				}))
				_, err := g.Token(t.Context())
				e := asError(t, err)
				want := &Error{Reason: tc.reason, Status: tc.status, Code: tc.code}
				if tc.retryIn != 0 {
					want.RetryAt = time.Now().Add(tc.retryIn)
				}
				if diff := cmp.Diff(want, e); diff != "" {
					t.Errorf("error (-want +got)\n%s", diff)
				}
				if calls != 1 {
					t.Errorf("%d calls, want 1", calls)
				}
				wantNoSecret(t, err)
			})
		})
	}
}

func TestNoAnswer(t *testing.T) {
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	for name, tc := range map[string]struct {
		err  error
		text string
		is   error
	}{
		"refused connection": {dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), "connection refused", syscall.ECONNREFUSED},
		"unknown name":       {dial(&net.DNSError{Err: "no such host " + canary, Name: "id.example.com"}), "the host name id.example.com could not be looked up", nil},
		"time-out":           {dial(os.ErrDeadlineExceeded), "timed out", context.DeadlineExceeded},
		"bad certificate":    {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "the server's certificate is signed by an unknown authority; set tls.ca_file", nil},
		"broken answer":      {errors.New(`malformed HTTP response "` + canary + `"`), "network error", nil},
		"lost answer":        {io.ErrUnexpectedEOF, "connection closed by the server", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := clientCredentials(tripper(func(*http.Request) (*http.Response, error) { return nil, tc.err }))
			_, err := g.Token(t.Context())
			if e := asError(t, err); e.Reason != job.IdentityUnavailable || e.Status != 0 {
				t.Errorf("error %+v", e)
			}
			if want := "authpool: the identity server gives no token: " + tc.text; err.Error() != want {
				t.Errorf("error %q, want %q", err, want)
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("%v is not %v", err, tc.is)
			}
			wantNoSecret(t, err)
		})
	}
}

func TestMissingClientSecret(t *testing.T) {
	t.Parallel()
	g := clientCredentials(tripper(func(*http.Request) (*http.Response, error) {
		t.Error("the identity server was asked")
		return reply(500, ""), nil
	}))
	g.ClientSecret = secret.File(t.TempDir() + "/none")
	if _, err := g.Token(t.Context()); !errors.Is(err, secret.ErrMissing) {
		t.Errorf("Token = %v", err)
	}
}

// FuzzAnswer gives the identity server any word: a token comes only out of a good
// answer and is what the answer names, a failure keeps to known words and bounds,
// and neither repeats the secret or a text of the body.
func FuzzAnswer(f *testing.F) {
	for _, status := range []int{0, 100, 200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 503} {
		f.Add(status, "application/json", "", `{"access_token":"t","expires_in":"3599.5","error":null}`)
		f.Add(status, "text/plain", "17", `{"error":"invalid_client","error_description":"`+canary+`"}`)
		f.Add(status, "text/html", "86400", `<html>`)
	}
	f.Add(429, "", "Sat, 31 Jan 2026 12:00:30 GMT", ``)
	f.Add(400, "", "", `{"error":"`+canary+`"}`)
	f.Add(200, "", "", `{"error":{"code":1},"expires_in":[1e400]}`)
	f.Add(200, "", "", `{"access_token":"a b","expires_in":-1}`)
	f.Fuzz(func(t *testing.T, status int, contentType, retryAfter, body string) {
		g := clientCredentials(tripper(func(*http.Request) (*http.Response, error) {
			return reply(status, body, "Content-Type", contentType, "Retry-After", retryAfter), nil
		}))
		sent := time.Now()
		token, err := g.Token(t.Context())
		if err == nil {
			checkToken(t, token, sent, status, body)
			return
		}
		checkFailure(t, err, sent, status)
		if cut := strings.TrimSpace(body); len(cut) > 40 && strings.Contains(err.Error(), cut) {
			t.Errorf("error %q repeats the answer", err)
		}
	})
}

func checkToken(t *testing.T, token Token, sent time.Time, status int, body string) {
	t.Helper()
	var fields struct {
		Token string `json:"access_token"`
	}
	_ = json.Unmarshal([]byte(body), &fields) // the token may be there twice, and not a text at first
	if token.Value == "" || token.Value != fields.Token || status < 200 || status > 299 {
		t.Errorf("a token of %d bytes, status %d", len(token.Value), status)
	}
	if life := token.Expiry.Sub(sent); !token.Expiry.IsZero() && (life <= 0 || life > maxLife+time.Minute) {
		t.Errorf("it lives %s", life)
	}
}

func checkFailure(t *testing.T, err error, sent time.Time, status int) {
	t.Helper()
	e := asError(t, err)
	if e.Reason != job.CredentialsRefused && e.Reason != job.IdentityUnavailable || e.Status != status {
		t.Errorf("%+v, status %d", e, status)
	}
	if e.Reason == job.CredentialsRefused && (status < 300 && status != 0 || status == 429) && !refusalCodes[e.Code] {
		t.Errorf("status %d and code %q condemn the credential", status, e.Code)
	}
	if e.Code != "" && e.Code != "other" && e.Code != codeTokenMalformed && e.Code != codeTokenEnded && e.Code != codeNoEndpoint && e.Code != codeNoToken && listed(e.Code) != e.Code {
		t.Errorf("code %q", e.Code)
	}
	if wait := e.RetryAt.Sub(sent); !e.RetryAt.IsZero() && (status != 429 && status != 503 || wait > retry.MaxRetryAfter+time.Minute || wait < retry.MinRetryAfter) {
		t.Errorf("status %d, asked again in %s", status, wait)
	}
	if text := err.Error(); len(text) > 512 || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		t.Errorf("error %q", text)
	}
	wantNoSecret(t, err)
}

// hangingBody sends a byte now and then, for ever, until its request ends.
type hangingBody struct{ ctx context.Context }

func (b hangingBody) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		p[0] = ' '
		return 1, nil
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}
}

func (b hangingBody) Close() error { return nil }

func TestSlowAndHungIdentityServers(t *testing.T) {
	for name, rt := range map[string]tripper{
		"silent": func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
		"drips": func(r *http.Request) (*http.Response, error) {
			resp := reply(200, "")
			resp.Body = hangingBody{r.Context()}
			return resp, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := New(Settings{Credentials: []Credential{{Name: "a", Grant: clientCredentials(rt)}}})
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				begun := time.Now()
				if _, err := p.Lease(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 2*time.Second {
					t.Errorf("Lease = %v after %s", err, time.Since(begun))
				}
				time.Sleep(18 * time.Second)
				synctest.Wait()
				wantError(t, p, job.IdentityUnavailable, time.Second)
			})
		})
	}
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	var seen []string
	status := 200
	g := clientCredentials(tripper(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, r.URL.String()+" "+string(body))
		return reply(status, canary), nil
	}))
	if err := g.Logout(t.Context(), Token{Value: "t"}); err != nil || len(seen) != 0 {
		t.Errorf("without an address: %v, %q", err, seen)
	}
	g.RevocationURL = "https://id.example.com/revoke"
	if err := g.Logout(t.Context(), Token{Value: "t"}); err != nil {
		t.Error(err)
	}
	want := []string{"https://id.example.com/revoke client_id=5f0c&client_secret=" + canary + "&token=t&token_type_hint=access_token"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("calls (-want +got)\n%s", diff)
	}
	status = 503
	err := g.Logout(t.Context(), Token{Value: "t"})
	if e := asError(t, err); e.Status != 503 {
		t.Errorf("Logout = %v", err)
	}
	wantNoSecret(t, err)
}

func TestStatic(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		source secret.Source
		want   string
		code   string
	}{
		"as it is":        {secret.Literal("rt_0123"), "rt_0123", ""},
		"with a scheme":   {secret.Literal("Bearer " + canary), "", "token_malformed"},
		"with a new line": {secret.Literal(canary + "\nX: y"), "", "token_malformed"},
		"not ASCII":       {secret.Literal(canary + "é"), "", "token_malformed"},
		"empty":           {secret.Literal(""), "", "secret_missing"},
		"not set":         {secret.Source{}, "", "secret_missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := (&Static{tc.source}).Token(t.Context())
			if tc.code == "" {
				if err != nil || got.Value != tc.want {
					t.Errorf("Token = %q, %v", got.Value, err)
				}
				return
			}
			e := failureOf("a", err)
			if err == nil || e.Code != tc.code || e.Reason != job.CredentialsRefused {
				t.Errorf("Token = %q, %v", got.Value, err)
			}
			wantNoSecret(t, e)
		})
	}
}
