package integration

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	stdlog "log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// clientKey is a client certificate. Its secret is a line of the key's PEM.
var clientKey = newClientKey()

type keyPair struct {
	cert, key []byte // PEM
	secret    string
}

func newClientKey() keyPair {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "worker"}, NotAfter: time.Now().Add(365 * 24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		panic(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return keyPair{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), key: text,
		// The second line: the first begins as in every key.
		secret: strings.Split(string(text), "\n")[2],
	}
}

// hostile is an orchestrator and its identity server that do the worst that can
// be done to a secret: they write whatever they were sent, and every token there
// is, into every part of every answer.
type hostile struct {
	server *httptest.Server

	lock  sync.Mutex
	modes map[string]string // by the first part of the path and what is asked
	heard strings.Builder
	n     int
}

func newHostile(t *testing.T) *hostile {
	t.Helper()
	h := &hostile{modes: map[string]string{}}
	h.server = httptest.NewUnstartedServer(h)
	h.server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	h.server.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	h.server.StartTLS()
	t.Cleanup(h.server.Close)
	return h
}

// URL is at a name that the server's certificate has.
func (h *hostile) URL() string { return h.server.URL }

// tls is the YAML of a connection to it.
func (h *hostile) tls(t *testing.T) string {
	t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.server.Certificate().Raw})
	return fmt.Sprintf("tls: {ca_file: %q, cert_file: %q, key_file: %q}", written(t, string(ca)), written(t, string(clientKey.cert)), written(t, string(clientKey.key)))
}

// set has one part of one connection, or of any that has no way of its own, answer
// in one way: identity, api or logout.
func (h *hostile) set(name, at, mode string) (undo func()) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.modes[name+" "+at] = mode
	return func() {
		h.lock.Lock()
		defer h.lock.Unlock()
		delete(h.modes, name+" "+at)
	}
}

// seen is all that was sent to it.
func (h *hostile) seen() string {
	h.lock.Lock()
	defer h.lock.Unlock()
	return h.heard.String()
}

func (h *hostile) mode(name, at string) string {
	h.lock.Lock()
	defer h.lock.Unlock()
	if mode := h.modes[name+" "+at]; mode != "" {
		return mode
	}
	return h.modes["any "+at]
}

func (h *hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	sent := fmt.Sprintf("%v %s %s", r.Header, r.URL.String(), body)
	h.lock.Lock()
	h.heard.WriteString(sent + "\n")
	h.n++
	n := h.n
	h.lock.Unlock()
	name, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	at := partOf(r.Method, "/"+path)
	mode := h.mode(name, at)
	if mode == "all" { // each in its turn, and between them what works
		mode = inTurn(n)
	}
	reflection := oneLine(sent + " " + strings.Join([]string{canaries["access"], canaries["refresh"], canaries["mfa"]}, " "))
	if hostileAnswers[mode] != nil {
		hostileAnswers[mode](w, reflection)
		return
	}
	w.Header().Set("X-Reflection", reflection)
	good(w, "/"+path, string(body), at)
}

func inTurn(n int) string {
	if n%3 > 0 {
		return ""
	}
	return hostileOrder[n/3%len(hostileOrder)]
}

func partOf(method, path string) string {
	switch {
	case strings.HasSuffix(path, "/connect/revocation"), strings.HasSuffix(path, "/authentication/logout"), path == "/api/token" && method == http.MethodDelete:
		return "logout"
	case strings.HasSuffix(path, "/connect/token"), strings.HasSuffix(path, "/api/Account/Authenticate"), path == "/api/token",
		strings.HasPrefix(path, "/v1/authentication"), strings.HasPrefix(path, "/v2/authentication"):
		return "identity"
	}
	return "api"
}

