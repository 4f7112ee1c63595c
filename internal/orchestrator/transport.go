package orchestrator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/queueferry/queueferry/internal/netcause"
)

// TransportSettings are what a connection's HTTP transport depends on.
type TransportSettings struct {
	// CAFile, CertFile and KeyFile are PEM files; empty means the system's CAs
	// and no client certificate. The certificate is read anew for each handshake.
	CAFile, CertFile, KeyFile string
	// MaxConcurrent calls keep their connections.
	MaxConcurrent int
}

// maxHeader bounds the header of an answer, in bytes.
const maxHeader = 256 << 10

// NewTransport makes a transport that verifies certificates, heeds the proxy
// variables of the environment, and keeps as many connections as calls are made
// at once. The error names the CA file that cannot be used.
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
			return clientCertificate(s.CertFile, s.KeyFile)
		}
	}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: checkProxy,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		// A connection that went dead without a word is noticed and left, where
		// every call over it would otherwise time out.
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
		MaxIdleConns:           2 * s.MaxConcurrent,
		MaxIdleConnsPerHost:    s.MaxConcurrent,
		IdleConnTimeout:        60 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxHeader,
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

func clientCertificate(cert, key string) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", netcause.ErrClientCertificate, err)
	}
	return &pair, nil
}

func checkProxy(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &netcause.ProxyError{Status: resp.StatusCode}
	}
	return nil
}
