package veeam

import (
	"errors"
	"net/http"
	"strings"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// fields of each grant; all of them are needed and no other is known (REST API
// reference, Token).
var fields = map[string][]string{
	"password":           {"username", "password"},
	"client_credentials": {"client_id", "client_secret"},
	"refresh_token":      {"refresh_token"},
	"mfa":                {"mfa_token", "mfa_passcode"},
}

// giveToken is the token endpoint.
func (o *Orchestrator) giveToken(c *server.Call) server.Answer {
	form, err := readForm(c)
	if errors.Is(err, errMedia) && c.Header.Get("Content-Type") != "" {
		return o.message(http.StatusUnsupportedMediaType, "The request entity's media type is not supported for this resource.")
	}
	if err != nil {
		return oauth(http.StatusBadRequest, "invalid_request", "The form could not be read")
	}
	grant := form["grant_type"]
	needed, known := fields[grant]
	if !known || grant == "client_credentials" && !o.settings.hasClients() || grant == "mfa" && !o.settings.hasMFA() {
		return oauth(http.StatusBadRequest, "unsupported_grant_type", "")
	}
	for _, name := range needed {
		if form[name] == "" {
			return oauth(http.StatusBadRequest, "invalid_request", name+" is needed")
		}
	}
	if len(form) != len(needed)+1 {
		o.Violate(c, "an unknown parameter of "+grant)
		return oauth(http.StatusBadRequest, "invalid_request", "an unknown parameter")
	}
	a, granted := o.grant(grant, form)
	o.note(grant, granted)
	return a
}

// note counts what was judged. Log-ins are counted where they open a session.
func (o *Orchestrator) note(grant string, granted bool) {
	o.ledger.Note(func(l *server.LogIns) {
		switch {
		case grant == "refresh_token" && granted:
			l.Renewals++
		case grant == "refresh_token":
			l.RefusedRenewals++
		case !granted:
			l.Refused++
		}
	})
}

func (o *Orchestrator) grant(grant string, form map[string]string) (a server.Answer, granted bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch grant {
	case "password":
		return o.byPassword(form["username"], form["password"])
	case "client_credentials":
		return o.byClient(form["client_id"], form["client_secret"])
	case "mfa":
		return o.byPasscode(form["mfa_token"], form["mfa_passcode"])
	default:
		return o.byRefreshToken(form["refresh_token"])
	}
}

var invalidGrant = oauth(http.StatusBadRequest, "invalid_grant", "The credentials are incorrect.")

// byPassword opens a session, or asks for the second factor. The lock is held, as
// in the ones below.
func (o *Orchestrator) byPassword(name, password string) (server.Answer, bool) {
	user, known := o.users[strings.ToLower(name)]
	if !known || user.Password == "" || user.Password != password {
		return invalidGrant, false
	}
	if user.TOTPSecret == "" || !o.settings.hasMFA() {
		return o.open(strings.ToLower(user.Username), false), true
	}
	token := server.Opaque()
	o.secondFactor[token] = strings.ToLower(user.Username)
	return server.JSON(o.settings.MFAStatus, map[string]any{o.settings.MFATokenName: token}), true
}

func (o *Orchestrator) byClient(id, secret string) (server.Answer, bool) {
	for _, client := range o.clients {
		if client.ID == id && client.Secret != "" && client.Secret == secret {
			return o.open(id, true), true
		}
	}
	return oauth(http.StatusBadRequest, "invalid_client", "The client credentials are incorrect."), false
}

// byPasscode ends what byPassword began. An mfa token serves once, also for a
// wrong passcode.
func (o *Orchestrator) byPasscode(token, passcode string) (server.Answer, bool) {
	name, known := o.secondFactor[token]
	delete(o.secondFactor, token)
	user := o.users[name]
	if !known || user.TOTPSecret == "" || !o.acceptPasscode(user.TOTPSecret, passcode) {
		return invalidGrant, false
	}
	return o.open(name, false), true
}

func (o *Orchestrator) acceptPasscode(secret, passcode string) bool {
	if o.settings.ReusablePasscodes {
		return passcode == server.Passcode(secret, o.Now())
	}
	return o.passcodes.Accept(secret, passcode, o.Now())
}
