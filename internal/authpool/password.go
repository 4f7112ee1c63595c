package authpool

import (
	"context"
	"net/http"

	"golang.org/x/oauth2"

	"github.com/queueferry/queueferry/internal/secret"
)

// Password is OAuth 2.0's grant for name and password (RFC 6749, section 4.3).
// No redirect is followed.
type Password struct {
	TokenURL     string
	ClientID     string
	ClientSecret secret.Source // not set: the client has none
	Username     string
	Password     secret.Source
	Scopes       []string
	// Basic sends id and secret of the client as HTTP Basic, and not in the form. A
	// client without a secret is named in the form all the same.
	Basic bool
	// RevocationURL is asked to revoke the token at shutdown (RFC 7009), and a
	// refresh token that came with it. Empty: they are left to end by themselves.
	RevocationURL string
	// Transport carries the request. Nil: http.DefaultTransport.
	Transport http.RoundTripper
}

// Token asks for a token, once. The secrets are read first.
func (p *Password) Token(ctx context.Context) (Token, error) {
	client, err := p.client()
	if err != nil {
		return Token{}, err
	}
	password, err := readSecret("password", p.Password)
	if err != nil {
		return Token{}, err
	}
	config := oauth2.Config{
		ClientID:     client.id,
		ClientSecret: client.secret,
		Endpoint:     oauth2.Endpoint{TokenURL: p.TokenURL, AuthStyle: client.style()},
		Scopes:       p.Scopes,
	}
	return exchange(ctx, p.Transport, func(ctx context.Context) (*oauth2.Token, error) {
		return config.PasswordCredentialsToken(ctx, p.Username, password)
	})
}

// Logout revokes the token where there is a RevocationURL.
func (p *Password) Logout(ctx context.Context, token Token) error {
	if p.RevocationURL == "" {
		return nil
	}
	client, err := p.client()
	if err != nil {
		return err
	}
	return client.revoke(ctx, p.RevocationURL, token, p.Transport)
}

func (p *Password) client() (oauthClient, error) {
	if !p.ClientSecret.IsSet() {
		return oauthClient{id: p.ClientID}, nil
	}
	return readClient(p.ClientID, p.ClientSecret, p.Basic)
}
