package remedy

import "github.com/queueferry/queueferry/internal/job"

// OfLogIn is what to do about a credential that does not work: by the error code
// of its log-in where that says more than the reason, else as OfHold. It is never
// empty.
func OfLogIn(r job.Reason, code string) string {
	if code == "token_malformed" && r == job.IdentityUnavailable {
		code = "no_token" // the server made it, and not the operator
	}
	if text, ok := ofLogIns[code]; ok && r != job.TokenRefused && r != job.SessionTaken {
		return text
	}
	return OfHold(r)
}

const tried = " A changed secret file is tried within two seconds, anything else after a restart."

var ofLogIns = map[string]string{
	"invalid_client":         "Correct client_id or client_secret: the identity server does not know the one, or the other does not fit. See that token_url is that of the same organization." + tried,
	"invalid_scope":          "Ask only for scopes that the external application has, as application scopes; offline_access is not for this grant. Restart the worker then.",
	"unauthorized_client":    "Let the external application use this grant, as a confidential application, or correct client_id." + tried,
	"unsupported_grant_type": "See that token_url is that of the orchestrator's own identity server, and that the external application may use this grant. Veeam Recovery Orchestrator 13 may know password and refresh_token only." + tried,
	"invalid_grant":          "Correct username and password; Veeam wants DOMAIN\\USERNAME or USERNAME. A refresh token has ended, or was used: put a new one into its file. If a passcode belongs to it, the clock of this machine must be right." + tried,
	"mfa_required":           "The account has two factors: put its TOTP secret into totp_secret, or better use an account without a second factor." + tried,
	"1000":                   "Correct username, password and tenant: the Orchestrator does not take them. See that the account is active and not locked." + tried,
	"UM1110":                 accountOfControlRoom,
	"UM1111":                 accountOfControlRoom,
	"secret_missing":         "Put the secret into the file that the credential names, and let the account of the worker read it: it is looked for every second. Nobody was asked, and nothing is locked.",
	"token_malformed":        "Put the token alone into its file, in one line and without blanks; it is tried within two seconds.",
	"totp_malformed":         "Put the TOTP secret alone into its file: the base32 text that the product shows beside the QR code, or the otpauth address that is in it." + tried,
	"passcode_used":          "Nothing to do: no passcode is sent twice, and the next one is due within its period.",
	"no_endpoint":            "Correct token_url: for UiPath it ends with /identity_/connect/token in the cloud and with /identity/connect/token standalone. A credential without token_url logs in at the connection's url: correct that, to the Control Room for Automation Anywhere, and generation with it; to https://HOST:9898 for Veeam; to the Orchestrator for uipath_legacy. If the address is right, a proxy or a gateway answers in its place. Restart the worker after a change of the file.",
	"no_token":               "Correct token_url, or url where there is none, or see why the server answers without a token, or with one that no header may bear. It is asked again by itself.",
	// What the Control Room answers to a request that it cannot read, too.
	"generic.server.exception": "See to the Control Room's own log. If it is well otherwise, the request may be wrong for it: correct generation (e11 for Enterprise 11, a360 for Automation 360) and username. It is asked again by itself.",
}

const accountOfControlRoom = "Correct username and api_key or password: a key that was made anew voids the one before, and it ends when the administrator said. See that the account is neither disabled nor locked. One with a second factor needs totp_secret on e11, and a right clock; on a360 use one without." + tried

// OfClients is what to do about an answer to a command about clients: it is given
// once, and nothing goes on by itself. It is never empty.
func OfClients(r job.Reason) string {
	if text, ok := ofClients[r]; ok {
		return text
	}
	return OfHold(r)
}

var ofClients = map[job.Reason]string{
	job.Forbidden:        "Give the user a role in Veeam Recovery Orchestrator that may have clients, or log in as another user. If it has one, a proxy or a gateway may have answered: see to url.",
	job.RejectedByTarget: "See that the server has the api_version of the connection, and what its own log says; then run the command again.",
	job.Throttled:        "Wait a little, and run the command again.",
	job.TokenRefused:     "See that url is that of one server, and that nobody else logs in with the account; then run the command again.",
	job.UnexpectedAnswer: "Correct url of the connection: https://HOST:9898. If it is right, a proxy or a gateway answers in the server's place.",
}
