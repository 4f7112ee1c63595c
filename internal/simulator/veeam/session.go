package veeam

import (
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// session is what a pair of tokens stands for.
type session struct {
	holder         string // the user's name in lower case, or the client's id
	client         bool
	access         string
	refresh        string
	expires        time.Time // of the access token
	refreshExpires time.Time
}

// open begins a session after a log-in. The lock is held, as in the ones below.
func (o *Orchestrator) open(holder string, client bool) server.Answer {
	if o.settings.SingleSession {
		o.end(func(s *session) bool { return s.holder == holder && s.client == client }, true)
	}
	o.ledger.Note(func(l *server.LogIns) { l.LogIns++ })
	return o.pair(holder, client)
}

// pair gives two new tokens.
func (o *Orchestrator) pair(holder string, client bool) server.Answer {
	now := time.Now()
	s := &session{
		holder: holder, client: client, access: server.Opaque(), refresh: server.Opaque(),
		expires: now.Add(o.tokenLife), refreshExpires: now.Add(o.settings.RefreshLife),
	}
	maps.DeleteFunc(o.access, func(_ string, s *session) bool { return !now.Before(s.expires) })
	maps.DeleteFunc(o.refresh, func(_ string, s *session) bool { return !now.Before(s.refreshExpires) })
	o.access[s.access] = s
	body := map[string]any{"access_token": s.access, "token_type": "bearer"}
	if !o.settings.OmitExpiresIn {
		body["expires_in"] = max(1, server.Seconds(o.tokenLife)-1)
	}
	if !o.settings.OmitRefreshToken {
		o.refresh[s.refresh] = s
		body["refresh_token"] = s.refresh
	}
	o.peakLive = max(o.peakLive, len(o.access))
	return server.JSON(http.StatusOK, body)
}

func (o *Orchestrator) byRefreshToken(token string) (server.Answer, bool) {
	s, ok := o.refresh[token]
	if !ok || o.refuseRenew || !time.Now().Before(s.refreshExpires) {
		return invalidGrant, false
	}
	if !o.settings.ReusableRefreshTokens {
		delete(o.refresh, token)
	}
	if o.settings.RenewalVoids {
		delete(o.access, s.access)
	}
	return o.pair(s.holder, s.client), true
}

// end takes both tokens of sessions away.
func (o *Orchestrator) end(which func(*session) bool, voided bool) {
	for token, s := range o.access {
		if which(s) {
			delete(o.access, token)
			if voided && time.Now().Before(s.expires) {
				o.ledger.Note(func(l *server.LogIns) { l.Voided++ })
			}
		}
	}
	maps.DeleteFunc(o.refresh, func(_ string, s *session) bool { return which(s) })
}

// authorized carries a call out that needs a token.
func (o *Orchestrator) authorized(c *server.Call, serve func(*server.Call, session) server.Answer) server.Answer {
	values := c.Header["Authorization"]
	if len(values) != 1 {
		return o.unauthorized()
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	o.mu.Lock()
	s, ok := o.access[token]
	ok = ok && time.Now().Before(s.expires)
	o.mu.Unlock()
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return o.unauthorized()
	}
	return serve(c, *s)
}

// role is what the account of a session may do; a client has its user's rights.
func (o *Orchestrator) role(s session) Role {
	o.mu.Lock()
	defer o.mu.Unlock()
	name := s.holder
	for _, client := range o.clients {
		if s.client && client.ID == s.holder {
			name = strings.ToLower(client.Owner)
		}
	}
	return o.users[name].Role
}

func (o *Orchestrator) unauthorized() server.Answer {
	if o.settings.EmptyUnauthorized {
		return server.Answer{Status: http.StatusUnauthorized}
	}
	return o.message(http.StatusUnauthorized, "Authorization has been denied for this request.").With("WWW-Authenticate", "Bearer")
}

// logOut ends a session, its refresh token too.
func (o *Orchestrator) logOut(_ *server.Call, s session) server.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end(func(other *session) bool { return other.access == s.access }, false)
	o.ledger.Note(func(l *server.LogIns) { l.LogOuts++ })
	return server.Answer{Status: http.StatusNoContent}
}

// RevokeTokens makes the orchestrator refuse every token given so far, refresh
// tokens too.
func (o *Orchestrator) RevokeTokens() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.access)
	clear(o.refresh)
}

// RevokeAccessTokens makes it refuse every access token given so far; refresh
// tokens go on working.
func (o *Orchestrator) RevokeAccessTokens() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.access)
}

// LogIns is what became of log-ins, and how many access tokens work now.
func (o *Orchestrator) LogIns() server.LogIns {
	o.mu.Lock()
	live, peak := 0, o.peakLive
	for _, s := range o.access {
		if time.Now().Before(s.expires) {
			live++
		}
	}
	o.mu.Unlock()
	sums := o.ledger.Sums(live)
	sums.PeakLive = peak
	return sums
}
