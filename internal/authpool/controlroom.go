package authpool

import (
	"net/http"

	"github.com/queueferry/queueferry/internal/secret"
)

// ControlRoom logs in to Automation Anywhere's Control Room.
type ControlRoom struct {
	URL        string // of the Control Room
	Generation string // e11 or a360
	Username   string
	// APIKey or Password: one of the two.
	APIKey, Password secret.Source
	// TOTPSecret makes the mfaCode of an account with two factors; not set: none.
	TOTPSecret secret.Source
	// MultipleLogin asks for a session beside others (a360 with a password).
	MultipleLogin bool
	// Transport carries the request. Nil: http.DefaultTransport.
	Transport http.RoundTripper
}
