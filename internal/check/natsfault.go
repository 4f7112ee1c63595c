package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/secret"
)

// fault is why there is no connection to NATS, in words of our own: the text of
// an error may hold an address with a password.
type fault struct {
	detail, remedy string
	absent         bool // nobody listens there
}

func natsFault(err error) fault {
	if f, ok := logInFault(err); ok {
		return f
	}
	if f, ok := encryptionFault(err); ok {
		return f
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fault{detail: "the name " + dns.Name + " cannot be resolved", remedy: "Correct nats.url, or the name resolution of this machine."}
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, nats.ErrNoServers):
		return fault{absent: true, detail: "nobody listens there", remedy: "Start the server, or correct nats.url; see that no firewall refuses the connection."}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fault{detail: "the network has no way there", remedy: "Correct nats.url, or the routing and the firewall."}
	case timedOut(err) && !errors.Is(err, nats.ErrNoInfoReceived):
		return fault{detail: "no answer in time", remedy: "See that a NATS server listens at this address, that it is well, and that no firewall drops the connection."}
	}
	return fault{detail: "the server does not answer as a NATS server does", remedy: "See what listens at this address, and that its port is that for NATS clients."}
}

func logInFault(err error) (fault, bool) {
	const remedy = "Correct the log-in under nats (credentials_file, nkey_file, user and password, or token), or the server's own list of users."
	switch {
	case errors.Is(err, secret.ErrMissing):
		return fault{detail: "the log-in is refused, for its secret is missing", remedy: "Put the secret into its file."}, true
	case errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAccountAuthExpired):
		return fault{detail: "the credentials have expired", remedy: "Get new credentials and put them into the file."}, true
	case errors.Is(err, nats.ErrAuthRevoked):
		return fault{detail: "the credentials were revoked", remedy: "Get new credentials and put them into the file."}, true
	case errors.Is(err, nats.ErrAuthorization), said(err, "authorization violation"), said(err, "authentication"):
		return fault{detail: "the server refuses the log-in", remedy: remedy}, true
	}
	return fault{}, false
}

func encryptionFault(err error) (fault, bool) {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fault{detail: "the server's certificate is signed by an unknown authority", remedy: "Set nats.tls.ca_file to the CA's certificate."}, true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return fault{detail: "the server's certificate is not for this name", remedy: "Use the name of the certificate in nats.url."}, true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fault{detail: "the server's certificate cannot be verified, or has ended", remedy: "Renew the server's certificate, or correct nats.tls.ca_file."}, true
	}
	switch {
	case errors.Is(err, nats.ErrSecureConnRequired):
		return fault{detail: "the server demands TLS", remedy: "Write tls:// in nats.url, or set nats.tls."}, true
	case errors.Is(err, nats.ErrSecureConnWanted):
		return fault{detail: "the server has no TLS", remedy: "Write nats:// in nats.url and remove nats.tls, or have the server use TLS."}, true
	case said(err, "tls: "):
		return fault{detail: "the TLS handshake does not come about", remedy: "See whether the server asks for a client certificate (nats.tls.cert_file and key_file), and that it speaks TLS."}, true
	}
	return fault{}, false
}

func timedOut(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || ok && timeout.Timeout()
}

// said is for what the library passes on as text alone.
func said(err error, text string) bool {
	return strings.Contains(strings.ToLower(err.Error()), text)
}

func trimmed(fault *broker.ConfigError) string { return strings.TrimPrefix(fault.Error(), "broker: ") }
