package broker

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/queueferry/queueferry/internal/natstest"
)

// identity is a certificate that is its own CA, as PEM files.
type identity struct{ cert, key string }

func newIdentity(t *testing.T) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	id := identity{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	for path, block := range map[string]*pem.Block{
		id.cert: {Type: "CERTIFICATE", Bytes: der}, id.key: {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// secured is a server that shows one certificate and asks for another.
func secured(t *testing.T, own, client identity) *natstest.Server {
	t.Helper()
	shown, err := tls.LoadX509KeyPair(own.cert, own.key)
	if err != nil {
		t.Fatal(err)
	}
	clients, err := TLS{CAFile: client.cert}.roots()
	if err != nil {
		t.Fatal(err)
	}
	return natstest.Start(t, func(o *server.Options) {
		o.TLS, o.TLSVerify, o.TLSTimeout = true, true, 10
		o.TLSConfig = &tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{shown},
			ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
		}
	})
}

func TestTLS(t *testing.T) {
	t.Parallel()
	own, client := newIdentity(t), newIdentity(t)
	url := secured(t, own, client).URL()

	connect(t, Settings{URL: url, TLS: TLS{CAFile: own.cert, CertFile: client.cert, KeyFile: client.key}})

	refused := map[string]TLS{
		"a server that no CA vouches for": {CertFile: client.cert, KeyFile: client.key},
		"no client certificate":           {CAFile: own.cert},
	}
	for name, settings := range refused {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, Settings{URL: url, TLS: settings})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := c.WaitConnected(ctx); !errors.Is(err, ErrDisconnected) {
				t.Errorf("WaitConnected: %v, want ErrDisconnected", err)
			}
		})
	}
}

// The CA's file is read again at each connection: a wrong one that is replaced
// needs no restart.
func TestCAChanges(t *testing.T) {
	t.Parallel()
	own, client, stranger := newIdentity(t), newIdentity(t), newIdentity(t)
	file := filepath.Join(t.TempDir(), "ca.pem")
	replace := func(from string) {
		t.Helper()
		pem, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, pem, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	replace(stranger.cert)
	failed := make(chan error, 100)
	c := start(t, Settings{
		URL:     secured(t, own, client).URL(),
		TLS:     TLS{CAFile: file, CertFile: client.cert, KeyFile: client.key},
		OnError: func(err error) { failed <- err },
	})
	if err := receive(t, failed, "report of the unknown certificate"); err == nil {
		t.Error("an empty report")
	}
	replace(own.cert)
	if err := receive(t, waitInBackground(t, c), "connection"); err != nil {
		t.Error(err)
	}
}
