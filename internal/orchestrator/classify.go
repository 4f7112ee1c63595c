package orchestrator

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/netcause"
	"github.com/queueferry/queueferry/internal/retry"
)

// Classify says what an answer means by its HTTP status alone. A connector
// refines it with the product's own error codes, and turns a 2xx whose body is
// what the API promises into a Delivered. acts tells that the call would change
// something; envelope, that the body is an error in the product's own form.
func Classify(a Answer, acts, envelope bool) Result {
	r := classify(a, acts, envelope)
	r.Status = a.Status
	r.Called = acts && a.Written
	return r
}

func classify(a Answer, acts, envelope bool) Result {
	switch {
	case a.Status == 0:
		return noAnswer(a, acts)
	case a.Status == http.StatusUnauthorized:
		return unavailable(job.TokenRefused, Refused, "the API refuses a fresh token: status 401")
	case a.Status == http.StatusTooManyRequests:
		r := unavailable(job.Throttled, Throttled, "the API asks for fewer calls")
		r.RetryAfter, _ = retry.After(a.Header.Get("Retry-After"), time.Now())
		return r
	case a.Status >= 300 && a.Status < 400:
		return unavailable(job.UnexpectedAnswer, Ill, "the API answered with a redirect, which is never followed; check the connection's url")
	case a.Err != nil:
		return cutOff(a, acts)
	case a.Status < 300:
		return lost(acts, job.UnexpectedAnswer, "the answer is not what the API promises")
	case a.Status >= 500, a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooEarly:
		return serverError(a, acts)
	case !envelope && a.Status == http.StatusBadRequest && netcause.WantsTLS(a.Body):
		return unavailable(job.UnexpectedAnswer, Ill, netcause.SpeaksTLS)
	case !envelope && foreignPage(a.Status):
		return unavailable(job.UnexpectedAnswer, Ill, "the answer does not come from the product: a page of a proxy or an ingress; check the connection's url")
	default:
		return rejected(a.Status)
	}
}

// cutOff is the result of an answer that began and did not end: what it says in
// its status is not enough, for its body may say duplicate.
func cutOff(a Answer, acts bool) Result {
	switch {
	case errors.Is(a.Err, context.Canceled):
		return stopped(a, acts)
	case errors.Is(a.Err, context.DeadlineExceeded):
		return lost(acts, job.TimedOut, "the answer did not end within the time-out")
	case errors.Is(a.Err, ErrAnswerTooLong):
		return lost(acts, job.UnexpectedAnswer, "the answer is longer than "+strconv.Itoa(MaxAnswer)+" bytes")
	}
	return lost(acts, job.ConnectionLost, "the answer was cut off: "+netcause.Of(a.Err))
}

// foreignPage tells the statuses with which an ingress or a proxy answers for a
// product that is not there.
func foreignPage(status int) bool {
	switch status {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusProxyAuthRequired:
		return true
	}
	return false
}

func rejected(status int) Result {
	r := Result{Health: Well, Outcome: job.Reject(job.RejectedByTarget, "the API refused the request with status "+strconv.Itoa(status))}
	switch status {
	case http.StatusForbidden:
		r.Verdict, r.Reason = job.Deferred, job.Forbidden
	case http.StatusNotFound:
		r.Reason = job.NotFound
	case http.StatusRequestEntityTooLarge:
		r.Reason = job.TooLarge
	}
	return r
}

func serverError(a Answer, acts bool) Result {
	r := lost(acts, job.ServiceUnavailable, "the API answered with status "+strconv.Itoa(a.Status))
	if a.Status == http.StatusServiceUnavailable {
		r.RetryAfter, _ = retry.After(a.Header.Get("Retry-After"), time.Now())
	}
	return r
}

// noAnswer tells what was not sent from what was sent and lost.
func noAnswer(a Answer, acts bool) Result {
	if denied, ok := errors.AsType[*authpool.Error](a.Err); ok {
		return unavailable(denied.Reason, Refused, detailOf(denied))
	}
	if errors.Is(a.Err, context.Canceled) || errors.Is(a.Err, authpool.ErrClosed) {
		return stopped(a, acts)
	}
	if !a.Written {
		return unavailable(job.ConnectionFailed, Ill, "no connection: "+netcause.Of(a.Err))
	}
	if errors.Is(a.Err, context.DeadlineExceeded) {
		return lost(acts, job.TimedOut, "no answer within the time-out")
	}
	return lost(acts, job.ConnectionLost, "the connection was lost before the answer came: "+netcause.Of(a.Err))
}

// stopped is the result of a call that we gave up ourselves: it tells nothing of
// the orchestrator.
func stopped(a Answer, acts bool) Result {
	if !a.Written {
		return unavailable(job.ConnectionFailed, Untold, "the worker stopped before the call was made")
	}
	r := lost(acts, job.ConnectionLost, "the worker stopped while the call was under way")
	r.Health = Untold
	return r
}

// lost is the result of a call of which nobody knows whether it was carried
// out; a look-up can simply be made again.
func lost(acts bool, reason job.Reason, detail string) Result {
	if !acts {
		return unavailable(reason, Ill, detail)
	}
	return Result{Health: Ill, Outcome: job.Outcome{Verdict: job.Unknown, Reason: reason, Detail: detail}}
}

func unavailable(reason job.Reason, h Health, detail string) Result {
	return Result{Health: h, Outcome: job.Outcome{Verdict: job.Unavailable, Reason: reason, Detail: detail}}
}

// detailOf is an error of the pool in words for an operator: no package's name.
func detailOf(e *authpool.Error) string { return strings.TrimPrefix(e.Error(), "authpool: ") }
