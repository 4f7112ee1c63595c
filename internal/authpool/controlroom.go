package authpool

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

// ControlRoom logs in to Automation Anywhere's Control Room. It must not be
// copied once it is used.
type ControlRoom struct {
	URL        string // of the Control Room
	Generation string // e11 or a360
	Username   string
	// APIKey or Password: one of the two.
	APIKey, Password secret.Source
	// TOTPSecret makes the mfaCode of an account with two factors, on e11; not
	// set: none.
	TOTPSecret secret.Source
	// MultipleLogin asks for a session beside others (a360 with a password).
	MultipleLogin bool
	// Transport carries the request. Nil: http.DefaultTransport.
	Transport http.RoundTripper

	passcodes passcodes
}

// Token logs in, which ends an earlier session of the account unless it logs in
// by API key, or may have several.
func (c *ControlRoom) Token(ctx context.Context) (Token, error) {
	ask, err := c.logIn(ctx)
	if err != nil {
		return Token{}, err
	}
	token, err := c.ask(ctx, "/authentication", ask)
	if ask.MFACode != nil {
		err = c.passcodes.spent(err)
	}
	return token, err
}

// Renew exchanges a token that is still good for the next one.
func (c *ControlRoom) Renew(ctx context.Context, live Token) (Token, error) {
	token, err := c.ask(ctx, "/authentication/token", tokenBody{live.Value})
	return token, renewalError(err)
}

// Logout ends the session of the token.
func (c *ControlRoom) Logout(ctx context.Context, token Token) error {
	header := http.Header{"X-Authorization": {token.Value}}
	return c.answer().send(ctx, http.MethodPost, c.address("v1", "/authentication/logout"), header, "")
}

// Validate asks whether the Control Room takes the token. It puts the token into
// the address of the request, which proxies may write down: it is for a check by
// hand, not for the path of every call.
func (c *ControlRoom) Validate(ctx context.Context, token Token) (bool, error) {
	var verdict struct {
		Valid *bool `json:"valid"`
	}
	got := c.answer()
	got.dialect.read = func(body []byte) said {
		_ = json.Unmarshal(body, &verdict)
		return readControlRoom(body)
	}
	address := c.address("v1", "/authentication/token") + "?token=" + url.QueryEscape(token.Value)
	if err := got.send(ctx, http.MethodGet, address, http.Header{}, ""); err != nil {
		return false, err
	}
	if verdict.Valid == nil {
		return false, &Error{Reason: job.IdentityUnavailable, Status: got.status, Code: codeNoEndpoint}
	}
	return *verdict.Valid, nil
}

// logIn is the body of a log-in, with only the fields that it needs. encoding/json
// doubles the backslashes of an API key, as JSON wants them.
type logIn struct {
	Username      string `json:"username"`
	Password      string `json:"password,omitempty"`
	APIKey        string `json:"apiKey,omitempty"`
	MFACode       *int   `json:"mfaCode,omitempty"`
	MultipleLogin bool   `json:"multipleLogin,omitempty"`
}

type tokenBody struct {
	Token string `json:"token"`
}

func (c *ControlRoom) logIn(ctx context.Context) (logIn, error) {
	ask := logIn{Username: c.Username}
	var err error
	if c.APIKey.IsSet() {
		if ask.APIKey, err = c.APIKey.Read(); err != nil {
			return logIn{}, fmt.Errorf("api key: %w", err)
		}
	} else {
		if ask.Password, err = c.Password.Read(); err != nil {
			return logIn{}, fmt.Errorf("password: %w", err)
		}
		ask.MultipleLogin = c.MultipleLogin && !c.e11()
	}
	if c.e11() && c.TOTPSecret.IsSet() {
		ask.MFACode, err = c.mfaCode(ctx)
	}
	return ask, err
}

// mfaCode is the passcode as the number that the Control Room wants.
func (c *ControlRoom) mfaCode(ctx context.Context) (*int, error) {
	code, err := c.passcodes.next(ctx, c.TOTPSecret)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(code)
	if err != nil {
		return nil, malformedTOTP()
	}
	return &number, nil
}

// ask posts body to a path that each generation has under a version of its own.
func (c *ControlRoom) ask(ctx context.Context, path string, body any) (Token, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return Token{}, &Error{Reason: job.IdentityUnavailable, Err: describe(err)}
	}
	version := "v2"
	if c.e11() {
		version = "v1"
	}
	return c.answer().ask(ctx, c.address(version, path), contentType(jsonType), string(encoded))
}

func (c *ControlRoom) e11() bool { return c.Generation == "e11" }

func (c *ControlRoom) answer() *answer {
	return &answer{base: c.Transport, dialect: controlRoomDialect}
}

func (c *ControlRoom) address(version, path string) string {
	return strings.TrimRight(c.URL, "/") + "/" + version + path
}

// controlRoomDialect: the answer does not tell the life of a token; if the token
// does not either, it is the product's default.
var controlRoomDialect = dialect{read: readControlRoom, refusing: []int{400, 403}, life: 20 * time.Minute}

// readControlRoom reads the token, or the error: {code, details, message}.
func readControlRoom(body []byte) said {
	var fields struct {
		Token   json.RawMessage `json:"token"`
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
	}
	if json.Unmarshal(body, &fields) != nil {
		return said{}
	}
	out := said{token: text(fields.Token), code: listed(text(fields.Code))}
	if out.code == "" && out.token == "" && text(fields.Message) != "" {
		out.code = codeOther
	}
	return out
}
