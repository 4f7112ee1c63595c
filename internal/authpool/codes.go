package authpool

// The codes of OAuth 2.0 errors (RFC 6749, sections 4.1.2.1 and 5.2; RFC 8628; RFC
// 7009; OpenID Connect). A code that is not listed is not repeated anywhere, because
// a server may reflect the secret in it.
var (
	refusalCodes = map[string]bool{
		"invalid_client":         true,
		"unauthorized_client":    true,
		"invalid_scope":          true,
		"invalid_grant":          true,
		"unsupported_grant_type": true,
		"access_denied":          true,
	}
	serverCodes = map[string]bool{
		"server_error":            true,
		"temporarily_unavailable": true,
		"slow_down":               true,
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
		"mfa_required":           true,
	}
)

// knownCode is code if it is listed, else empty.
func knownCode(code string) string {
	if refusalCodes[code] || serverCodes[code] || otherCodes[code] {
		return code
	}
	return ""
}
