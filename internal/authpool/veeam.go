package authpool

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

// Veeam logs in to Veeam Recovery Orchestrator: by name and password, by the
// credentials of a client, or by a refresh token; the one that is set. Each
// answer brings a new refresh token, which takes the place of the one before. It
// must not be copied once it is used.
type Veeam struct {
	URL          string // of the orchestrator, without a path
	Username     string // DOMAIN\USERNAME or USERNAME
	Password     secret.Source
	ClientID     string
	ClientSecret secret.Source
	RefreshToken secret.Source
	// TOTPSecret makes the passcode of an account with two factors; not set: none.
	TOTPSecret secret.Source
	// Transport carries the request. Nil: http.DefaultTransport.
	Transport http.RoundTripper

	passcodes passcodes
	seed      secret.Source // the configured refresh token that newest comes from
	newest    secret.Source // the refresh token that came last; not set: none, or it was refused
}

// Token logs in. With two factors that takes two requests. A refresh token that
// came of the configured one is tried before it.
func (v *Veeam) Token(ctx context.Context) (Token, error) {
	switch {
	case v.RefreshToken.IsSet():
		return v.byRefreshToken(ctx)
	case v.ClientID != "":
		return v.byClient(ctx)
	}
	return v.byPassword(ctx)
}

// Renew exchanges the refresh token of live for a new pair. Without one it logs in.
func (v *Veeam) Renew(ctx context.Context, live Token) (Token, error) {
	if live.Refresh == "" {
		return v.Token(ctx)
	}
	token, err := v.refresh(ctx, live.Refresh)
	return token, renewalError(err)
}

// Logout ends the session of the token, and does nothing where the credential is a
// refresh token: it would end with the session, and so leave nothing to log in with.
func (v *Veeam) Logout(ctx context.Context, token Token) error {
	if v.RefreshToken.IsSet() {
		return nil
	}
	header := http.Header{"Authorization": {"Bearer " + token.Value}}
	return v.answer().send(ctx, http.MethodDelete, v.address(), header, "")
}

func (v *Veeam) byClient(ctx context.Context) (Token, error) {
	value, err := v.ClientSecret.Read()
	if err != nil {
		return Token{}, fmt.Errorf("client secret: %w", err)
	}
	return v.ask(ctx, v.answer(), url.Values{
		"grant_type": {"client_credentials"}, "client_id": {v.ClientID}, "client_secret": {value},
	})
}

func (v *Veeam) byPassword(ctx context.Context) (Token, error) {
	value, err := v.Password.Read()
	if err != nil {
		return Token{}, fmt.Errorf("password: %w", err)
	}
	got := v.answer()
	token, err := v.ask(ctx, got, url.Values{"grant_type": {"password"}, "username": {v.Username}, "password": {value}})
	switch {
	case err == nil, got.said.challenge == "", got.status == http.StatusTooManyRequests, got.status >= 500:
		return token, err
	case !v.TOTPSecret.IsSet():
		return Token{}, &Error{Reason: job.CredentialsRefused, Status: got.status, Code: codeMFARequired}
	}
	return v.bySecondFactor(ctx, got.said.challenge)
}

func (v *Veeam) bySecondFactor(ctx context.Context, challenge string) (Token, error) {
	code, err := v.passcodes.next(ctx, v.TOTPSecret)
	if err != nil {
		return Token{}, err
	}
	token, err := v.ask(ctx, v.answer(), url.Values{"grant_type": {"mfa"}, "mfa_token": {challenge}, "mfa_passcode": {code}})
	return token, v.passcodes.spent(err)
}

// byRefreshToken uses the newest refresh token. The configured one is tried where
// that is refused, or where the file brings another one than it did.
func (v *Veeam) byRefreshToken(ctx context.Context) (Token, error) {
	configured, err := v.RefreshToken.Read()
	if err != nil {
		return Token{}, fmt.Errorf("refresh token: %w", err)
	}
	if seed, _ := v.seed.Read(); seed != configured {
		v.seed, v.newest = secret.Literal(configured), secret.Source{}
	}
	if newest, _ := v.newest.Read(); newest != "" && newest != configured {
		token, err := v.refresh(ctx, newest)
		if err == nil || !turnedDown(err) {
			return token, err
		}
	}
	return v.refresh(ctx, configured)
}

// refresh exchanges a refresh token for a new pair, and remembers which is the
// newest.
func (v *Veeam) refresh(ctx context.Context, value string) (Token, error) {
	token, err := v.ask(ctx, v.answer(), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {value}})
	switch {
	case err != nil && turnedDown(err):
		v.newest = secret.Source{}
	case err == nil && token.Refresh == "":
		token.Refresh = value // it stays good (RFC 6749, section 6)
	}
	if token.Refresh != "" {
		v.newest = secret.Literal(token.Refresh)
	}
	return token, err
}

// ask sends a form: the product takes no JSON here.
func (v *Veeam) ask(ctx context.Context, got *answer, form url.Values) (Token, error) {
	return got.ask(ctx, v.address(), contentType(formType), form.Encode())
}

func (v *Veeam) answer() *answer { return &answer{base: v.Transport, dialect: veeamDialect} }

// address is that of the tokens. It has no version.
func (v *Veeam) address() string { return strings.TrimRight(v.URL, "/") + "/api/token" }

// veeamDialect: a token lives for 15 minutes unless the server was told otherwise.
var veeamDialect = dialect{read: readVeeam, refusing: []int{400, 403}, life: 15 * time.Minute}

// readVeeam reads the words of OAuth, those of an account with two factors, and
// the errors that servers of this kind give besides.
func readVeeam(body []byte) said {
	out := readOAuth(body)
	var fields struct {
		Challenge  json.RawMessage `json:"mfa_token"`
		Challenge2 json.RawMessage `json:"mfaToken"`
		Message    json.RawMessage `json:"message"` // also Message
		Title      json.RawMessage `json:"title"`
		Detail     json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &fields) != nil {
		return out
	}
	if out.challenge = text(fields.Challenge); out.challenge == "" {
		out.challenge = text(fields.Challenge2)
	}
	if out.code == "" && out.token == "" && text(fields.Message)+text(fields.Title)+text(fields.Detail) != "" {
		out.code = codeOther
	}
	return out
}
