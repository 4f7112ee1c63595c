package uipath

import (
	"net/http"
	"strconv"
	"time"
)

// Unavailable answers every call of the API with 503 and a gateway's page.
func Unavailable() Fault { return Fault{Status: http.StatusServiceUnavailable, Body: BodyHTML} }

// Throttled answers 429 in the product's envelope. retryAfter is the header's
// value, empty for none.
func Throttled(retryAfter string, operations ...Operation) Fault {
	return Fault{Status: http.StatusTooManyRequests, RetryAfter: retryAfter, Operations: operations, Message: "Too many requests."}
}

// CommitThenDrop carries a call out and closes the connection without an answer.
func CommitThenDrop(operations ...Operation) Fault {
	return Fault{Kind: Drop, Commit: CommitFirst, Operations: operations}
}

// CommitThenStatus carries a call out and answers with a gateway's page.
func CommitThenStatus(status int, operations ...Operation) Fault {
	return Fault{Status: status, Body: BodyHTML, Commit: CommitFirst, Operations: operations}
}

// CommitLater resets the connection at once; the effect appears after the delay.
func CommitLater(delay time.Duration, operations ...Operation) Fault {
	return Fault{Kind: Reset, Commit: CommitLate, CommitDelay: delay, Operations: operations}
}

// RefuseTokens answers 401 to every token, fresh ones too.
func RefuseTokens() Fault {
	return Fault{Status: http.StatusUnauthorized, Operations: AuthorizedOperations}
}

// ForbidFolder answers 403 in the product's envelope to every call in a folder.
func ForbidFolder(path string) Fault {
	return Fault{Status: http.StatusForbidden, Folder: path}
}

// PendingJobs refuses every start of jobs with 409 and error code 1670.
func PendingJobs() Fault {
	return Fault{Kind: FailItems, Operations: []Operation{StartJobs}, Status: http.StatusConflict, ErrorCode: codePendingJobs,
		ErrorName: "PendingJobsAlreadyExist", Message: "The robots already have pending jobs for this Process"}
}

// IdentityDown answers every log-in with a status and a gateway's page.
func IdentityDown(status int) Fault {
	return Fault{Status: status, Body: BodyHTML, Operations: []Operation{Token}}
}

// RetryAfterSeconds and RetryAfterDate are the two forms of the header, rounded
// up to whole seconds.
func RetryAfterSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// RetryAfterDate is the time d from now, on our own clock.
func RetryAfterDate(d time.Duration) string {
	return time.Now().Add(d + time.Second - 1).UTC().Format(http.TimeFormat)
}
