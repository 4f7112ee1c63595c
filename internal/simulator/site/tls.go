package site

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"time"
)

// Authority is a CA made for one simulator, and the certificate it gave out.
type Authority struct {
	pem     []byte
	server  tls.Certificate
	clients *x509.CertPool // nil: no client certificate is demanded
}

// NewAuthority makes a CA and a certificate of it for this machine. With
// clientCAPEM, callers must show a certificate of that CA; the error is a PEM
// without a certificate.
func NewAuthority(clientCAPEM []byte) (*Authority, error) {
	a := &Authority{}
	if len(clientCAPEM) > 0 {
		a.clients = x509.NewCertPool()
		if !a.clients.AppendCertsFromPEM(clientCAPEM) {
			return nil, errors.New("client CA: no certificate in the PEM")
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	root := certificateTemplate(1, "simulated orchestrator CA")
	root.IsCA, root.BasicConstraintsValid = true, true
	root.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	if err != nil {
		return nil, err
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	a.server, err = issueServer(root, key)
	return a, err
}

func issueServer(root *x509.Certificate, rootKey *ecdsa.PrivateKey) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf := certificateTemplate(2, "simulated orchestrator")
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf.DNSNames = []string{"localhost"}
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	der, err := x509.CreateCertificate(rand.Reader, leaf, root, key.Public(), rootKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

func certificateTemplate(serial int64, name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(30 * 24 * time.Hour),
	}
}

// PEM is the CA's own certificate. Of a nil Authority it is nil.
func (a *Authority) PEM() []byte {
	if a == nil {
		return nil
	}
	return a.pem
}

func (a *Authority) serverConfig() *tls.Config {
	config := &tls.Config{Certificates: []tls.Certificate{a.server}, MinVersion: tls.VersionTLS12}
	if a.clients != nil {
		config.ClientCAs, config.ClientAuth = a.clients, tls.RequireAndVerifyClientCert
	}
	return config
}
