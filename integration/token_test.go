package integration

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// page gets a page of the worker's admin listener.
func (w *running) page(path string) (int, string) {
	w.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Get("http://" + w.admin + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// A burst of 401s makes one log-in, and no message notices.
func TestARevokedTokenMakesOneLogIn(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{connection: "max_concurrent: 64"})
	r.publishMany("before", 100)
	r.settledAll()
	r.uipath.AddFault(uipath.Fault{Kind: uipath.Latency, Delay: 20 * time.Millisecond})
	r.uipath.RevokeTokens()
	r.publishMany("inv", 500)
	r.settledAll()
	w.end()
	r.once(unique, "inv", 500)
	c := r.uipath.Counts()
	if c.LogIns != 2 {
		t.Errorf("%d log-ins, want one at the start and one more", c.LogIns)
	}
	for _, l := range w.log.events("delivery.settled") {
		if l["delivery"] != 1.0 || l["verdict"] != "delivered" {
			t.Fatalf("%v", l)
		}
	}
	if gates := w.log.events("gate.changed"); len(gates) > 0 {
		t.Errorf("the gate moved: %v", gates)
	}
}

// A wrong secret holds every message, is said once, and is forgotten as soon as
// the file is right: nothing is restarted, and nobody is locked out.
func TestAWrongSecretHoldsUntilTheFileIsRight(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(r *rig){
		"wrong":   func(r *rig) { r.writeSecret("wrong") },
		"missing": func(r *rig) { r.removeSecret() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			spoil(r)
			w := r.start(settings{})
			r.publishMany("inv", 50)
			r.eventually("the gate shuts", func() bool { return len(w.log.events("gate.changed")) > 0 })
			time.Sleep(2500 * time.Millisecond)
			if left := r.left(); left != 50 {
				t.Errorf("%d messages are left", left)
			}
			status, body := w.page("/readyz")
			if status != 200 || !strings.Contains(body, "credentials_refused") || !strings.Contains(body, "acme") {
				t.Errorf("/readyz: %d %s", status, body)
			}
			if n := r.uipath.Counts().RefusedLogIns; n > 3 {
				t.Errorf("%d log-ins were refused: an account may be locked by that", n)
			}
			r.writeSecret("secret")
			r.settledAll()
			w.end()
			r.once(unique, "inv", 50)
			if n := len(w.log.events("token.refused")); n != 1 {
				t.Errorf("token.refused was said %d times", n)
			}
			if n := len(w.log.events("gate.changed")); n != 2 {
				t.Errorf("gate.changed was said %d times: %v", n, w.log.events("gate.changed"))
			}
			if dead := r.deadLetters(); len(dead) > 0 {
				t.Errorf("%d dead letters", len(dead))
			}
		})
	}
}

// A secret that is rotated counts without a restart.
func TestASecretIsRotated(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{})
	r.publishMany("before", 10)
	r.settledAll()
	r.writeSecret("rotated")
	r.uipath.SetClientSecret("queueferry", "rotated")
	r.uipath.RevokeTokens()
	r.publishMany("inv", 50)
	r.settledAll()
	w.end()
	r.once(unique, "inv", 50)
	if n := r.uipath.Counts().RefusedLogIns; n != 0 {
		t.Errorf("%d refused log-ins", n)
	}
}

// An identity server that fails in any way holds the messages.
func TestTheIdentityServerFails(t *testing.T) {
	t.Parallel()
	token := []uipath.Operation{uipath.Token}
	for name, fault := range map[string]uipath.Fault{
		"down":    {Kind: uipath.RefuseConnections, Operations: token},
		"503":     uipath.IdentityDown(503),
		"429":     {Status: 429, RetryAfter: "1", Operations: token},
		"HTML":    {Status: 200, Body: uipath.BodyHTML, Operations: token},
		"hanging": {Kind: uipath.BlackHole, Operations: token},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			w := r.start(settings{})
			r.publishMany("before", 10)
			r.settledAll()
			r.uipath.SetFault(fault)
			r.uipath.RevokeTokens()
			r.publishMany("inv", 50)
			time.Sleep(1500 * time.Millisecond)
			if left := r.left(); left != 50 {
				t.Errorf("%d messages are left", left)
			}
			r.uipath.ClearFault()
			r.settledAll()
			w.end()
			r.once(unique, "inv", 50)
			if dead := r.deadLetters(); len(dead) > 0 {
				t.Errorf("%d dead letters", len(dead))
			}
			for _, l := range w.log.events("delivery.settled") {
				if l["delivery"] != 1.0 {
					t.Fatalf("a delivery was spent: %v", l)
				}
			}
		})
	}
}

func TestTheAdminPages(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{})
	r.publishMany("inv", 10)
	r.settledAll()
	if status, body := w.page("/livez"); status != 200 {
		t.Errorf("/livez: %d %s", status, body)
	}
	status, body := w.page("/readyz")
	var ready struct {
		Ready    bool
		Problems []any
	}
	if err := json.Unmarshal([]byte(body), &ready); status != 200 || err != nil || !ready.Ready || len(ready.Problems) > 0 {
		t.Errorf("/readyz: %d %s", status, body)
	}
	if status, body := w.page("/status"); status != 200 || !strings.Contains(body, `"gate": "open"`) || !strings.Contains(body, "invoices") {
		t.Errorf("/status: %d %s", status, body)
	}
	if status, body := w.page("/metrics"); status != 200 ||
		!strings.Contains(body, `queueferry_requests_total{reason="",route="invoices",verdict="delivered"} 10`) {
		t.Errorf("/metrics: %d %s", status, body)
	}
}
