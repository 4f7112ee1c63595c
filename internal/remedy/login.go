package remedy

import "github.com/queueferry/queueferry/internal/job"

// OfLogIn is what to do about a credential that does not work: by the error code
// of its log-in where that says more than the reason, else as OfHold. It is never
// empty.
func OfLogIn(r job.Reason, code string) string {
	if text, ok := ofLogIns[code]; ok && r != job.TokenRefused {
		return text
	}
	return OfHold(r)
}

const tried = " A changed secret file is tried within two seconds, anything else after a restart."

var ofLogIns = map[string]string{
	"invalid_client":         "Correct client_id or client_secret: the identity server does not know the one, or the other does not fit. See that token_url is that of the same organization." + tried,
	"invalid_scope":          "Ask only for scopes that the external application has, as application scopes; offline_access is not for this grant. Restart the worker then.",
	"unauthorized_client":    "Let the external application use this grant, as a confidential application, or correct client_id." + tried,
	"unsupported_grant_type": "See that token_url is that of the orchestrator's own identity server, and that the external application may use this grant." + tried,
	"secret_missing":         "Put the secret into the file that the credential names, and let the account of the worker read it: it is looked for every second. Nobody was asked, and nothing is locked.",
	"token_malformed":        "Put the token alone into its file, in one line and without blanks; it is tried within two seconds.",
	"no_endpoint":            "Correct token_url: for UiPath it ends with /identity_/connect/token in the cloud and with /identity/connect/token standalone. If it is right, a proxy or a gateway answers in its place. Restart the worker after a change of the file.",
	"no_token":               "Correct token_url, or see why the identity server answers without a token. It is asked again by itself.",
}
