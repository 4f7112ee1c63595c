package broker

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/secret"
)

// Settings say how to reach the NATS servers. At most one way to log in is set.
// Files and secrets are read again at every connection, an NKey's public half
// excepted.
type Settings struct {
	URL string // several: comma separated
	// CredentialsFile holds a user's JWT and seed.
	CredentialsFile string
	// NKeyFile holds a user's seed.
	NKeyFile string
	User     string
	Password secret.Source // with User
	Token    secret.Source
	TLS      TLS
	// InboxPrefix is where answers come in, for a user who may not subscribe to
	// the usual one; empty: _INBOX.
	InboxPrefix string

	// The callbacks may be nil, and must not block. They are called one after the
	// other; OnError also by WaitConnected.
	OnConnect    func()      // the first connection is up, at start or later
	OnDisconnect func(error) // it is lost; nil where it was dropped on purpose
	OnReconnect  func()      // it is up again
	// OnError tells of what went wrong beside these: a log-in that was refused, a
	// server that is not there, a permission that is missing. The same text is
	// not repeated until there was a connection again.
	OnError func(error)

	ping time.Duration // 0: pingInterval
}

// TLS names PEM files. Empty fields mean the system's CAs and no client
// certificate. The server's certificate is always verified.
type TLS struct{ CAFile, CertFile, KeyFile string }

const (
	connectTimeout = 2 * time.Second // of one server
	reconnectWait  = 500 * time.Millisecond
	jitter         = 200 * time.Millisecond
	jitterTLS      = 500 * time.Millisecond
	pingInterval   = 2 * time.Second
	writeTimeout   = 2 * time.Second
)

func (c *Conn) options(s Settings) ([]nats.Option, error) {
	if err := checkURLs(s.URL); err != nil {
		return nil, err
	}
	opts := []nats.Option{
		nats.Name("queueferry"),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.Timeout(connectTimeout),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(jitter, jitterTLS),
		nats.PingInterval(cmp.Or(s.ping, pingInterval)),
		nats.MaxPingsOutstanding(2),
		nats.FlusherTimeout(writeTimeout), // a frozen peer must not hold the connection's lock
	}
	opts = append(opts, c.handlers(s)...)
	login, err := s.login(c.report)
	if err != nil {
		return nil, err
	}
	encryption, err := s.TLS.options()
	if err != nil {
		return nil, err
	}
	opts = append(append(opts, login...), encryption...)
	if s.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(s.InboxPrefix))
	}
	return opts, nil
}

func (c *Conn) handlers(s Settings) []nats.Option {
	up := func(callback func()) nats.ConnHandler {
		return func(*nats.Conn) {
			c.report.reset()
			c.denied.forget()
			if callback != nil {
				callback()
			}
		}
	}
	return []nats.Option{
		nats.ConnectHandler(up(s.OnConnect)),
		nats.ReconnectHandler(up(s.OnReconnect)),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { c.report.error(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			c.denied.tell(err)
			c.report.error(onSubject(sub, err))
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if s.OnDisconnect != nil {
				s.OnDisconnect(err)
			}
		}),
		nats.ClosedHandler(func(*nats.Conn) { close(c.closed) }),
	}
}

// checkURLs finds what the library would refuse, and says so without the text of
// the URL: it may hold a password.
func checkURLs(list string) error {
	for i, raw := range strings.Split(list, ",") {
		raw = strings.TrimSpace(raw)
		if !strings.Contains(raw, "://") {
			raw = "nats://" + raw
		}
		u, err := url.Parse(raw)
		if err != nil || u.Hostname() == "" {
			return misconfigured("nats.url: address %d is not of the form nats://host:port", i+1)
		}
	}
	return nil
}

// login gives the library what it asks at each connection. A secret that is
// missing is a log-in without it: the server refuses it, and it is tried again.
func (s Settings) login(report *reporter) ([]nats.Option, error) {
	read := func(source secret.Source, field string) string {
		value, err := source.Read()
		if err != nil {
			err = &missingSecret{key: field, cause: err}
		}
		report.hold(err)
		return value
	}
	switch {
	case s.CredentialsFile != "":
		if _, err := secret.File(s.CredentialsFile).Read(); err != nil {
			return nil, misconfiguredBy(err, "nats.credentials_file: cannot be read: put the user's .creds file there, or correct the path")
		}
		return []nats.Option{nats.UserCredentials(s.CredentialsFile)}, nil
	case s.NKeyFile != "":
		opt, err := nats.NkeyOptionFromSeed(s.NKeyFile)
		if err != nil {
			return nil, misconfiguredBy(err, "nats.nkey_file: no user's seed can be read from %s", s.NKeyFile)
		}
		return []nats.Option{opt}, nil
	case s.User != "":
		return []nats.Option{nats.UserInfoHandler(func() (string, string) {
			return s.User, read(s.Password, "nats.password")
		})}, nil
	case s.Token.IsSet():
		return []nats.Option{nats.TokenHandler(func() string { return read(s.Token, "nats.token") })}, nil
	}
	return nil, nil
}

// options reads the files once, so that a wrong path is known at the start.
func (t TLS) options() ([]nats.Option, error) {
	var opts []nats.Option
	if t.CAFile != "" {
		if _, err := t.roots(); err != nil {
			return nil, misconfiguredBy(err, "nats.tls.ca_file: holds no CA that can be read: put the CA's certificate there, as PEM, or correct the path")
		}
		opts = append(opts, nats.ClientTLSConfig(nil, t.roots))
	}
	if t.CertFile != "" || t.KeyFile != "" {
		if _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err != nil {
			return nil, misconfiguredBy(err, "nats.tls.cert_file and key_file: cannot be used: give both, as PEM, of the same key")
		}
		opts = append(opts, nats.ClientCert(t.CertFile, t.KeyFile))
	}
	return opts, nil
}

// roots are the CAs of the file, beside those of the system.
func (t TLS) roots() (*x509.CertPool, error) {
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + t.CAFile)
	}
	return pool, nil
}

// missingSecret is why a log-in is made without its secret.
type missingSecret struct {
	key   string // of the configuration
	cause error
}

func (e *missingSecret) Error() string { return "broker: " + e.key + ": " + e.cause.Error() }

func (e *missingSecret) Unwrap() error { return e.cause }

func onSubject(sub *nats.Subscription, err error) error {
	if sub == nil {
		return err
	}
	return fmt.Errorf("%w on %s", err, sub.Subject)
}
