package orchestrator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/netcause"
)

// MaxAnswer bounds what is read of an answer's body, in bytes.
const MaxAnswer = 4 << 20

// ErrAnswerTooLong means that an answer's body is longer than [MaxAnswer].
var ErrAnswerTooLong = errors.New("orchestrator: answer too long")

// Client makes a connector's HTTP calls: without redirects, with a time limit,
// and with bounded bodies. It is safe for concurrent use.
type Client struct {
	// Transport adds the token; see authpool.Transport.
	Transport http.RoundTripper
	// BaseURL comes before the path of every call, without a slash at its end.
	BaseURL string
	// Timeout is the limit of one call, the wait for a token and the repeat after
	// a 401 included. More than 0.
	Timeout time.Duration
	// Observe, if set, is told of every call: status is 0 where no answer came.
	Observe func(operation string, status int, took time.Duration)
}

// Call is one HTTP request to make.
type Call struct {
	Operation string // for metrics: the API's name of it
	Method    string
	Path      string // with the query, escaped
	// Header is sent with its names as they are written here. A name that makes
	// net/http repeat a call by itself is left out. It is the call's own: others
	// are added to it.
	Header http.Header
	Body   []byte // nil: none
	Acts   bool   // carrying it out twice would be a fault
}

// Answer is what came of a call.
type Answer struct {
	Status int // 0: no answer
	Header http.Header
	Body   []byte
	// Written tells that the request, or a part of it, left for the server: it
	// may have been carried out.
	Written bool
	// Err is why there is no answer, or why its body is cut off. Its text may hold
	// the URL: it is for errors.Is and errors.As, never for a log.
	Err error
}

// Succeeded reports whether the call was answered with success, and the answer is
// all there. What the body says is not looked at.
func (a Answer) Succeeded() bool { return a.Err == nil && a.Status >= 200 && a.Status <= 299 }

// Do makes the call. It does not fail: what went wrong is in the answer.
func (c *Client) Do(ctx context.Context, call Call) Answer {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	a := c.do(ctx, call)
	if c.Observe != nil {
		c.Observe(call.Operation, a.Status, time.Since(began))
	}
	return a
}

func (c *Client) do(ctx context.Context, call Call) Answer {
	var p passage
	req, err := c.request(httptrace.WithClientTrace(ctx, p.trace()), call)
	if err != nil {
		return Answer{Err: err}
	}
	// The transport, not a http.Client: no redirects, no cookies, no referrer.
	resp, err := p.over(c.Transport).RoundTrip(req)
	if err != nil {
		return Answer{Written: p.written.Load() && !netcause.CertificateRefused(err), Err: p.explain(ctx, err)}
	}
	defer resp.Body.Close()
	body, err := readBounded(resp.Body, resp.ContentLength)
	if err != nil {
		err = withEnd(ctx, err)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, Written: true, Err: err}
}

func (c *Client) request(ctx context.Context, call Call) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, call.Method, c.BaseURL+call.Path, reader(call.Body))
	if err != nil {
		return nil, fmt.Errorf("orchestrator: %w", err)
	}
	if call.Header != nil {
		req.Header = call.Header
		maps.DeleteFunc(req.Header, func(name string, _ []string) bool { return replays(name) })
	}
	req.Header["Accept"], req.Header["User-Agent"] = asJSON, userAgent
	if call.Body != nil {
		req.Header["Content-Type"] = asJSON
	}
	return req, nil
}

// Headers of every call, which nobody changes.
var (
	asJSON    = []string{"application/json"}
	userAgent = []string{"queueferry"}
)

// replays tells the headers by which net/http takes any call for one that it
// may send again by itself when a connection is lost.
func replays(name string) bool {
	const key = "Idempotency-Key"
	return strings.EqualFold(name, key) || strings.EqualFold(name, "X-"+key)
}

// reader is nil as an interface where there is no body: an empty reader would be
// sent chunked.
func reader(b []byte) io.Reader {
	if b == nil {
		return nil
	}
	return bytes.NewReader(b)
}

// usualAnswer is more than most answers have, in bytes. A length that a server
// announces is believed so far and no further: memory is taken for what came.
const usualAnswer = 64 << 10

// readBounded reads what is left, also what came before an error. announced is
// how much that is said to be; negative: unknown.
func readBounded(r io.Reader, announced int64) ([]byte, error) {
	if announced < 0 || announced > usualAnswer {
		announced = bytes.MinRead
	}
	b := make([]byte, 0, announced+1) // one more, to find the end
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > MaxAnswer:
			return nil, ErrAnswerTooLong
		case err == io.EOF:
			return bytes.TrimPrefix(b, byteOrderMark), nil
		case err != nil:
			return bytes.TrimPrefix(b, byteOrderMark), err
		case len(b) == cap(b):
			b = append(b, 0)[:len(b)]
		}
	}
}

// byteOrderMark begins what some servers write as UTF-8; no JSON has it (RFC
// 8259, section 8.1, lets it be ignored).
var byteOrderMark = []byte("\xef\xbb\xbf")
