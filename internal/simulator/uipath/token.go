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

// tokens knows the clients and every token that still works.
type tokens struct {
	mu      sync.RWMutex
	clients map[string]Client
	users   map[string]User // by name as fold has it
	grants  map[string]grant
	life    time.Duration
}

// grant is what a token stands for.
type grant struct {
	clientID string
	scopes   []string
	expires  time.Time
}

func newTokens(s Settings) *tokens {
	t := &tokens{clients: map[string]Client{}, users: map[string]User{}, grants: map[string]grant{}, life: s.TokenLife}
	for _, c := range s.Clients {
		t.add(c)
	}
	for _, u := range s.Users {
		t.users[fold(u.Username)] = u
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

// SetPassword changes a user's password; tokens that were given for the old one go
// on working. A user that is not known is added.
func (o *Orchestrator) SetPassword(username, password string) {
	o.tokens.mu.Lock()
	defer o.tokens.mu.Unlock()
	o.tokens.users[fold(username)] = User{Username: username, Password: password}
}

// SetTokenLife changes the life of the tokens that the identity server gives from
// now on.
func (o *Orchestrator) SetTokenLife(life time.Duration) {
	o.tokens.mu.Lock()
	defer o.tokens.mu.Unlock()
	o.tokens.life = life
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

// issueToken is the token endpoint: a form with client_credentials (UiPath
// Orchestrator API guide, Accessing UiPath resources using external applications)
// or, where there are users, with password.
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
	grant := form.Get("grant_type")
	if grant == "" {
		return oauthError("invalid_request")
	}
	if grant != "client_credentials" && (grant != "password" || !o.tokens.hasUsers()) {
		return oauthError("unsupported_grant_type")
	}
	client, refused := o.authenticate(c, form)
	switch {
	case refused != nil:
		return *refused
	case grant == "client_credentials" && client.Public:
		return oauthError("unauthorized_client")
	case grant == "password" && !o.tokens.knows(form.Get("username"), form.Get("password")):
		return oauthError("invalid_grant")
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
	o.tokens.mu.RLock()
	life := o.tokens.life
	o.tokens.mu.RUnlock()
	token := o.keepJWT(clientID, scopes, life)
	body := map[string]any{"access_token": token, "token_type": "Bearer", "scope": strings.Join(scopes, " ")}
	if !o.settings.OmitExpiresIn {
		// Whole seconds, at least one: a shorter life is not told.
		body["expires_in"] = max(1, int(life/time.Second))
	}
	text, _ := json.Marshal(body)
	return answer{status: http.StatusOK, contentType: plainJSON, body: text}
}

// keepJWT makes the token itself. Its times are those of the server's clock.
func (o *Orchestrator) keepJWT(clientID string, scopes []string, life time.Duration) string {
	issued := o.now()
	claims, _ := json.Marshal(map[string]any{
		"iss": o.identity.URL() + "/identity_", "aud": "UiPath.Orchestrator", "client_id": clientID, "scope": scopes,
		"iat": issued.Unix(), "nbf": issued.Unix(), "exp": issued.Unix() + max(1, int64(life/time.Second)), "jti": newKey(),
	})
	encode := base64.RawURLEncoding.EncodeToString
	token := encode([]byte(`{"alg":"RS256","typ":"at+jwt"}`)) + "." + encode(claims) + "." + encode(randomBytes(256))
	o.tokens.keep(token, grant{clientID: clientID, scopes: scopes, expires: time.Now().Add(life)})
	return token
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
