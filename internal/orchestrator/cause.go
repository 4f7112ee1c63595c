package orchestrator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// cause names why a call got no answer, in words of our own: the error's text
// may hold a URL.
func cause(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the server's certificate is signed by an unknown authority; set tls.ca_file"
	}
	if host, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the server's certificate is not for the host " + clip(host.Host, 100)
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return "the server's certificate is not valid: " + clip(invalid.Error(), 200)
	}
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the server does not speak TLS: " + clip(record.Msg, 100)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return "the host name " + clip(dns.Name, 100) + " was not found"
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
		return s[:n]
	}
	return s
}
