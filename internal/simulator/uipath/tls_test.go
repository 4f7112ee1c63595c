package uipath_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// overTLS makes the rig's client trust the simulator, and nothing else.
func overTLS(t *testing.T, r *rig, certificates ...tls.Certificate) {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(r.CAPEM()) {
		t.Fatal("no CA")
	}
	transport := &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certificates},
	}
	t.Cleanup(transport.CloseIdleConnections)
	r.client.Transport = transport
}

func TestTLSSpeaksHTTP2(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{TLS: true})
	if response, err := r.client.Get(r.URL() + "/api/Status/Get"); err == nil {
		_ = response.Body.Close()
		t.Fatal("a stranger's certificate was accepted")
	}
	overTLS(t, r)
	response, err := r.client.Get(r.URL() + "/api/Status/Get")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.ProtoMajor != 2 {
		t.Errorf("spoke %s", response.Proto)
	}
	if got := r.add("Invoices", "a"); got.status != 201 {
		t.Errorf("got %d %s", got.status, got.text)
	}
	for kind, fault := range map[string]uipath.Fault{
		"drop":  uipath.CommitThenDrop(uipath.AddQueueItem),
		"reset": {Kind: uipath.Reset, Commit: uipath.CommitFirst},
	} {
		before := len(r.Items())
		r.SetFault(fault)
		if _, err := r.try(t.Context(), "POST", addPath, nil, itemBody("Invoices", "b")); err == nil {
			t.Errorf("%s: an answer came", kind)
		}
		if n := len(r.Items()) - before; n != 1 {
			t.Errorf("%s: %d items, want 1", kind, n)
		}
	}
	r.ClearFault()
	if got := r.add("Invoices", "c"); got.status != 201 {
		t.Errorf("got %d %s", got.status, got.text)
	}
}

func TestClientCertificate(t *testing.T) {
	t.Parallel()
	certificate, caPEM := selfSigned(t)
	r := start(t, uipath.Settings{TLS: true, ClientCAPEM: caPEM})
	overTLS(t, r)
	if response, err := r.client.Get(r.URL() + "/api/Status/Get"); err == nil {
		_ = response.Body.Close()
		t.Error("a caller without a certificate was let in")
	}
	overTLS(t, r, certificate)
	if got := r.add("Invoices", "a"); got.status != 201 {
		t.Errorf("got %d %s", got.status, got.text)
	}
	if _, err := uipath.Start(uipath.Settings{TLS: true, ClientCAPEM: []byte("none")}); err == nil {
		t.Error("a PEM without a certificate was accepted")
	}
}

func selfSigned(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
