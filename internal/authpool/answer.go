package authpool

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
)

// maxAnswer bounds what is read of an identity server's answer, in bytes.
const maxAnswer = 1 << 20

// answer sends one request to an identity server and notes what matters of the
// answer. It stands between the server and x/oauth2, which refuses a token
// whose expires_in is a fraction, counts its life from the end of the answer,
// reads JSON only under the right content type, and puts the whole body into
// its errors. It serves one request and is not safe for concurrent use.
type answer struct {
	base http.RoundTripper // nil: http.DefaultTransport

	status     int // 0: no answer came, or not all of it
	retryAfter string
	html       bool
	envelope   bool   // an OAuth error, or what looks like one
	code       string // the OAuth error, if it is a known one
	life       time.Duration
	value      string // access_token
}

// client is an HTTP client for this one request. It follows no redirect, so
// that the secret goes nowhere else.
func (a *answer) client() *http.Client {
	return &http.Client{
		Transport:     a,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip passes the request on, and hands back a short answer of the same
// status in which only the fields that x/oauth2 needs are left.
func (a *answer) RoundTrip(req *http.Request) (*http.Response, error) {
	base := a.base
	if base == nil {
		base = http.DefaultTransport
	}
	resp, err := base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	a.note(resp, body)
	short, err := json.Marshal(map[string]string{"access_token": a.value, "error": a.code})
	if err != nil {
		return nil, err
	}
	resp.Header = http.Header{"Content-Type": {"application/json"}}
	resp.Body = io.NopCloser(bytes.NewReader(short))
	resp.ContentLength = int64(len(short))
	return resp, nil
}

func (a *answer) note(resp *http.Response, body []byte) {
	a.status = resp.StatusCode
	a.retryAfter = resp.Header.Get("Retry-After")
	a.html = strings.Contains(resp.Header.Get("Content-Type"), "html") || bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
	var fields struct {
		Token   json.RawMessage `json:"access_token"`
		Expires json.RawMessage `json:"expires_in"`
		Error   json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &fields) != nil {
		return
	}
	a.value = text(fields.Token)
	a.life = parseLife(fields.Expires)
	reported := text(fields.Error)
	a.envelope = reported != ""
	a.code = knownCode(reported)
	if a.envelope && a.code == "" {
		a.code = "other"
	}
}

// text is the JSON string in raw; empty where it is none.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// expiry is the end of a token that was asked for at sent. Zero: unknown.
func (a *answer) expiry(sent time.Time) time.Time {
	if a.life == 0 {
		return time.Time{}
	}
	return sent.Add(a.life)
}

// failure says what a request that gave no token means. Of err only the kind
// is used, and only if there was no answer. It is nil where no token was asked for.
func (a *answer) failure(err error) *Error {
	if a.status == 0 {
		return &Error{Reason: job.IdentityUnavailable, Err: describe(err)}
	}
	e := &Error{Reason: job.IdentityUnavailable, Status: a.status, Code: a.code}
	if e.Code == "" && err != nil {
		e.Code = a.ownCode()
	}
	if a.refuses() {
		e.Reason = job.CredentialsRefused
	}
	if a.status == http.StatusTooManyRequests {
		now := time.Now()
		if wait, told := retry.After(a.retryAfter, now); told {
			e.RetryAt = now.Add(wait)
		}
	}
	return e
}

// ownCode says what is wrong with an answer that is no error of OAuth; empty if
// the status says it.
func (a *answer) ownCode() string {
	switch {
	case a.status >= 300 && a.status < 400, a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed,
		a.html && a.status < 500 && a.status != http.StatusTooManyRequests:
		return codeNoEndpoint
	case a.status < 300:
		return codeNoToken
	}
	return ""
}

// refuses tells whether the server judged the credential, and not itself. A bare
// 401 counts: asking again every few seconds could lock the account. An HTML page
// does not: it comes from a proxy.
func (a *answer) refuses() bool {
	switch {
	case a.status == http.StatusTooManyRequests, serverCodes[a.code]:
		return false
	case refusalCodes[a.code]:
		return true
	case a.status == http.StatusBadRequest:
		return a.envelope
	case a.status == http.StatusUnauthorized:
		return a.envelope || !a.html
	}
	return false
}

// post sends body to url and is content with any 2xx answer.
func (a *answer) post(ctx context.Context, url, contentType string, body io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return &Error{Reason: job.IdentityUnavailable, Err: describe(err)}
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := a.client().Do(req)
	if err != nil {
		return a.failure(err)
	}
	_ = resp.Body.Close()
	if a.status < 200 || a.status > 299 {
		return a.failure(nil)
	}
	return nil
}
