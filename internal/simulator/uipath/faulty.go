package uipath

import (
	"bytes"
	"net/http"
)

// sendFaulty writes the answer that a fault has in mind. given is the true one
// where the call was committed first.
func (x *exchange) sendFaulty(a *ActiveFault, given *answer) {
	f := &a.fault
	if f.Body < BodyBroken {
		x.send(x.o.faultyAnswer(x.c, f))
		return
	}
	whole := x.wholeAnswer(f, given)
	half := whole.body[:len(whole.body)/2]
	*x.status = whole.status
	switch f.Body {
	case BodyBroken:
		whole.body = half
		x.send(whole)
	case BodyTruncated:
		x.head(whole, len(whole.body))
		x.flush(half)
		panic(http.ErrAbortHandler)
	case BodyStalled:
		x.head(whole, len(whole.body))
		x.flush(half)
		x.silence(a)
	default:
		x.head(whole, -1)
		x.flush(half)
		x.stream(a)
	}
}

// wholeAnswer is what a damaged answer is made of.
func (x *exchange) wholeAnswer(f *Fault, given *answer) answer {
	whole := x.o.entity(http.StatusOK, append(x.o.openList("Empty", -1), "]}"...))
	if given != nil {
		whole = *given
	}
	if f.Status != 0 {
		whole.status = f.Status
	}
	return whole
}

func (x *exchange) flush(body []byte) {
	_, _ = x.w.Write(body)
	_ = http.NewResponseController(x.w).Flush()
}

// stream writes a text without end.
func (x *exchange) stream(a *ActiveFault) {
	chunk := bytes.Repeat([]byte("a"), 64<<10)
	for {
		select {
		case <-a.removed:
			panic(http.ErrAbortHandler)
		case <-x.o.running.Done():
			panic(http.ErrAbortHandler)
		default:
		}
		if _, err := x.w.Write(chunk); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// faultyAnswer is a whole answer that a fault has made up.
func (o *Orchestrator) faultyAnswer(c *call, f *Fault) answer {
	status := f.Status
	setDefault(&status, http.StatusServiceUnavailable)
	a := answer{status: status}
	switch {
	case f.Body == BodyHTML:
		a = page(status)
	case f.Body == BodyEmpty:
	case f.Body == BodyNull:
		a = answer{status: status, contentType: plainJSON, body: []byte("null")}
	case c.op.identity():
		a = oauthError(oauthName(f))
		a.status = status
	case status == http.StatusUnauthorized && f.ErrorCode == 0:
		a = unauthenticated()
	case status == http.StatusForbidden && f.ErrorCode == 0 && f.Message == "":
		a = unauthorized()
	default:
		message := f.Message
		setDefault(&message, "An error has occurred.")
		a = c.business(status, f.ErrorCode, message)
	}
	if f.RetryAfter != "" {
		a = a.with("Retry-After", f.RetryAfter)
	}
	switch {
	case f.Location != "":
		a = a.with("Location", f.Location)
	case status >= 300 && status < 400:
		a = a.with("Location", "/maintenance")
	}
	return a
}

func oauthName(f *Fault) string {
	switch {
	case f.Message != "":
		return f.Message
	case f.Status == http.StatusBadRequest || f.Status == http.StatusUnauthorized:
		return "invalid_client"
	case f.Status == http.StatusTooManyRequests || f.Status == 0 || f.Status == http.StatusServiceUnavailable:
		return "temporarily_unavailable"
	default:
		return "server_error"
	}
}
