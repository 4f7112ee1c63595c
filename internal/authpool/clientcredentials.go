package authpool

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/queueferry/queueferry/internal/secret"
)

// ClientCredentials is OAuth 2.0's grant for machines (RFC 6749, section 4.4).
// Id and secret go in the form's body; no redirect is followed.
type ClientCredentials struct {
	TokenURL     string
	ClientID     string
	ClientSecret secret.Source
	Scopes       []string
	// RevocationURL is asked to revoke the token at shutdown (RFC 7009).
	// Empty: the token is left to end by itself.
	RevocationURL string
	// Transport carries the request. Nil: http.DefaultTransport.
	Transport http.RoundTripper
}

// Token asks for a token, once. The secret is read first.
func (c *ClientCredentials) Token(ctx context.Context) (Token, error) {
	value, err := c.ClientSecret.Read()
	if err != nil {
		return Token{}, fmt.Errorf("client secret: %w", err)
	}
	config := clientcredentials.Config{
		ClientID:     c.ClientID,
		ClientSecret: value,
		TokenURL:     c.TokenURL,
		Scopes:       c.Scopes,
		AuthStyle:    oauth2.AuthStyleInParams,
	}
	got := &answer{base: c.Transport}
	sent := time.Now()
	token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, got.client()))
	if err != nil {
		return Token{}, got.failure(err)
	}
	return Token{Value: token.AccessToken, Expiry: got.expiry(sent)}, nil
}

// Logout revokes the token where there is a RevocationURL.
func (c *ClientCredentials) Logout(ctx context.Context, token Token) error {
	if c.RevocationURL == "" {
		return nil
	}
	value, err := c.ClientSecret.Read()
	if err != nil {
		return fmt.Errorf("client secret: %w", err)
	}
	form := url.Values{
		"token":           {token.Value},
		"token_type_hint": {"access_token"},
		"client_id":       {c.ClientID},
		"client_secret":   {value},
	}
	got := &answer{base: c.Transport}
	return got.post(ctx, c.RevocationURL, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}
