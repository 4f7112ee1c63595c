package check

import (
	"strconv"
	"strings"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
)

// products is what the file alone tells of the connections: log-ins that end each
// other's session.
func (b *book) products(cfg *config.Config) {
	for _, c := range cfg.Connections {
		subject := "connection " + c.Name
		for i, credential := range c.Credentials {
			if c.Product == config.AutomationAnywhere && credential.Password.IsSet() {
				b.add(sharedSession(subject, numbered("session", i, c), c.Generation, credential))
			}
		}
	}
}

// numbered is the check's name for one credential of a connection.
func numbered(check string, i int, c config.Connection) string {
	if len(c.Credentials) == 1 {
		return check
	}
	return check + " " + strconv.Itoa(i+1)
}

const useKey = "Let the user's role make API keys, and set api_key in place of password: sessions of a key stand beside each other."

// sharedSession advises an API key (Control Room APIs, Authenticate with an API key).
func sharedSession(subject, check, generation string, c config.Credential) finding.Finding {
	detail := "the log-in is by password: each one ends the session before it, so that several pods on this account, or a person, end each other's"
	remedy := []string{useKey}
	switch {
	case c.MultipleLogin:
		detail = "the log-in is by password: with multiple_login its session stands beside others only if the user may have several"
	case generation == "a360":
		remedy = append(remedy, "Or set multiple_login, and allow the user several sessions in the Control Room.")
	default:
		remedy = append(remedy, "With a password run one pod, on an account that nobody else uses.")
	}
	return finding.Bad(finding.Warning, subject, check, detail, strings.Join(remedy, " "))
}

// sparing leaves out the refresh tokens: a log-in would use one up, and the
// log-out end what came in its place, so that the worker could not log in with it.
func sparing(c config.Connection, subject string) (config.Connection, []finding.Finding) {
	var left []config.Credential
	var all []finding.Finding
	for i, credential := range c.Credentials {
		if credential.Grant != config.RefreshToken {
			left = append(left, credential)
			continue
		}
		all = append(all, finding.Bad(finding.Unknown, subject, numbered("refresh token", i, c), "whether it is good was not tried: a log-in would use it up",
			"Start the worker to try it; a credential with grant password can be checked."))
	}
	c.Credentials = left
	return c, all
}