// good is what works, in every product's own words.
func good(w http.ResponseWriter, path, body, at string) {
	w.Header().Set("Content-Type", "application/json")
	answer := map[string]any{
		"access_token": canaries["access"], "refresh_token": canaries["refresh"], "expires_in": 2, "token_type": "bearer", // OAuth, Veeam
		"result": canaries["access"], "success": true, // UiPath's legacy log-in
		"token": canaries["access"], "valid": true, // Control Room
	}
	switch {
	case at == "api":
		answer = map[string]any{"value": []any{}, "Id": 1, "client_id": "made", "client_secret": canaries["made"], "message": canaries["access"]}
	case strings.Contains(body, "grant_type=password") && strings.HasPrefix(path, "/api/token"):
		answer = map[string]any{"mfa_token": canaries["mfa"]}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// hostileAnswers are all that may be answered instead, by name.
var hostileAnswers = map[string]func(http.ResponseWriter, string){
	"an HTML page": func(w http.ResponseWriter, s string) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<html><title>%s</title>%s</html>", s, s)
	},
	"half a token": func(w http.ResponseWriter, s string) {
		fmt.Fprintf(w, `{"access_token": %q, "x": "%s`, canaries["access"], s)
	},
	"a broken token":   func(w http.ResponseWriter, _ string) { tokenOf(w, canaries["access"]+"\r\nX-Evil: 1") },
	"a blank in it":    func(w http.ResponseWriter, _ string) { tokenOf(w, canaries["access"]+" "+canaries["refresh"]) },
	"nothing":          func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusNoContent) },
	"an abrupt end":    func(http.ResponseWriter, string) { panic(http.ErrAbortHandler) },
	"a broken status":  raw("HTTP/1.1 %s\r\n\r\n"),
	"no HTTP":          raw("%s\r\n\r\n"),
	"a broken header":  raw("HTTP/1.1 200 OK\r\n%s\r\n\r\n"),
	"a broken length":  raw("HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n"),
	"two lengths":      raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: %s\r\n\r\n"),
	"a strange coding": raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n"),
	"a broken chunk":   raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n"),
	"a broken trailer": raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n%s\r\n\r\n"),
	"an upgrade":       raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\n\r\n"),
	"a word too many":  raw("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n%s"),
	"a late word":      rawLater("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "%s"),
	"a silent body": func(w http.ResponseWriter, s string) {
		w.Header().Set("Content-Length", "100000")
		fmt.Fprint(w, s)
		_ = http.NewResponseController(w).Flush()
		time.Sleep(100 * time.Millisecond)
		panic(http.ErrAbortHandler)
	},
}

// hostileOrder is the names of hostileAnswers.
var hostileOrder []string

func init() {
	for _, status := range []int{200, 201, 301, 302, 307, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 431, 500, 501, 502, 503, 504} {
		hostileAnswers[fmt.Sprintf("JSON, %d", status)] = func(w http.ResponseWriter, s string) { reflecting(w, s, status) }
	}
	hostileOrder = slices.Sorted(maps.Keys(hostileAnswers))
}

// reflecting is an error in the words of all products at once.
func reflecting(w http.ResponseWriter, s string, status int) {
	for _, name := range []string{"X-Reflection", "WWW-Authenticate", "Retry-After", "Server", "Set-Cookie", "X-Request-Id", "Date"} {
		w.Header().Set(name, s)
	}
	w.Header().Set("Location", "https://elsewhere.example/?token="+strings.ReplaceAll(canaries["access"], "%", "%25"))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"error": s, "error_description": s, "error_uri": s, "message": s, "Message": s, "code": s, "details": s, "detail": s, "title": s,
		"errorCode": s, "resourceIds": []string{s}, "errors": map[string]any{s: []string{s}}, "traceId": s, "success": false,
	})
}

func tokenOf(w http.ResponseWriter, value string) {
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": value, "result": value, "token": value, "success": true, "expires_in": 60})
}

// raw writes bytes that may be no HTTP, and closes the connection.
func raw(format string) func(http.ResponseWriter, string) { return rawLater(format, "") }

// rawLater writes once more after a while, on a connection that is idle by then.
func rawLater(format, later string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, s string) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		put(conn, buffered.Writer, format, s)
		if later != "" {
			time.Sleep(50 * time.Millisecond)
			put(conn, buffered.Writer, later, s)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func put(conn net.Conn, w *bufio.Writer, format, s string) {
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	if strings.Contains(format, "%s") {
		format = fmt.Sprintf(format, s)
	}
	_, _ = w.WriteString(format)
	_ = w.Flush()
}

// oneLine is s without what would end a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
}

// lookupCanary is an environment with a secret in it.
func lookupCanary(name string) (string, bool) {
	if name == "QUEUEFERRY_CANARY" {
		return canaries["env"], true
	}
	return "", false
}
