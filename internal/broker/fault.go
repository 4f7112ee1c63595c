package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/secret"
)

// Fault is what is wrong with NATS and what to do about it, in words of our own:
// the text of an error may hold an address with a password, and says no remedy.
type Fault struct {
	Detail string
	Remedy string // a sentence
	Absent bool   // nobody listens there
}

// FaultOf explains an error of a [Conn], or of JetStream on it; false: it is none
// that is known. Of several errors that are joined the one that tells most counts.
func FaultOf(err error) (Fault, bool) {
	if err == nil {
		return Fault{}, false
	}
	for _, explain := range []func(error) (Fault, bool){logInFault, encryptionFault, jetStreamFault, networkFault} {
		if f, ok := explain(err); ok {
			return f, true
		}
	}
	return Fault{}, false
}

// NoNATS is what is wrong where something answers, and nothing else is known.
var NoNATS = Fault{
	Detail: "what listens there does not answer as a NATS server does",
	Remedy: "Correct nats.url: its port must be that for NATS clients, usually 4222.",
}

func networkFault(err error) (Fault, bool) {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return Fault{Detail: "the name " + dns.Name + " cannot be resolved", Remedy: "Correct nats.url, or the name resolution of this machine."}, true
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return Fault{Absent: true, Detail: "nobody listens there", Remedy: "Start the server, or correct nats.url; see that no firewall refuses the connection."}, true
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Fault{Detail: "the network has no way there", Remedy: "Correct nats.url, or the routing and the firewall."}, true
	case errors.Is(err, nats.ErrNoInfoReceived), said(err, "nats: expected"):
		return NoNATS, true
	case timedOut(err):
		return Fault{Detail: "no answer in time", Remedy: "See that it is a NATS server that listens at this address, at its port for clients, that it is well, and that no firewall drops the connection."}, true
	case errors.Is(err, nats.ErrNoServers):
		return Fault{Absent: true, Detail: "nobody listens there", Remedy: "Start the server, or correct nats.url; see that no firewall refuses the connection."}, true
	}
	return Fault{}, false
}

func logInFault(err error) (Fault, bool) {
	const remedy = "Correct the log-in under nats (credentials_file, nkey_file, user and password, or token), or the server's own list of users."
	switch {
	case errors.Is(err, secret.ErrMissing):
		return Fault{Detail: "the log-in is refused, for its secret is missing" + secretKey(err), Remedy: "Put the secret into its file."}, true
	case errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAccountAuthExpired):
		return Fault{Detail: "the credentials have expired", Remedy: "Get new credentials and put them into the file."}, true
	case errors.Is(err, nats.ErrAuthRevoked):
		return Fault{Detail: "the credentials were revoked", Remedy: "Get new credentials and put them into the file."}, true
	case said(err, "error signing nonce"), said(err, "unable to extract key pair"):
		return Fault{Detail: "nats.credentials_file holds no user's JWT and seed", Remedy: "Put the user's .creds file there, as nsc generates it."}, true
	case errors.Is(err, nats.ErrAuthorization), said(err, "authorization violation"), said(err, "authentication"):
		return Fault{Detail: "the server refuses the log-in", Remedy: remedy}, true
	}
	return Fault{}, false
}

// secretKey names the key of the configuration whose secret is missing.
func secretKey(err error) string {
	if m, ok := errors.AsType[*missingSecret](err); ok {
		return " (" + m.key + ")"
	}
	return ""
}

func encryptionFault(err error) (Fault, bool) {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return Fault{Detail: "the server's certificate is signed by an unknown authority", Remedy: "Set nats.tls.ca_file to the certificate of the CA that signed it."}, true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return Fault{Detail: "the server's certificate is not for this name", Remedy: "Use the name of the certificate in nats.url."}, true
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return Fault{Detail: "the server's certificate has expired, or is not valid yet", Remedy: "Renew the server's certificate; if it looks valid, correct the clock of this machine."}, true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return Fault{Detail: "the server's certificate cannot be verified", Remedy: "Renew the server's certificate, or correct nats.tls.ca_file."}, true
	}
	switch {
	case errors.Is(err, nats.ErrSecureConnRequired):
		return Fault{Detail: "the server demands TLS", Remedy: "Write tls:// in nats.url, or set nats.tls."}, true
	case errors.Is(err, nats.ErrSecureConnWanted):
		return Fault{Detail: "the server has no TLS", Remedy: "Write nats:// in nats.url and remove nats.tls, or have the server use TLS."}, true
	case said(err, "certificate required"), said(err, "bad certificate"), said(err, "after tls handshake"):
		return Fault{Detail: "the server demands a client certificate, or refuses the one it gets", Remedy: "Set nats.tls.cert_file and key_file to a certificate that the server's CA has signed."}, true
	case said(err, "tls: "):
		return Fault{Detail: "the TLS handshake does not come about", Remedy: "See what the server demands of its clients, and that it speaks TLS 1.2 or later."}, true
	}
	return Fault{}, false
}

func jetStreamFault(err error) (Fault, bool) {
	if what := deniedSubject(err); what != "" {
		return Fault{Detail: "the NATS user may not " + what, Remedy: "Permit it on the server; docs/security.md lists what the worker's user needs."}, true
	}
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders),
		errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		return Fault{Detail: "JetStream does not answer: it is off, for the server or for this account, or has no leader",
			Remedy: "Enable JetStream on the server and for the account; in a cluster see that most of its servers run."}, true
	}
	api, ok := errors.AsType[*jetstream.APIError](err)
	if !ok {
		return Fault{}, false
	}
	switch api.ErrorCode {
	case codeStreamFull:
		return Fault{Detail: "the stream is full", Remedy: "Make room in it, or raise its limit on the server; dead letters can be replayed or purged with worker deadletter."}, true
	case codeNoMemory, codeNoStorage, codeAccountFull, codeManyStreams:
		return Fault{Detail: "the server or the account has no room for it: " + api.Description,
			Remedy: "Raise the limits of the account or of the server's JetStream, or make room there."}, true
	}
	return Fault{}, false
}

// The server's codes for what it has no room for.
const (
	codeAccountFull jetstream.ErrorCode = 10002
	codeManyStreams jetstream.ErrorCode = 10027
	codeNoMemory    jetstream.ErrorCode = 10028
	codeNoStorage   jetstream.ErrorCode = 10047
	codeStreamFull  jetstream.ErrorCode = 10077 // of any limit of the stream
)

func timedOut(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || ok && timeout.Timeout()
}

// said is for what the library passes on as text alone.
func said(err error, text string) bool {
	return strings.Contains(strings.ToLower(err.Error()), text)
}
