package setup

import (
	"net/http"
	"strconv"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/secret"
)

// defaultLives are taken for tokens of which nothing says how long they live.
var defaultLives = map[config.Product]time.Duration{
	config.UiPath:             time.Hour,        // Orchestrator API guide, Authenticating
	config.AutomationAnywhere: 20 * time.Minute, // Control Room APIs, Authentication
	config.Veeam:              15 * time.Minute, // REST API reference, Authorization
}

// credentials are what the pool logs in with, under their numbers from 1.
func credentials(s config.Connection, grants []authpool.Grant) []authpool.Credential {
	all := make([]authpool.Credential, 0, len(grants))
	for i, c := range s.Credentials {
		all = append(all, authpool.Credential{
			Name: strconv.Itoa(i + 1), Grant: grants[i], SecretFiles: SecretFiles(c), Session: session(s.Product, c),
		})
	}
	return all
}

// session reports whether a log-in may end the session of the one before it. With
// an API key a Control Room gives sessions that stand beside each other.
func session(product config.Product, c config.Credential) bool {
	return product == config.Veeam || product == config.AutomationAnywhere && c.Password.IsSet()
}

// SecretFiles are the files that a credential's secrets are read from.
func SecretFiles(c config.Credential) (paths []string) {
	for _, s := range []secret.Source{c.ClientSecret, c.Password, c.APIKey, c.RefreshToken, c.Token, c.TOTPSecret} {
		if s.Path() != "" {
			paths = append(paths, s.Path())
		}
	}
	return paths
}

func grants(s config.Connection, transport http.RoundTripper) []authpool.Grant {
	all := make([]authpool.Grant, 0, len(s.Credentials))
	for _, c := range s.Credentials {
		all = append(all, grant(s, c, transport))
	}
	return all
}

// grant knows what the configuration lets through for each product.
func grant(s config.Connection, c config.Credential, transport http.RoundTripper) authpool.Grant {
	basic := c.AuthMethod == config.ClientSecretBasic
	switch {
	case s.Product == config.Veeam:
		return &authpool.Veeam{
			URL: s.URL, Username: c.Username, Password: c.Password, ClientID: c.ClientID, ClientSecret: c.ClientSecret,
			RefreshToken: c.RefreshToken, TOTPSecret: c.TOTPSecret, Transport: transport,
		}
	case c.Grant == config.ControlRoom:
		return &authpool.ControlRoom{
			URL: s.URL, Generation: s.Generation, Username: c.Username, APIKey: c.APIKey, Password: c.Password,
			TOTPSecret: c.TOTPSecret, MultipleLogin: c.MultipleLogin, Transport: transport,
		}
	case c.Grant == config.Static:
		return &authpool.Static{Secret: c.Token}
	case c.Grant == config.UiPathLegacy:
		return &authpool.UiPathLegacy{URL: s.URL, Tenant: s.Tenant, Username: c.Username, Password: c.Password, Transport: transport}
	case c.Grant == config.Password:
		return &authpool.Password{
			TokenURL: c.TokenURL, ClientID: c.ClientID, ClientSecret: c.ClientSecret, Username: c.Username, Password: c.Password,
			Scopes: c.Scopes, Basic: basic, RevocationURL: c.RevocationURL, Transport: transport,
		}
	}
	return &authpool.ClientCredentials{
		TokenURL: c.TokenURL, ClientID: c.ClientID, ClientSecret: c.ClientSecret,
		Scopes: c.Scopes, Basic: basic, RevocationURL: c.RevocationURL, Transport: transport,
	}
}
