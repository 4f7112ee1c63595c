package authpool

import (
	"context"
	"net/http"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/queueferry/queueferry/internal/secret"
)

// ClientCredentials is OAuth 2.0's grant for machines (RFC 6749, section 4.4).
// No redirect is followed.
type ClientCredentials struct {
	TokenURL     string
	ClientID     string
	ClientSecret secret.Source
	Scopes       []string
	// Basic sends id and secret as HTTP Basic (client_secret_basic), and not in the
	// form (client_secret_post).
	Basic bool
	// RevocationURL is asked to revoke the token at shutdown (RFC 7009).
	// Empty: the token is left to end by itself.
	RevocationURL string
	// Transport carries the request. Nil: http.DefaultTransport.
	Transport http.RoundTripper
}

// Token asks for a token, once. The secret is read first.
func (c *ClientCredentials) Token(ctx context.Context) (Token, error) {
	client, err := readClient(c.ClientID, c.ClientSecret, c.Basic)
	if err != nil {
		return Token{}, err
	}
	config := clientcredentials.Config{
		ClientID:     client.id,
		ClientSecret: client.secret,
		TokenURL:     c.TokenURL,
		Scopes:       c.Scopes,
		AuthStyle:    client.style(),
	}
	return exchange(ctx, c.Transport, config.Token)
}

// Logout revokes the token where there is a RevocationURL.
func (c *ClientCredentials) Logout(ctx context.Context, token Token) error {
	if c.RevocationURL == "" {
		return nil
	}
	client, err := readClient(c.ClientID, c.ClientSecret, c.Basic)
	if err != nil {
		return err
	}
	return client.revoke(ctx, c.RevocationURL, token, c.Transport)
}
