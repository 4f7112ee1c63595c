package authpool

import (
	"net/http"

	"github.com/queueferry/queueferry/internal/secret"
)

// Veeam logs in to Veeam Recovery Orchestrator: by name and password, by the
// credentials of a client, or by a refresh token; the one that is set.
type Veeam struct {
	URL          string // of the orchestrator, without a path
	Username     string // DOMAIN\\USERNAME or USERNAME
	Password     secret.Source
	ClientID     string
	ClientSecret secret.Source
	RefreshToken secret.Source
	// TOTPSecret makes the passcode of an account with two factors; not set: none.
	TOTPSecret secret.Source
	// Transport carries the request. Nil: http.DefaultTransport.
	Transport http.RoundTripper
}
