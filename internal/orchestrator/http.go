package orchestrator

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync/atomic"
	"time"
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
	// Timeout is the limit of one call, the repeat after a 401 included.
	Timeout time.Duration
	// Observe, if set, is told of every call: status is 0 where no answer came.
	Observe func(operation string, status int, took time.Duration)
}

// Call is one HTTP request to make.
type Call struct {
	Operation string // for metrics: the API's name of it
	Method    string
	Path      string // with the query, escaped
	Header    http.Header
	Body      []byte // nil: none
	Acts      bool   // carrying it out twice would be a fault
}

// Answer is what came of a call.
type Answer struct {
	Status int // 0: no answer
	Header http.Header
	Body   []byte
	// Written tells that the request, or a part of it, left for the server: it
	// may have been carried out.
	Written bool
	// Err is why there is no answer, or why its body is cut off.
	Err error
}

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
	var written atomic.Bool
	req, err := c.request(ctx, call, &written)
	if err != nil {
		return Answer{Err: err}
	}
	// The transport, not a http.Client: no redirects, no cookies, no referrer.
	resp, err := c.Transport.RoundTrip(req)
	if err != nil {
		return Answer{Written: written.Load(), Err: err}
	}
	defer resp.Body.Close()
	body, err := readBounded(resp.Body)
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, Written: true, Err: err}
}

func (c *Client) request(ctx context.Context, call Call, written *atomic.Bool) (*http.Request, error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// A repeat on another connection begins anew: net/http and the
		// re-authenticating transport repeat only what was not carried out.
		GetConn:      func(string) { written.Store(false) },
		WroteHeaders: func() { written.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, call.Method, c.BaseURL+call.Path, body(call.Body))
	if err != nil {
		return nil, fmt.Errorf("orchestrator: %w", err)
	}
	for name, values := range call.Header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "queueferry")
	if call.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// body is nil as an interface where there is none: an empty reader would be
// sent chunked.
func body(b []byte) io.Reader {
	if b == nil {
		return nil
	}
	return bytes.NewReader(b)
}

func readBounded(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxAnswer+1))
	if err == nil && len(b) > MaxAnswer {
		return nil, ErrAnswerTooLong
	}
	return b, err
}

// TransportSettings are what a connection's HTTP transport depends on.
type TransportSettings struct {
	// CAFile, CertFile and KeyFile are PEM files; empty means the system's CAs
	// and no client certificate. The certificate is read anew for each handshake.
	CAFile, CertFile, KeyFile string
	// MaxConcurrent calls keep their connections.
	MaxConcurrent int
}

// NewTransport makes a transport that verifies certificates, honours the proxy
// variables of the environment, and keeps as many connections as calls are made
// at once. The error names the file that cannot be used.
func NewTransport(s TransportSettings) (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CAFile != "" {
		pool, err := certPool(s.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = pool
	}
	if s.CertFile != "" {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
			return &pair, err
		}
	}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   10 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          2 * s.MaxConcurrent,
		MaxIdleConnsPerHost:   s.MaxConcurrent,
		IdleConnTimeout:       60 * time.Second,
		ExpectContinueTimeout: time.Second,
	}, nil
}

func certPool(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("orchestrator: tls.ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("orchestrator: tls.ca_file: %s holds no PEM certificate", path)
	}
	return pool, nil
}
