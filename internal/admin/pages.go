package admin

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// pages are the paths and what they show. Any other path is not found; nothing
// is redirected.
type pages map[string]http.Handler

func newPages(s Settings) pages {
	return pages{
		"/livez":   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeLiveness(w, s.Live()) }),
		"/readyz":  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeReadiness(w, s.Ready()) }),
		"/status":  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Status()) }),
		"/metrics": s.Metrics,
	}
}

// ServeHTTP lets nothing through but GET and HEAD.
func (p pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	page, ok := p[r.URL.Path]
	switch {
	case !ok:
		http.Error(w, "there are /livez, /readyz, /metrics and /status", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "this listener is read only", http.StatusMethodNotAllowed)
	default:
		page.ServeHTTP(w, r)
	}
}

type liveness struct {
	Live   bool   `json:"live"`
	Detail string `json:"detail,omitempty"`
}

func writeLiveness(w http.ResponseWriter, err error) {
	if err != nil {
		detail := strings.ReplaceAll(err.Error(), "\n", "; ") // of joined errors
		writeJSON(w, http.StatusServiceUnavailable, liveness{Detail: detail})
		return
	}
	writeJSON(w, http.StatusOK, liveness{Live: true})
}

func writeReadiness(w http.ResponseWriter, r Readiness) {
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, r.printed(time.Now()))
}

// writeJSON writes v indented: these pages are read by people.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		http.Error(w, "this page cannot be shown: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the client is gone; nobody is left to tell
}
