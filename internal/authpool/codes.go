package authpool

// The codes of errors that a server may report. One that is not listed is not
// repeated anywhere, because a server may reflect the secret in it. They are those of
// OAuth 2.0 (RFC 6749, sections 4.1.2.1 and 5.2; RFC 8628; RFC 7009; OpenID Connect),
// of UiPath's Orchestrator (the number) and of Automation Anywhere's Control Room.
var (
	refusalCodes = map[string]bool{
		codeInvalidClient:        true,
		"unauthorized_client":    true,
		"invalid_scope":          true,
		"invalid_grant":          true,
		"unsupported_grant_type": true,
		"access_denied":          true,
		"1000":                   true, // UiPath: wrong name or password
		"UM1110":                 true, // Control Room: wrong name or password
		"UM1111":                 true, // Control Room: wrong name or password
	}
	serverCodes = map[string]bool{
		"server_error":            true,
		"temporarily_unavailable": true,
		"slow_down":               true,
		// Control Room: also its answer to a request of the wrong generation.
		codeServerException: true,
	}
	otherCodes = map[string]bool{
		"invalid_request":        true,
		"invalid_target":         true,
		"invalid_token":          true,
		"unsupported_token_type": true,
		"expired_token":          true,
		"interaction_required":   true,
		"login_required":         true,
		"consent_required":       true,
		codeMFARequired:          true,
		"UM1117":                 true, // Control Room: no token in X-Authorization
	}
)

const (
	codeInvalidClient   = "invalid_client"
	codeServerException = "generic.server.exception"
	codeMFARequired     = "mfa_required" // also ours: the server asks for a passcode, and there is no totp_secret
)

// codeOther stands for a code that is not listed.
const codeOther = "other"

// listed is code if it is listed, codeOther if it is not, and empty if it is.
func listed(code string) string {
	if code == "" || refusalCodes[code] || serverCodes[code] || otherCodes[code] {
		return code
	}
	return codeOther
}
