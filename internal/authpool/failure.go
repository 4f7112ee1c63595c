package authpool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/netcause"
	"github.com/queueferry/queueferry/internal/secret"
)

// ErrClosed means that the pool was stopped and logs in no more.
var ErrClosed = errors.New("authpool: closed")

// Error says why there is no token. It is shared by all who asked and must not
// be changed. It never holds a secret, a token, or a text that a server sent.
type Error struct {
	// Credential is the name of the credential; of several, of the one that is
	// tried again first.
	Credential string
	// Reason is who must act: job.CredentialsRefused (the operator),
	// job.IdentityUnavailable (wait), job.TokenRefused (the API's operator) or
	// job.SessionTaken (whoever else uses the account).
	Reason job.Reason
	// Status is the HTTP status of the identity server's answer, or of the
	// API's if Reason is job.TokenRefused or job.SessionTaken. 0: no answer.
	Status int
	// Code is the error that the server named, "other" for one that is not listed, or one of
	// "secret_missing", "token_malformed", "token_ended", "no_endpoint", "no_token",
	// "totp_malformed" and "passcode_used". May be empty.
	Code string
	// RetryAt is when the pool tries again by itself. It may have passed if the
	// caller waited for the log-in of another credential meanwhile.
	RetryAt time.Time
	// Err is the cause, where there was no answer. Nil otherwise.
	Err error
}

// Error is one sentence of bounded length.
func (e *Error) Error() string {
	if e.Credential == "" {
		return "authpool: " + e.detail()
	}
	return fmt.Sprintf("authpool: credential %.64q: %s", e.Credential, e.detail())
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// detail is the sentence without the names.
func (e *Error) detail() string {
	what := "the identity server gives no token"
	switch {
	case e.Code == codeSecretMissing:
		what = "there is no secret to log in with"
	case e.Code == codeTokenMalformed:
		what = "the token cannot be used"
	case e.Code == codeTOTPMalformed:
		what = "the TOTP secret cannot be used"
	case e.Reason == job.CredentialsRefused:
		what = "the credential is refused"
	case e.Reason == job.TokenRefused:
		what = "the API refuses a fresh token"
	case e.Reason == job.SessionTaken:
		what = "another log-in of the same account ends the session"
	}
	if facts := e.facts(); facts != "" {
		return what + ": " + facts
	}
	return what
}

// facts is what is known of the cause: code, status, and what went wrong.
func (e *Error) facts() string {
	var parts []string
	if text, ours := ownCodes[e.Code]; !ours && e.Code != "" {
		parts = append(parts, e.Code)
	} else if text != "" {
		parts = append(parts, text)
	}
	if e.Status != 0 {
		parts = append(parts, fmt.Sprintf("status %d", e.Status))
	}
	if e.Err != nil {
		parts = append(parts, fmt.Sprintf("%.256s", e.Err))
	}
	return strings.Join(parts, ": ")
}

// The codes of our own, beside those of OAuth.
const (
	codeSecretMissing  = "secret_missing"  // nothing was asked: there is no secret to ask with
	codeTokenMalformed = "token_malformed" // the token holds what no header may bear
	codeTokenEnded     = "token_ended"     // the token was at its end before it came
	codeNoEndpoint     = "no_endpoint"     // what answers is no identity server
	codeNoToken        = "no_token"        // the answer is a success, and has no token
	codeTOTPMalformed  = "totp_malformed"  // no passcode can be made of the TOTP secret
	codePasscodeUsed   = "passcode_used"   // the passcode was sent already, and the next one is not due yet
)

// ownCodes are our codes in words; empty where the rest of the text says it.
var ownCodes = map[string]string{
	codeSecretMissing:  "",
	codeTokenMalformed: "",
	codeTokenEnded:     "it had ended before it came",
	codeNoEndpoint:     "what answers at that address gives no tokens",
	codeNoToken:        "the answer has no token",
	codeTOTPMalformed:  "",
	codePasscodeUsed:   "the present passcode was used already, and the next one is due within its period",
}

// failureOf turns any error of a grant into an Error of our own.
func failureOf(name string, err error) *Error {
	e := Error{Reason: job.IdentityUnavailable}
	if own, ok := errors.AsType[*Error](err); ok {
		e = *own
	} else if errors.Is(err, secret.ErrMissing) {
		e.Reason, e.Code, e.Err = job.CredentialsRefused, codeSecretMissing, &cause{secret.Why(err), secret.ErrMissing}
	} else {
		e.Err = describe(err)
	}
	e.Credential = name
	return &e
}

// cause is an error cut down to a text of ours. It unwraps to a sentinel only.
type cause struct {
	text string
	is   error
}

func (c *cause) Error() string { return c.text }
func (c *cause) Unwrap() error { return c.is }

// describe tells the kind of a failed exchange. The errors of net/http and of
// x/oauth2 quote URLs and what the server sent, so none of their text is used.
func describe(err error) error {
	if errors.Is(err, context.Canceled) {
		return &cause{"given up", context.Canceled}
	}
	if timeout, ok := errors.AsType[net.Error](err); errors.Is(err, context.DeadlineExceeded) || ok && timeout.Timeout() {
		return &cause{"timed out", context.DeadlineExceeded}
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return &cause{netcause.Of(err), number}
	}
	return &cause{netcause.Of(err), nil}
}
