package orchestrator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/netcause"
)

// secureServer speaks TLS; its certificate is in the file.
func secureServer(t *testing.T, h http.Handler, set func(*httptest.Server)) (url, caFile string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	set(s)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL, pemFile(t, "CERTIFICATE", s.Certificate().Raw)
}

func pemFile(t *testing.T, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pem")
	writePEM(t, path, kind, der)
	return path
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestProtocols(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			url, ca := secureServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = append(got, r.Proto+" "+r.UserAgent()+" "+string(body))
				w.WriteHeader(201)
			}), func(s *httptest.Server) { s.EnableHTTP2 = http2 })
			c := &Client{Transport: transport(t, TransportSettings{CAFile: ca, MaxConcurrent: 1}), BaseURL: url, Timeout: 5 * time.Second}
			if a := c.Do(t.Context(), post); a.Status != 201 || !a.Written {
				t.Errorf("%+v", a)
			}
			if diff := cmp.Diff([]string{name + ` queueferry {"a":1}`}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Over HTTP/2 too a lost POST is not repeated, and known to have been written.
func TestPostIsWrittenOnceOverHTTP2(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	url, ca := secureServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if calls.Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(201)
	}), func(s *httptest.Server) { s.EnableHTTP2 = true })
	c := &Client{Transport: transport(t, TransportSettings{CAFile: ca, MaxConcurrent: 1}), BaseURL: url, Timeout: 5 * time.Second}
	if a := c.Do(t.Context(), post); a.Status != 201 {
		t.Fatalf("%+v", a)
	}
	a := c.Do(t.Context(), post)
	if got, want := meaningOf(Classify(a, true, false)), (meant{job.Unknown, job.ConnectionLost, Ill}); got != want || !a.Written {
		t.Errorf("got %+v, written %t (%v)", got, a.Written, a.Err)
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("the server saw %d requests for 2 calls", n)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	t.Parallel()
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
	secure, ca := secureServer(t, ok, func(*httptest.Server) {})
	old, oldCA := secureServer(t, ok, func(s *httptest.Server) {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	})
	plain := httptest.NewServer(ok)
	t.Cleanup(plain.Close)
	port := strings.TrimPrefix(secure, "https://127.0.0.1")
	tests := map[string]struct{ url, ca, detail string }{
		"unknown authority": {secure, "", "signed by an unknown authority; set tls.ca_file"},
		"another host":      {"https://other.example.net" + port, ca, "not for the host other.example.net"},
		"no TLS":            {strings.Replace(plain.URL, "http:", "https:", 1), ca, "does not speak TLS"},
		"old TLS only":      {old, oldCA, "no connection: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := transport(t, TransportSettings{CAFile: tt.ca, MaxConcurrent: 1})
			tr.DialContext = toLoopback
			c := &Client{Transport: tr, BaseURL: tt.url, Timeout: 5 * time.Second}
			a := c.Do(t.Context(), post)
			r := Classify(a, true, false)
			if a.Written || r.Verdict != job.Unavailable || !strings.Contains(r.Detail, tt.detail) {
				t.Errorf("written %t, %v: %q (%v)", a.Written, r.Verdict, r.Detail, a.Err)
			}
		})
	}
}

// Plain HTTP at a port for TLS gets an answer, which is none of the product's.
func TestPlainHTTPAtAPortForTLS(t *testing.T) {
	t.Parallel()
	secure, _ := secureServer(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), func(*httptest.Server) {})
	c := &Client{Transport: transport(t, TransportSettings{MaxConcurrent: 1}), BaseURL: strings.Replace(secure, "https:", "http:", 1), Timeout: 5 * time.Second}
	r := Classify(c.Do(t.Context(), post), true, false)
	if want := (meant{job.Unavailable, job.UnexpectedAnswer, Ill}); meaningOf(r) != want || r.Detail != netcause.SpeaksTLS {
		t.Errorf("%+v", r)
	}
}

func certificate(t *testing.T, serial int64) (certDER, keyDER []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "worker"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	if certDER, err = x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key); err != nil {
		t.Fatal(err)
	}
	if keyDER, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		t.Fatal(err)
	}
	return certDER, keyDER
}

