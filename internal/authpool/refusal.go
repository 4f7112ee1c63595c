package authpool

import (
	"errors"
	"net/http"

	"github.com/queueferry/queueferry/internal/job"
)

// renewalError is err of a renewal as the pool wants it: whatever the server has
// against the old token counts as a refusal, after which the pool logs in.
func renewalError(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || !turnedDown(err) {
		return err
	}
	refusal := *e
	refusal.Reason = job.CredentialsRefused
	return &refusal
}

// turnedDown tells whether the server judged the token that it was to renew, and
// not itself. A Control Room may call that a fault of its own.
func turnedDown(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	}
	return e.Status >= 400 && e.Status < 500 || e.Reason == job.CredentialsRefused || e.Code == codeServerException
}
