package netcause

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// canary is what no text may repeat.
const canary = "canary-of-a-secret"

type timeoutError struct{ error }

func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

// Every cause has words of our own, however deep it lies in errors that quote a
// URL or what a server sent.
func TestOf(t *testing.T) {
	t.Parallel()
	remote := func(alert tls.AlertError) error { return &net.OpError{Op: "remote error", Err: alert} }
	old := &x509.Certificate{NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}
	long := strings.Repeat("ü", 300)
	tests := map[string]struct {
		err  error
		want string
	}{
		"unknown authority":    {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "the server's certificate is signed by an unknown authority; set tls.ca_file"},
		"another host":         {x509.HostnameError{Certificate: &x509.Certificate{}, Host: "example.com"}, "the server's certificate is not for the host example.com"},
		"a very long host":     {x509.HostnameError{Certificate: &x509.Certificate{}, Host: long}, "the server's certificate is not for the host " + long[:100]},
		"expired":              {x509.CertificateInvalidError{Reason: x509.Expired}, "the server's certificate is not valid: x509: certificate has expired or is not yet valid: "},
		"otherwise unverified": {&tls.CertificateVerificationError{Err: errors.New(canary)}, "the server's certificate cannot be verified"},
		"no TLS":               {tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, "the server does not speak TLS at that port: first record does not look like a TLS handshake"},
		"no TLS, but HTTP":     {tls.RecordHeaderError{Msg: canary, RecordHeader: [5]byte([]byte("HTTP/"))}, "the server does not speak TLS at that port, but plain HTTP: the address says https"},
		"no TLS, of a client":  {fmt.Errorf("%w: %s", http.ErrSchemeMismatch, canary), "the server does not speak TLS at that port, but plain HTTP: the address says https"},
		"TLS, and not asked":   {fmt.Errorf("net/http: HTTP/1.x transport connection broken: malformed HTTP response %q", "\x15\x03\x01"+canary), SpeaksTLS},
		"alert":                {remote(42), "the server refuses the TLS handshake: tls: bad certificate"},
		"none of ours":         {remote(116), "the server demands a client certificate; set tls.cert_file and tls.key_file"},
		"out of its days":      {x509.CertificateInvalidError{Reason: x509.Expired, Cert: old}, "the server's certificate is valid from 2026-01-01 00:00:00 until 2026-01-02 00:00:00 only: it must be renewed there, or the clock of this machine is wrong"},
		"proxy asks who":       {&ProxyError{407}, "the proxy refused to connect, with status 407; put its user and password into HTTPS_PROXY"},
		"proxy is not there":   {&net.OpError{Op: "proxyconnect", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, "the proxy cannot be reached: connection refused"},
		"our own certificate":  {fmt.Errorf("%w: %s", ErrClientCertificate, canary), "the client certificate cannot be used; see tls.cert_file and tls.key_file"},
		"no such host":         {&net.DNSError{Name: "example.com", IsNotFound: true, Server: canary}, "the host name example.com was not found"},
		"dns fails":            {&net.DNSError{Name: "example.com", Err: canary}, "the host name example.com could not be looked up"},
		"proxy":                {&ProxyError{502}, "the proxy refused to connect, with status 502"},
		"deadline":             {context.DeadlineExceeded, "timed out"},
		"deadline of a socket": {os.ErrDeadlineExceeded, "timed out"},
		"another time-out":     {timeoutError{errors.New(canary)}, "timed out"},
		"refused":              {syscall.ECONNREFUSED, "connection refused"},
		"reset":                {syscall.ECONNRESET, "connection reset"},
		"broken pipe":          {syscall.EPIPE, "connection reset"},
		"end":                  {io.EOF, "connection closed by the server"},
		"early end":            {io.ErrUnexpectedEOF, "connection closed by the server"},
		"closed":               {net.ErrClosed, "connection closed"},
		"unreachable":          {&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}, "dial: network is unreachable"},
		"another operation":    {&net.OpError{Op: "read", Err: errors.New(canary)}, "read did not succeed"},
		"anything else":        {errors.New(canary), "network error"},
		"nothing":              {nil, "network error"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Of(tt.err); got != tt.want {
				t.Errorf("got %q", got)
			}
			if tt.err == nil {
				return
			}
			wrapped := &url.Error{Op: "Post", URL: "https://example.com/?token=" + canary, Err: fmt.Errorf("%s: %w", canary, tt.err)}
			if got := Of(wrapped); got != tt.want && name != "another time-out" {
				t.Errorf("wrapped: got %q", got)
			}
		})
	}
}

// Only an alert about our certificate proves that the request was not read.
func TestCertificateRefused(t *testing.T) {
	t.Parallel()
	for alert := range 256 {
		want := alert >= 42 && alert <= 46 || alert == 48 || alert == 49 || alert == 116
		err := fmt.Errorf("broken: %w", &net.OpError{Op: "remote error", Err: tls.AlertError(alert)})
		if got := CertificateRefused(err); got != want {
			t.Errorf("alert %d: %t", alert, got)
		}
	}
	for _, err := range []error{nil, io.EOF, tls.AlertError(116), &net.OpError{Op: "remote error"}, &net.OpError{Op: "local error", Err: tls.AlertError(116)}} {
		if CertificateRefused(err) {
			t.Errorf("%v", err)
		}
	}
}

func TestWantsTLS(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		"Client sent an HTTP request to an HTTPS server.\n":                                   true,
		"<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head>": true,
		"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />":             true,
		`{"message":"The request is not valid","errorCode":1003}`:                             false,
		"": false,
	} {
		if WantsTLS([]byte(body)) != want {
			t.Errorf("%q", body)
		}
	}
}
