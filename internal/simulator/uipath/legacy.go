package uipath

import (
	"encoding/base64"
	"net/http"
	"time"
)

// loginModel is the body of the legacy log-in (Orchestrator's own definition of
// the API, 2018.4 to 2020.10: Account).
type loginModel struct {
	TenancyName            *string `json:"tenancyName"`
	UsernameOrEmailAddress string  `json:"usernameOrEmailAddress"`
	Password               string  `json:"password"`
}

// legacyLogIn gives a token for name and password, without telling its life.
func (o *Orchestrator) legacyLogIn(c *call) answer {
	if !o.tokens.hasUsers() {
		return page(http.StatusNotFound) // an Orchestrator that has an identity server only
	}
	var body loginModel
	if refused := c.decode(&body, "login"); refused != nil {
		return *refused
	}
	switch {
	case body.UsernameOrEmailAddress == "":
		return c.modelError("UsernameOrEmailAddress", "The UsernameOrEmailAddress field is required.")
	case body.Password == "":
		return c.modelError("Password", "The Password field is required.")
	}
	tenant := o.settings.Tenant
	if body.TenancyName != nil {
		tenant = *body.TenancyName
	}
	granted := fold(tenant) == fold(o.settings.Tenant) && o.tokens.knows(body.UsernameOrEmailAddress, body.Password)
	o.books.countLogIn(granted)
	if !granted {
		return o.legacyRefusal(c)
	}
	return abpResult(o.legacyToken())
}

func (o *Orchestrator) legacyToken() string {
	const holder = "legacy"
	life := o.settings.LegacyTokenLife
	if o.settings.LegacyJWT {
		return o.keepJWT(holder, AllScopes, life)
	}
	token := base64.RawURLEncoding.EncodeToString(randomBytes(256))
	o.tokens.keep(token, grant{clientID: holder, scopes: AllScopes, expires: time.Now().Add(life)})
	return token
}

// legacyRefusal has the three forms that are told of. That it is 400 follows from
// the documented statuses (200, 400, 500) and from the error code's text.
func (o *Orchestrator) legacyRefusal(c *call) answer {
	const text = "Invalid username/email address or password."
	switch o.settings.LegacyRefusal {
	case http.StatusOK, http.StatusUnauthorized:
		return abp(o.settings.LegacyRefusal, text, text)
	default:
		return c.business(o.settings.LegacyRefusal, codeInvalidRequest, text)
	}
}

// abpResult is the envelope of a call that went well.
func abpResult(result string) answer {
	body := appendText([]byte(`{"result":`), result)
	body = append(body, `,"targetUrl":null,"success":true,"error":null,"unAuthorizedRequest":false,"__abp":true}`...)
	return answer{status: http.StatusOK, contentType: plainJSON, body: body}
}
