package authpool

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
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
	base    http.RoundTripper // nil: http.DefaultTransport
	dialect dialect

	sent       time.Time // the moment before the request went out
	status     int       // 0: no answer came, or not all of it
	retryAfter string
	html       bool
	said       said
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
	a.sent = time.Now()
	resp, err := base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	a.note(resp, bytes.TrimPrefix(body, byteOrderMark))
	short, err := json.Marshal(map[string]string{"access_token": a.said.token, "error": a.said.code})
	if err != nil {
		return nil, err
	}
	resp.Header = http.Header{"Content-Type": {"application/json"}}
	resp.Body = io.NopCloser(bytes.NewReader(short))
	resp.ContentLength = int64(len(short))
	return resp, nil
}

// byteOrderMark begins what some servers write as UTF-8; no JSON has it.
var byteOrderMark = []byte("\xef\xbb\xbf")

func (a *answer) note(resp *http.Response, body []byte) {
	a.status = resp.StatusCode
	a.retryAfter = resp.Header.Get("Retry-After")
	a.html = strings.Contains(resp.Header.Get("Content-Type"), "html") || bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
	a.said = a.dialect.read(body)
}

// token is what the answer gives. Its Value is empty if there is none.
func (a *answer) token() Token {
	t := Token{Value: a.said.token, Refresh: a.said.refresh}
	told := cmp.Or(a.said.life, jwtLife(t.Value))
	if life := cmp.Or(told, a.dialect.life); life != 0 {
		t.Expiry, t.Guessed = a.sent.Add(life), told == 0
	}
	return t
}

// failure says what a request that was not granted means. Of err only the kind
// is used, and only if there was no answer.
func (a *answer) failure(err error) *Error {
	if a.status == 0 {
		return &Error{Reason: job.IdentityUnavailable, Err: describe(err)}
	}
	e := &Error{Reason: job.IdentityUnavailable, Status: a.status, Code: a.said.code}
	if a.refuses() {
		e.Reason = job.CredentialsRefused
	} else if a.noEndpoint() {
		e.Code = codeNoEndpoint
	}
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		now := time.Now()
		if wait, told := retry.After(a.retryAfter, now); told {
			e.RetryAt = now.Add(wait)
		}
	}
	return e
}

// noToken is failure for a request that asked for a token.
func (a *answer) noToken(err error) *Error {
	e := a.failure(err)
	if e.Code == "" && a.succeeds() {
		e.Code = codeNoToken
	}
	return e
}

func (a *answer) succeeds() bool { return a.status >= 200 && a.status < 300 }

// noEndpoint tells whether something else than a log-in's endpoint answered: also
// an identity server at another address, which may say 404 in OAuth's words.
func (a *answer) noEndpoint() bool {
	switch {
	case a.status >= 300 && a.status < 400, a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed:
		return !serverCodes[a.said.code]
	}
	mute := a.said.code == "" || a.said.code == codeOther
	return mute && a.html && a.status < 500 && a.status != http.StatusTooManyRequests
}

// refuses tells whether the server judged the credential, and not itself. A bare
// 401 counts: asking again every few seconds could lock the account. An HTML page
// does not: it comes from a proxy.
func (a *answer) refuses() bool {
	switch {
	case a.status == http.StatusTooManyRequests, serverCodes[a.said.code]:
		return false
	case refusalCodes[a.said.code]:
		return true
	case a.status == http.StatusUnauthorized:
		return a.said.code != "" || !a.html
	}
	return a.said.code != "" && slices.Contains(a.dialect.refusing, a.status)
}

// send sends body, which may be empty, and is content with any 2xx answer.
func (a *answer) send(ctx context.Context, method, address string, header http.Header, body string) error {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return &Error{Reason: job.IdentityUnavailable, Err: describe(err)}
	}
	req.Header = header
	resp, err := a.client().Do(req)
	if err != nil {
		return a.failure(err)
	}
	_ = resp.Body.Close()
	if !a.succeeds() {
		return a.failure(nil)
	}
	return nil
}

// ask sends body and is content only with an answer that gives a token. What
// else it said is in a.said, also after an error.
func (a *answer) ask(ctx context.Context, address string, header http.Header, body string) (Token, error) {
	if err := a.send(ctx, http.MethodPost, address, header, body); err != nil {
		return Token{}, err
	}
	if a.said.token == "" || a.said.code != "" {
		return Token{}, a.noToken(nil)
	}
	return a.token(), nil
}

// contentType is a header with it, for send and ask.
func contentType(value string) http.Header { return http.Header{"Content-Type": {value}} }

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)