// A client certificate that was swapped counts from the next handshake on.
func TestClientCertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	var serials []string
	url, ca := secureServer(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		serials = append(serials, r.TLS.PeerCertificates[0].SerialNumber.String())
	}), func(s *httptest.Server) { s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert} })
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	tr := transport(t, TransportSettings{CAFile: ca, CertFile: certFile, KeyFile: keyFile, MaxConcurrent: 1})
	c := &Client{Transport: tr, BaseURL: url, Timeout: 5 * time.Second}
	for serial := range int64(2) {
		cert, key := certificate(t, serial+1)
		writePEM(t, certFile, "CERTIFICATE", cert)
		writePEM(t, keyFile, "PRIVATE KEY", key)
		if a := c.Do(t.Context(), post); a.Status != 200 {
			t.Fatalf("%+v", a)
		}
		tr.CloseIdleConnections()
	}
	if diff := cmp.Diff([]string{"1", "2"}, serials); diff != "" {
		t.Error(diff)
	}
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	a := c.Do(t.Context(), post)
	if r := Classify(a, true, false); a.Written || r.Verdict != job.Unavailable || !strings.Contains(r.Detail, "tls.cert_file and tls.key_file") {
		t.Errorf("%v: %q (%v)", r.Verdict, r.Detail, a.Err)
	}
}

// A server that refuses our certificate says so only after the request was
// written, in TLS 1.3; it has not read it.
func TestClientCertificateIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	caFile, certFile, keyFile := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certDER, keyDER := certificate(t, 1)
	writePEM(t, caFile, "CERTIFICATE", certDER)
	writePEM(t, certFile, "CERTIFICATE", certDER)
	writePEM(t, keyFile, "PRIVATE KEY", keyDER)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	for version, highest := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			t.Cleanup(wg.Wait)
			t.Cleanup(func() { _ = l.Close() })
			wg.Go(func() {
				for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
					_ = tls.Server(conn, &tls.Config{
						Certificates: []tls.Certificate{pair}, MaxVersion: highest,
						ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool(),
					}).Handshake()
					wg.Go(func() { // closed at once it might be reset before the alert is read
						_, _ = io.Copy(io.Discard, conn)
						_ = conn.Close()
					})
				}
			})
			for _, s := range []TransportSettings{{CAFile: caFile}, {CAFile: caFile, CertFile: certFile, KeyFile: keyFile}} {
				c := &Client{Transport: transport(t, s), BaseURL: "https://" + l.Addr().String(), Timeout: 5 * time.Second}
				a := c.Do(t.Context(), post)
				r := Classify(a, true, false)
				if a.Written || r.Verdict != job.Unavailable ||
					!strings.Contains(r.Detail, "refuses the TLS handshake: tls: ") && !strings.Contains(r.Detail, "demands a client certificate") {
					t.Errorf("written %t, %v: %q (%v)", a.Written, r.Verdict, r.Detail, a.Err)
				}
			}
		})
	}
}

func TestCAFile(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing.pem")
	if _, err := NewTransport(TransportSettings{CAFile: missing}); err == nil || !strings.Contains(err.Error(), "tls.ca_file") || !strings.Contains(err.Error(), missing) {
		t.Errorf("%v", err)
	}
	empty := pemFile(t, "PRIVATE KEY", []byte("x"))
	if _, err := NewTransport(TransportSettings{CAFile: empty}); err == nil || !strings.Contains(err.Error(), "holds no PEM certificate") {
		t.Errorf("%v", err)
	}
}

// A proxy that will not connect us is named, by its status alone.
func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	proxy := newWire(t, func(_ int, c *net.TCPConn) {
		say(c, "HTTP/1.1 407 "+canary+"\r\nContent-Length: 0\r\n\r\n")
	})
	tr := transport(t, TransportSettings{MaxConcurrent: 1})
	tr.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }
	a := (&Client{Transport: tr, BaseURL: "https://orchestrator.example", Timeout: 5 * time.Second}).Do(t.Context(), post)
	r := Classify(a, true, false)
	if a.Written || r.Verdict != job.Unavailable || r.Detail != "no connection: the proxy refused to connect, with status 407; put its user and password into HTTPS_PROXY" {
		t.Errorf("written %t, %v: %q", a.Written, r.Verdict, r.Detail)
	}
}
