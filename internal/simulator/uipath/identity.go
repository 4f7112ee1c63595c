package uipath

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The paths of the identity server: in the cloud and in Automation Suite, with the
// organisation before them or without, and of a standalone one.
const (
	identityPath           = "/identity_"
	standaloneIdentityPath = "/identity"
	tokenPath              = "/connect/token"
	revocationPath         = "/connect/revocation"
)

// headerTenantName names the tenant where the path does not.
const headerTenantName = "X-Uipath-Tenantname"

func (o *Orchestrator) findIdentity(path string) Operation {
	if rest, ok := strings.CutPrefix(path, "/"+o.settings.Organization+identityPath); ok {
		path = identityPath + rest
	}
	switch path {
	case identityPath + tokenPath, standaloneIdentityPath + tokenPath:
		return Token
	case identityPath + revocationPath, standaloneIdentityPath + revocationPath:
		return Revoke
	}
	return Unrouted
}

// authenticate finds the client of a request by what it shows of itself: in the
// form, or as HTTP Basic in which both parts are encoded like a form (RFC 6749,
// section 2.3.1), but not in both.
func (o *Orchestrator) authenticate(c *call, form url.Values) (Client, *answer) {
	refuse := func(a answer) (Client, *answer) { return Client{}, &a }
	id, secret := form.Get("client_id"), form.Get("client_secret")
	basic := c.header.Get("Authorization") != ""
	if basic {
		if form.Has("client_secret") {
			return refuse(oauthError("invalid_request"))
		}
		name, password, ok := basicAuth(c.header)
		if !ok || id != "" && id != name {
			return refuse(invalidClient(basic))
		}
		id, secret = name, password
	}
	o.tokens.mu.RLock()
	client, known := o.tokens.clients[id]
	o.tokens.mu.RUnlock()
	if !known || client.Public != (secret == "") || secret != client.Secret || !o.settings.ClientAuth.allows(basic, secret) {
		return refuse(invalidClient(basic))
	}
	return client, nil
}

func basicAuth(h http.Header) (name, password string, ok bool) {
	name, password, ok = (&http.Request{Header: h}).BasicAuth()
	if !ok {
		return "", "", false
	}
	name, err := url.QueryUnescape(name)
	if err != nil {
		return "", "", false
	}
	password, err = url.QueryUnescape(password)
	return name, password, err == nil
}

func (a ClientAuth) allows(basic bool, secret string) bool {
	return a == AnyAuth || secret == "" || basic == (a == BasicOnly)
}

// invalidClient is 400 as the identity server has it, but 401 to HTTP Basic, as
// RFC 6749 demands.
func invalidClient(basic bool) answer {
	a := oauthError("invalid_client")
	if basic {
		a.status = http.StatusUnauthorized
		a = a.with("WWW-Authenticate", `Basic realm="identity"`)
	}
	return a
}

// revoke is the revocation endpoint (RFC 7009): 200 also for a token that is not
// known, or not the client's.
func (o *Orchestrator) revoke(c *call) answer {
	if c.method != http.MethodPost {
		return answer{status: http.StatusMethodNotAllowed}.with("Allow", http.MethodPost)
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil || !c.isForm() || c.cut || c.tooLarge || repeats(form) || form.Get("token") == "" {
		return oauthError("invalid_request")
	}
	client, refused := o.authenticate(c, form)
	if refused != nil {
		return *refused
	}
	if o.tokens.end(form.Get("token"), client.ID) {
		o.books.countLogOut()
	}
	return answer{status: http.StatusOK}
}

// end takes a client's token away, and reports whether it worked until now.
func (t *tokens) end(token, clientID string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, ok := t.grants[token]
	if !ok || g.clientID != clientID {
		return false
	}
	delete(t.grants, token)
	return time.Now().Before(g.expires)
}

// live counts the tokens that work now.
func (t *tokens) live() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := 0
	for _, g := range t.grants {
		if time.Now().Before(g.expires) {
			n++
		}
	}
	return n
}

func (t *tokens) hasUsers() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.users) > 0
}

// knows reports whether a user has this password.
func (t *tokens) knows(username, password string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	u, ok := t.users[fold(username)]
	return ok && u.Password != "" && u.Password == password
}
