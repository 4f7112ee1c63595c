package integration

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// canaries are secrets that must appear nowhere.
const (
	canarySecret  = "canary-of-the-client-secret"
	canaryToken   = "canary-of-the-access-token"
	canaryContent = "canary-of-the-content"
)

// reflector is an orchestrator, and an identity server, that write whatever
// they were sent into every answer: the worst that can be asked for a secret.
type reflector struct{ calls atomic.Int64 }

func (r *reflector) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	_ = req.ParseForm()
	n := r.calls.Add(1)
	reflection := fmt.Sprintf("%v %v %v", req.Header, req.Form, req.URL)
	if strings.HasSuffix(req.URL.Path, "/connect/token") {
		if n%2 == 0 {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error": "invalid_client", "error_description": %q}`, reflection)
			return
		}
		fmt.Fprintf(w, `{"access_token": %q, "expires_in": 3600, "token_type": "Bearer"}`, canaryToken)
		return
	}
	statuses := []int{400, 401, 403, 404, 409, 422, 429, 500, 503, 302, 201}
	status := statuses[int(n)%len(statuses)]
	w.Header().Set("Location", "https://elsewhere.example/?token="+canaryToken)
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message": %q, "errorCode": %q, "errors": {%q: [%q]}}`, reflection, reflection, reflection, reflection)
}

// No secret and no token appears in any output, whatever the orchestrator
// answers: not in the log, the dead letters' headers, the pages or an error.
func TestNoSecretAppearsAnywhere(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	r.writeSecret(canarySecret)
	server := httptest.NewServer(&reflector{})
	t.Cleanup(server.Close)
	cfg := r.configure(settings{
		connection: "breaker: {failures: 50, open: 50ms}\ntimeout: 1s",
		route:      "retry: {attempts: 2, first: 10ms, max: 20ms}", top: "log: {level: debug}",
	})
	cfg.Connections[0].URL = server.URL
	cfg.Connections[0].Credentials[0].TokenURL = server.URL + "/connect/token?api_key=" + canarySecret
	w := r.startWith(cfg)
	for i := range 100 {
		r.publish(fmt.Sprintf(`{"id": "inv-%d", "content": {"Secret": %q}}`, i, canaryContent))
	}
	r.publish(`{"id": "bad", "qeue": "` + canaryContent + `"}`)
	r.publish(`{"id": "bad", "content": {"x": ["` + canaryContent + `"]}}`)
	r.publish(canaryContent)
	var pages strings.Builder
	deadline := time.Now().Add(4 * time.Second)
	for time.Now().Before(deadline) {
		for _, path := range []string{"/readyz", "/status", "/metrics"} {
			_, body := w.page(path)
			pages.WriteString(body)
		}
		time.Sleep(100 * time.Millisecond)
	}
	for _, m := range r.deadLetters() {
		fmt.Fprintln(&pages, m.Header, m.Subject)
	}
	w.end()
	everything := pages.String() + w.log.String() + fmt.Sprintf("%v %+v %#v", cfg.Connections[0].Credentials[0].ClientSecret, cfg.NATS, cfg.Routes)
	for _, canary := range []string{canarySecret, canaryToken, canaryContent} {
		for _, form := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary)), hex.EncodeToString([]byte(canary))} {
			if i := strings.Index(everything, form); i >= 0 {
				t.Errorf("%s appears: …%s…", canary, everything[max(0, i-200):min(len(everything), i+200)])
			}
		}
	}
	if len(w.log.events("delivery.settled")) == 0 {
		t.Errorf("nothing was delivered at all:\n%s", w.log)
	}
}
