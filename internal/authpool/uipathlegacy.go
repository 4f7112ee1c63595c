package authpool

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

// UiPathLegacy logs in to a standalone Orchestrator without an identity server,
// by name and password (UiPath Orchestrator API, POST /api/Account/Authenticate).
// Its tokens can be neither renewed nor revoked.
type UiPathLegacy struct {
	URL      string // of the Orchestrator
	Tenant   string // tenancyName; empty: the server's default
	Username string
	Password secret.Source
	// Transport carries the request. Nil: http.DefaultTransport.
	Transport http.RoundTripper
}

// legacyLife is that of a token (Orchestrator's setting is 30 min): the answer
// does not tell it.
const legacyLife = 30 * time.Minute

// abpDialect is that of the framework beneath Orchestrator: an AjaxResponse, or
// message and errorCode. It may say that it refuses with a 200.
var abpDialect = dialect{
	read:     readABP,
	refusing: []int{http.StatusOK, http.StatusBadRequest, http.StatusForbidden},
	life:     legacyLife,
}

// Token logs in, once. The password is read first.
func (u *UiPathLegacy) Token(ctx context.Context) (Token, error) {
	password, err := readSecret("password", u.Password)
	if err != nil {
		return Token{}, err
	}
	body, err := json.Marshal(struct {
		Tenant   string `json:"tenancyName,omitempty"`
		Username string `json:"usernameOrEmailAddress"`
		Password string `json:"password"`
	}{u.Tenant, u.Username, password})
	if err != nil {
		return Token{}, &Error{Reason: job.IdentityUnavailable, Err: describe(err)}
	}
	got := &answer{base: u.Transport, dialect: abpDialect}
	address := strings.TrimRight(u.URL, "/") + "/api/Account/Authenticate"
	return got.ask(ctx, address, contentType(jsonType), string(body))
}

func readABP(body []byte) said {
	var fields struct {
		Result  json.RawMessage `json:"result"`
		Success json.RawMessage `json:"success"`
		Code    json.RawMessage `json:"errorCode"`
	}
	if json.Unmarshal(body, &fields) != nil {
		return said{}
	}
	token, code := text(fields.Result), scalar(fields.Code)
	switch {
	case code != "" && code != "0":
		return said{code: listed(code)}
	case string(fields.Success) == "false", code == "0" && token == "" && string(fields.Success) != "true":
		return said{code: codeOther}
	}
	return said{token: token}
}

// scalar is a number in JSON as it is written, or a text; empty where it is neither.
func scalar(raw json.RawMessage) string {
	var n json.Number
	if s := text(raw); s != "" || json.Unmarshal(raw, &n) != nil {
		return s
	}
	return n.String()
}
