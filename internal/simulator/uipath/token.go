package uipath

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const tokenPath = "/identity_/connect/token"

// tokens knows the clients and every token that still works.
type tokens struct {
	mu      sync.RWMutex
	clients map[string]Client
	grants  map[string]grant
}

// grant is what a token stands for.
type grant struct {
	clientID string
	scopes   []string
	expires  time.Time
}

func newTokens(clients []Client) *tokens {
	t := &tokens{clients: map[string]Client{}, grants: map[string]grant{}}
	for _, c := range clients {
		t.add(c)
	}
	return t
}

func (t *tokens) add(c Client) {
	if len(c.Scopes) == 0 {
		c.Scopes = AllScopes
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clients[c.ID] = c
}

// AddClient lets another external application log in, or replaces one.
func (o *Orchestrator) AddClient(c Client) { o.tokens.add(c) }

// SetClientSecret rotates a client's secret: the old one is refused from now on,
// tokens that were given for it go on working. An empty secret refuses every
// log-in. A client that is not known is added, with all scopes.
func (o *Orchestrator) SetClientSecret(id, secret string) {
	o.tokens.mu.RLock()
	c := o.tokens.clients[id]
	o.tokens.mu.RUnlock()
	c.ID, c.Secret = id, secret
	o.tokens.add(c)
}

// RevokeTokens makes the API refuse every token given so far.
func (o *Orchestrator) RevokeTokens() {
	o.tokens.mu.Lock()
	defer o.tokens.mu.Unlock()
	clear(o.tokens.grants)
}

// find gives what a token stands for, unless it is unknown, revoked or expired.
func (t *tokens) find(token string) (grant, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	g, ok := t.grants[token]
	return g, ok && time.Now().Before(g.expires)
}

// issueToken is the token endpoint: a form, client_credentials, the credentials
// in the body (UiPath Orchestrator API guide, Accessing UiPath resources using
// external applications).
func (o *Orchestrator) issueToken(c *call) answer {
	if c.method != http.MethodPost {
		return answer{status: http.StatusMethodNotAllowed}.with("Allow", http.MethodPost)
	}
	a := o.grantToken(c)
	o.books.countLogIn(a.status == http.StatusOK)
	return a.with("Cache-Control", "no-store")
}

func (o *Orchestrator) grantToken(c *call) answer {
	form, err := url.ParseQuery(string(c.body))
	if err != nil || !c.isForm() || c.cut || c.tooLarge || repeats(form) {
		return oauthError("invalid_request")
	}
	if grant := form.Get("grant_type"); grant != "client_credentials" {
		if grant == "" {
			return oauthError("invalid_request")
		}
		return oauthError("unsupported_grant_type")
	}
	o.tokens.mu.RLock()
	client, known := o.tokens.clients[form.Get("client_id")]
	o.tokens.mu.RUnlock()
	if !known || client.Secret == "" || client.Secret != form.Get("client_secret") {
		return oauthError("invalid_client")
	}
	scopes := client.Scopes
	if asked := strings.Fields(form.Get("scope")); len(asked) > 0 {
		if slices.ContainsFunc(asked, func(s string) bool { return !slices.Contains(client.Scopes, s) }) {
			return oauthError("invalid_scope")
		}
		scopes = asked
	}
	return o.newToken(client.ID, scopes)
}

func repeats(form url.Values) bool {
	for _, values := range form {
		if len(values) > 1 {
			return true
		}
	}
	return false
}

// newToken makes a token that looks like the product's, but is known only by
// being kept.
func (o *Orchestrator) newToken(clientID string, scopes []string) answer {
	issued := time.Now()
	expires := issued.Add(o.settings.TokenLife)
	claims, _ := json.Marshal(map[string]any{
		"iss": o.identity.url() + "/identity_", "aud": "UiPath.Orchestrator", "client_id": clientID, "scope": scopes,
		"iat": issued.Unix(), "nbf": issued.Unix(), "exp": expires.Unix(), "jti": newKey(),
	})
	encode := base64.RawURLEncoding.EncodeToString
	token := encode([]byte(`{"alg":"RS256","typ":"at+jwt"}`)) + "." + encode(claims) + "." + encode(randomBytes(256))
	o.tokens.keep(token, grant{clientID: clientID, scopes: scopes, expires: expires})

	body := map[string]any{"access_token": token, "token_type": "Bearer", "scope": strings.Join(scopes, " ")}
	if !o.settings.OmitExpiresIn {
		// Whole seconds, at least one: a shorter life is not told.
		body["expires_in"] = max(1, int(o.settings.TokenLife/time.Second))
	}
	text, _ := json.Marshal(body)
	return answer{status: http.StatusOK, contentType: plainJSON, body: text}
}

func (t *tokens) keep(token string, g grant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for old, grant := range t.grants {
		if time.Now().After(grant.expires) {
			delete(t.grants, old)
		}
	}
	t.grants[token] = g
}

// oauthError answers as the identity server does: 400, whatever the reason.
func oauthError(name string) answer {
	body := appendText([]byte(`{"error":`), name)
	return answer{status: http.StatusBadRequest, contentType: plainJSON, body: append(body, '}')}
}
