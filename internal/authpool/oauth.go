package authpool

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/queueferry/queueferry/internal/secret"
)

// oauthClient is a client of an OAuth 2.0 server, for the time of one request.
type oauthClient struct {
	id, secret string // the secret may be empty
	basic      bool
}

// readClient reads the client's secret.
func readClient(id string, source secret.Source, basic bool) (oauthClient, error) {
	value, err := readSecret("client secret", source)
	if err != nil {
		return oauthClient{}, err
	}
	return oauthClient{id, value, basic}, nil
}

func readSecret(what string, source secret.Source) (string, error) {
	value, err := source.Read()
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return value, nil
}

// style is fixed: to find it out, x/oauth2 would send a refused log-in twice.
func (c oauthClient) style() oauth2.AuthStyle {
	if c.basic {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

// sign makes a request the client's, in the way that style names.
func (c oauthClient) sign(form url.Values, header http.Header) {
	if c.basic { // both are encoded first (RFC 6749, section 2.3.1)
		req := http.Request{Header: header}
		req.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(c.secret))
		return
	}
	form.Set("client_id", c.id)
	if c.secret != "" {
		form.Set("client_secret", c.secret)
	}
}

// revoke has a token revoked (RFC 7009), and before it the refresh token that
// came with it. The one is tried even if the other failed.
func (c oauthClient) revoke(ctx context.Context, address string, token Token, transport http.RoundTripper) error {
	var refresh error
	if token.Refresh != "" {
		refresh = c.revokeOne(ctx, address, token.Refresh, "refresh_token", transport)
	}
	if err := c.revokeOne(ctx, address, token.Value, "access_token", transport); err != nil {
		return err
	}
	return refresh
}

func (c oauthClient) revokeOne(ctx context.Context, address, token, hint string, transport http.RoundTripper) error {
	form, header := url.Values{"token": {token}, "token_type_hint": {hint}}, contentType(formType)
	c.sign(form, header)
	got := &answer{base: transport, dialect: oauthDialect}
	return got.send(ctx, http.MethodPost, address, header, form.Encode())
}

// exchange is one request for a token that x/oauth2 makes with the context's
// HTTP client.
func exchange(ctx context.Context, transport http.RoundTripper, ask func(context.Context) (*oauth2.Token, error)) (Token, error) {
	got := &answer{base: transport, dialect: oauthDialect}
	if _, err := ask(context.WithValue(ctx, oauth2.HTTPClient, got.client())); err != nil {
		return Token{}, got.noToken(err)
	}
	return got.token(), nil
}
