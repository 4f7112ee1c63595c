package integration

import (
	"testing"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func TestARequestBecomesAQueueItem(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{})
	r.publish(`{"id": "inv-1", "queue": "Notes", "priority": "high", "defer_until": "2026-01-31T06:00:00Z", "due_by": "2026-01-31T19:00:00+01:00", "content": {"Vendor": "ACME", "Amount": 12.50}}`)
	r.settledAll()
	items := r.uipath.ItemsByReference(folder, plain, "inv-1")
	if len(items) != 1 {
		t.Fatalf("%d items\n%s", len(items), w.log)
	}
	t.Logf("%+v\n%s", items[0], w.log)
}

func TestManyRequests(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	r.start(settings{})
	r.publishMany("inv", 500)
	r.settledAll()
	r.once(unique, "inv", 500)
}
