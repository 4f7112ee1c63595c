package automationanywhere

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// session is what a token stands for.
type session struct {
	account string // in lower case
	several bool   // lives beside other sessions of the account
	expires time.Time
}

// open begins a session. Where it is not one of several it ends the account's
// other single one.
func (o *ControlRoom) open(a Account, several bool) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	name := strings.ToLower(a.Username)
	for token, s := range o.sessions {
		if !several && !s.several && s.account == name {
			if time.Now().Before(s.expires) {
				o.ledger.Note(func(l *server.LogIns) { l.Voided++ })
			}
			delete(o.sessions, token)
		}
	}
	return o.keep(session{account: name, several: several})
}

// keep makes a token for a session. The lock is held.
func (o *ControlRoom) keep(s session) string {
	now := time.Now()
	s.expires = now.Add(o.tokenLife)
	token := server.Opaque()
	if !o.settings.OpaqueTokens {
		token = server.JWT("RS512", o.claims(s, o.Now()))
	}
	for old, other := range o.sessions {
		if !now.Before(other.expires) {
			delete(o.sessions, old)
		}
	}
	o.sessions[token] = s
	o.peakLive = max(o.peakLive, len(o.sessions))
	return token
}

func (o *ControlRoom) claims(s session, issued time.Time) map[string]any {
	claims := map[string]any{
		"sub": "9", "clientType": "WEB", "licenses": []string{"RUNTIME"}, "iss": "AutomationAnywhere",
		"iat": issued.Unix(), "exp": issued.Unix() + server.Seconds(o.tokenLife), "nanoTime": issued.UnixNano(),
		"csrfToken": server.Opaque(),
	}
	if o.settings.Generation == A360 {
		claims["tenantUuid"], claims["multipleLogin"] = server.NewID(), s.several
	}
	return claims
}

// alive gives a session that lives. The lock is held.
func (o *ControlRoom) alive(token string) (session, bool) {
	s, ok := o.sessions[token]
	return s, ok && time.Now().Before(s.expires)
}

// renew gives a new token for one that lives, in the same session.
func (o *ControlRoom) renew(c *server.Call) server.Answer {
	var body struct {
		Token *string `json:"token"`
	}
	if refused := o.decode(c, &body); refused != nil {
		return *refused
	}
	if body.Token == nil || *body.Token == "" {
		return o.malformed(c, "token is needed")
	}
	token, account, ok := o.replace(*body.Token)
	if !ok {
		o.ledger.Note(func(l *server.LogIns) { l.RefusedRenewals++ })
		return refusal(c, http.StatusUnauthorized, codeToken)
	}
	o.ledger.Note(func(l *server.LogIns) { l.Renewals++ })
	return o.granted(token, account)
}

func (o *ControlRoom) replace(old string) (token string, account Account, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s, ok := o.alive(old)
	if !ok || o.refuseRenewals {
		return "", Account{}, false
	}
	if o.settings.RenewalVoids {
		delete(o.sessions, old)
	}
	return o.keep(s), o.accounts[s.account], true
}

func (o *ControlRoom) logOut(c *server.Call, _ Account) server.Answer {
	o.mu.Lock()
	delete(o.sessions, c.Header.Get(tokenHeader))
	o.mu.Unlock()
	o.ledger.Note(func(l *server.LogIns) { l.LogOuts++ })
	return server.Answer{Status: http.StatusNoContent}
}

// validate tells whether a token lives; 200 in both cases. The token stands in
// the query.
func (o *ControlRoom) validate(c *server.Call) server.Answer {
	query, err := server.Parameters(c.Query)
	if err != nil || len(query) != 1 || query["token"] == "" {
		return envelope(http.StatusBadRequest, codeMalformed, "token is needed")
	}
	o.mu.Lock()
	_, ok := o.alive(query["token"])
	o.mu.Unlock()
	return server.JSON(http.StatusOK, map[string]any{"valid": ok})
}

const tokenHeader = "X-Authorization"

// handler carries a call out for an account.
type handler func(*server.Call, Account) server.Answer

// authorized carries a call out that needs a token, which stands bare in its own
// header, if the account may make it.
func (o *ControlRoom) authorized(c *server.Call, serve handler) server.Answer {
	values := c.Header[tokenHeader]
	if len(values) != 1 || values[0] == "" {
		return envelope(http.StatusUnauthorized, codeNoToken, "Access token expected in the 'X-Authorization' header")
	}
	o.mu.Lock()
	s, ok := o.alive(values[0])
	account := o.accounts[s.account]
	o.mu.Unlock()
	switch {
	case !ok:
		return refusal(c, http.StatusUnauthorized, codeToken)
	case slices.Contains(account.Forbidden, c.Operation):
		return forbidden()
	}
	return serve(c, account)
}

// RevokeTokens makes the Control Room refuse every token given so far.
func (o *ControlRoom) RevokeTokens() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.sessions)
}

// LogIns is what became of log-ins, and how many tokens work now.
func (o *ControlRoom) LogIns() server.LogIns {
	o.mu.Lock()
	live, peak := 0, o.peakLive
	for token := range o.sessions {
		if _, ok := o.alive(token); ok {
			live++
		}
	}
	o.mu.Unlock()
	sums := o.ledger.Sums(live)
	sums.PeakLive = peak
	return sums
}
