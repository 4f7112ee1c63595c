package integration

import (
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// What can never work is set aside with its reason and a detail that names the
// field, and harms no neighbour.
func TestBadRequestsBecomeDeadLetters(t *testing.T) {
	t.Parallel()
	bad := []struct{ name, body, reason, detail string }{
		{"not JSON", `not a request`, "undecodable", "JSON"},
		{"an array", `["one"]`, "undecodable", "object"},
		{"empty", ``, "undecodable", ""},
		{"half", `{"id": "half"`, "undecodable", ""},
		{"an unknown key", `{"id": "unknown", "qeue": "Invoices"}`, "invalid_request", "qeue"},
		{"a key twice", `{"id": "twice", "queue": "Notes", "queue": "Invoices"}`, "invalid_request", "queue"},
		{"a wrong type", `{"id": "type", "queue": 7}`, "invalid_request", "queue"},
		{"a bad priority", `{"id": "priority", "priority": "urgent"}`, "invalid_request", "priority"},
		{"a bad date", `{"id": "date", "due_by": "2026-01-31"}`, "invalid_request", "due_by"},
		{"nested content", `{"id": "nested", "content": {"Lines": [1]}}`, "invalid_request", "Lines"},
		{"a long reference", `{"id": "long", "reference": "` + strings.Repeat("r", 129) + `"}`, "invalid_request", "reference"},
		{"an unknown option", `{"id": "option", "options": {"Progress": 7}}`, "invalid_request", "Progress"},
		{"two native forms", `{"itemData": {}, "startInfo": {}}`, "invalid_request", "itemData"},
		{"a native form beside an action", `{"action": "add_queue_item", "itemData": {}}`, "invalid_request", "action"},
		{"a foreign queue", `{"id": "queue", "queue": "Payroll"}`, "not_allowed", "queue"},
		{"a foreign folder", `{"id": "folder", "folder": "HR"}`, "not_allowed", "folder"},
		{"a foreign option", `{"id": "foreign", "options": {"RiskSlaDate": "2026-01-31T06:00:00Z"}}`, "not_allowed", "RiskSlaDate"},
		{"a job", `{"id": "job", "action": "start_job", "process": "Post"}`, "not_allowed", "process"},
		{"a missing queue", `{"id": "missing", "queue": "Missing"}`, "not_found", "queue"},
		{"too large", `{"id": "large", "content": {"Scan": "` + strings.Repeat("x", 1001) + `"}}`, "too_large", "content"},
	}
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{connection: "content_limit: 1000"})
	for _, b := range bad {
		r.publish(b.body)
	}
	r.publishMany("good", 50)
	r.settledAll()
	r.once(unique, "good", 50)
	if n := len(r.uipath.Items()); n != 50 {
		t.Errorf("%d items, want 50", n)
	}
	byPayload := map[string]map[string][]string{}
	for _, m := range r.deadLetters() {
		byPayload[string(m.Data)] = m.Header
	}
	for _, b := range bad {
		h := byPayload[b.body]
		if h == nil {
			t.Errorf("%s: no dead letter with its payload\n%s", b.name, w.log)
			continue
		}
		if got := h["Queueferry-Reason"]; len(got) != 1 || got[0] != b.reason {
			t.Errorf("%s: reason %v, want %s; detail %v", b.name, got, b.reason, h["Queueferry-Detail"])
		}
		if got := strings.Join(h["Queueferry-Detail"], ""); got == "" || !strings.Contains(got, b.detail) {
			t.Errorf("%s: the detail %q does not name %q", b.name, got, b.detail)
		}
	}
}

// A reference that belongs to somebody else's item is no duplicate of ours:
// acking it would lose the request.
func TestAForeignReferenceIsAConflict(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	r.start(settings{})
	r.publish(`{"id": "first", "reference": "shared", "content": {"Vendor": "A"}}`)
	r.settledAll()
	r.publish(`{"id": "second", "reference": "shared", "content": {"Vendor": "B"}}`)
	r.settledAll()
	dead := r.deadLetters()
	if len(dead) != 1 {
		t.Fatalf("%d dead letters", len(dead))
	}
	h := dead[0].Header
	for name, want := range map[string]string{
		"Queueferry-Reason": "reference_conflict", "Queueferry-Request-Id": "second", "Queueferry-Route": "invoices",
		"Queueferry-Status": "409", "Queueferry-Error-Code": "1016", "Queueferry-Stream": "JOBS",
		"Queueferry-Sequence": "2", "Queueferry-Subject": "jobs.invoices.new", "Queueferry-Attempts": "1",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := len(r.uipath.ItemsByReference(folder, unique, "shared")); got != 1 {
		t.Errorf("%d items", got)
	}
}

func TestOnDuplicateAck(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{route: "on_duplicate: ack"})
	r.publish(item("same"))
	r.publish(item("same"))
	r.settledAll()
	w.end()
	if dead := r.deadLetters(); len(dead) > 0 {
		t.Errorf("dead letter %v", dead[0].Header)
	}
	verdicts := map[any]int{}
	for _, l := range w.log.events("delivery.settled") {
		verdicts[l["verdict"]]++
	}
	if verdicts["delivered"] != 1 || verdicts["duplicate"] != 1 {
		t.Errorf("verdicts %v", verdicts)
	}
}

// The headers that a publisher wrote come along; those that are ours cannot be forged.
func TestADeadLetterKeepsWhatCame(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	r.start(settings{})
	body := "\x00\xff not JSON"
	r.publish(body, "Nats-Msg-Id", "mine", "Business-Key", "4711", "Queueferry-Reason", "forged")
	r.settledAll()
	dead := r.deadLetters()
	if len(dead) != 1 {
		t.Fatalf("%d dead letters", len(dead))
	}
	h := dead[0].Header
	if string(dead[0].Data) != body {
		t.Errorf("payload %q", dead[0].Data)
	}
	if h.Get("Business-Key") != "4711" || h.Get("Queueferry-Original-Msg-Id") != "mine" || h.Get("Queueferry-Request-Id") != "mine" {
		t.Errorf("headers %v", h)
	}
	if got := h["Queueferry-Reason"]; len(got) != 1 || got[0] != "undecodable" {
		t.Errorf("reason %v", got)
	}
}
