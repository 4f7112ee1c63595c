// Package netcause says in words of our own why an HTTP call got no answer: the
// errors of net/http and crypto/tls quote URLs, and what a server sent.
package netcause

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
	"os"
	"strings"
	"syscall"
	"time"
)

// ErrClientCertificate means that our own certificate cannot be used.
var ErrClientCertificate = errors.New("netcause: tls.cert_file and tls.key_file")

// ProxyError means that a proxy refused to connect us, with an HTTP status.
type ProxyError struct{ Status int }

// Error says what to do about it where the status tells.
func (e *ProxyError) Error() string {
	text := fmt.Sprintf("the proxy refused to connect, with status %d", e.Status)
	if e.Status == http.StatusProxyAuthRequired {
		text += "; put its user and password into HTTPS_PROXY"
	}
	return text
}

// Of names why a call got no answer, and what to set where a setting cures it. It
// is one clause of bounded length, and never empty.
func Of(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "proxyconnect" {
		return "the proxy cannot be reached: " + of(op.Err)
	}
	return of(err)
}

func of(err error) string {
	if text := tlsCause(err); text != "" {
		return text
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dnsCause(dns)
	}
	if proxy, ok := errors.AsType[*ProxyError](err); ok {
		return proxy.Error()
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timed out"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed by the server"
	case errors.Is(err, net.ErrClosed):
		return "connection closed"
	}
	return networkCause(err)
}

// tlsCause is empty if TLS is not the cause.
func tlsCause(err error) string {
	if errors.Is(err, ErrClientCertificate) {
		return "the client certificate cannot be used; see tls.cert_file and tls.key_file"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the server's certificate is signed by an unknown authority; set tls.ca_file"
	}
	if host, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the server's certificate is not for the host " + clip(host.Host, 100)
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return certificateCause(invalid)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the server's certificate cannot be verified"
	}
	record, ok := errors.AsType[tls.RecordHeaderError](err)
	if string(record.RecordHeader[:]) == "HTTP/" || errors.Is(err, http.ErrSchemeMismatch) {
		return "the server does not speak TLS at that port, but plain HTTP: the address says https"
	}
	if ok {
		return "the server does not speak TLS at that port: " + clip(record.Msg, 100)
	}
	if err != nil && strings.Contains(err.Error(), alertForHTTP) {
		return SpeaksTLS
	}
	switch alert := tlsAlert(err); alert {
	case "":
		return ""
	case certificateRequired:
		return "the server demands a client certificate; set tls.cert_file and tls.key_file"
	default:
		return "the server refuses the TLS handshake: " + clip(alert, 100)
	}
}

// SpeaksTLS is said where plain HTTP was spoken to a port that speaks TLS.
const SpeaksTLS = "the server speaks TLS at that port, not plain HTTP: write https in the address"

// alertForHTTP is how net/http quotes an alert in place of an answer.
const alertForHTTP = `malformed HTTP response "\x15\x03`

// WantsTLS reports whether the body of an answer with status 400 is that of a
// server that was spoken to in plain HTTP where it speaks TLS, in the words of
// net/http, nginx and Apache.
func WantsTLS(body []byte) bool {
	for _, words := range []string{"HTTP request to an HTTPS server", "plain HTTP request was sent to HTTPS port", "speaking plain HTTP to an SSL-enabled"} {
		if bytes.Contains(body, []byte(words)) {
			return true
		}
	}
	return false
}

// certificateRequired is the alert of a server to which no certificate was shown.
var certificateRequired = tls.AlertError(116).Error()

func certificateCause(invalid x509.CertificateInvalidError) string {
	if invalid.Reason != x509.Expired || invalid.Cert == nil {
		return "the server's certificate is not valid: " + clip(invalid.Error(), 200)
	}
	from, until := invalid.Cert.NotBefore.UTC(), invalid.Cert.NotAfter.UTC()
	return fmt.Sprintf("the server's certificate is valid from %s until %s only: it must be renewed there, or the clock of this machine is wrong",
		from.Format(time.DateTime), until.Format(time.DateTime))
}

// tlsAlert is what the other side said to end TLS; empty if it said nothing.
func tlsAlert(err error) string {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" || op.Err == nil {
		return ""
	}
	return op.Err.Error()
}

// certificateAlerts are the alerts about our certificate (RFC 8446, section 6.2).
var certificateAlerts = func() map[string]bool {
	all := map[string]bool{}
	for _, number := range []tls.AlertError{42, 43, 44, 45, 46, 48, 49, 116} {
		all[number.Error()] = true
	}
	return all
}()

// CertificateRefused reports whether the server refused our certificate. In TLS
// 1.3 that comes after the request was written, and before it is read.
func CertificateRefused(err error) bool { return certificateAlerts[tlsAlert(err)] }

func dnsCause(err *net.DNSError) string {
	if err.IsNotFound {
		return "the host name " + clip(err.Name, 100) + " was not found"
	}
	return "the host name " + clip(err.Name, 100) + " could not be looked up"
}

func networkCause(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		if number, ok := errors.AsType[syscall.Errno](op.Err); ok {
			return op.Op + ": " + number.Error()
		}
		return op.Op + " did not succeed"
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "timed out"
	}
	return "network error"
}

func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return s
}
