package automationanywhere

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// logInModel is the body of a log-in (Enterprise 11, Authentication API;
// Automation 360, Authenticate: username and password, or API key).
type logInModel struct {
	Username      *string `json:"username"`
	Password      *string `json:"password"`
	APIKey        *string `json:"apiKey"`
	MFACode       *int64  `json:"mfaCode"`       // Enterprise 11
	MultipleLogin *bool   `json:"multipleLogin"` // Automation 360
	// A misspelling met in public clients, which is without effect.
	MultiLogin jsontext.Value `json:"multiLogin"`
}

// fits reports whether a body has what it needs and nothing of the other
// generation. Password and API key together are refused: which one counts is not
// documented.
func (m *logInModel) fits(g Generation) bool {
	foreign := m.MultipleLogin != nil
	if g == A360 {
		foreign = m.MFACode != nil
	}
	return m.Username != nil && *m.Username != "" && (m.Password == nil) != (m.APIKey == nil) && !foreign
}

func (o *ControlRoom) logIn(c *server.Call) server.Answer {
	var body logInModel
	if refused := o.decode(c, &body); refused != nil {
		return *refused
	}
	if body.MultiLogin != nil {
		o.Violate(c, "multiLogin in place of multipleLogin")
	}
	if !body.fits(o.settings.Generation) {
		return o.malformed(c, "username and one of password and apiKey are needed")
	}
	account, refused := o.judge(&body)
	if refused != nil {
		o.ledger.Note(func(l *server.LogIns) { l.Refused++ })
		return *refused
	}
	wanted := body.MultipleLogin != nil && *body.MultipleLogin
	token := o.open(account, body.APIKey != nil || wanted && account.MultipleSessions)
	o.ledger.Note(func(l *server.LogIns) { l.LogIns++ })
	return o.granted(token, account)
}

// judge finds the account of a log-in, or says why it is refused.
func (o *ControlRoom) judge(m *logInModel) (Account, *server.Answer) {
	refuse := func(status int, code, message string) (Account, *server.Answer) {
		a := envelope(status, code, message)
		return Account{}, &a
	}
	o.mu.Lock()
	account, known := o.accounts[strings.ToLower(*m.Username)]
	o.mu.Unlock()
	right := known && (m.Password != nil && *m.Password != "" && *m.Password == account.Password ||
		m.APIKey != nil && *m.APIKey != "" && *m.APIKey == account.APIKey)
	switch {
	case !right || !o.secondFactor(account, m.MFACode):
		return refuse(http.StatusUnauthorized, codeCredentials, "Invalid credentials")
	case account.Disabled:
		return refuse(http.StatusForbidden, codeDisabled, "The user is disabled")
	}
	return account, nil
}

func (o *ControlRoom) secondFactor(a Account, code *int64) bool {
	if a.TOTPSecret == "" || o.settings.Generation != E11 {
		return true
	}
	if code == nil {
		return false
	}
	digits := fmt.Sprintf("%06d", *code)
	if o.settings.ReusablePasscodes {
		return digits == server.Passcode(a.TOTPSecret, o.Now())
	}
	return o.passcodes.Accept(a.TOTPSecret, digits, o.Now())
}

// granted is the answer to a log-in or a renewal. Ids are numbers here.
func (o *ControlRoom) granted(token string, a Account) server.Answer {
	return server.JSON(http.StatusOK, map[string]any{
		"token": token,
		"user": map[string]any{
			"id": 9, "email": "robot@example.com", "username": a.Username, "domain": nil, "firstName": "", "lastName": "",
			"version": 9, "principalId": 9, "deleted": false, "roles": []any{}, "sysAssignedRoles": []any{},
			"groupNames": []any{}, "permissions": []any{}, "licenseFeatures": []string{"RUNTIME"}, "emailVerified": true,
			"disabled": a.Disabled,
		},
	})
}
