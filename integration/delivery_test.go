package integration

import (
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func TestARequestBecomesAQueueItem(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{})
	r.publish(`{"id": "inv-1", "queue": "Notes", "priority": "high", "defer_until": "2026-01-31T06:00:00Z",
		"due_by": "2026-01-31T19:00:00+01:00", "options": {"Progress": "half"}, "content": {"Vendor": "ACME", "Amount": 12.50, "Paid": false, "Note": null}}`)
	r.settledAll()
	items := r.uipath.ItemsByReference(folder, plain, "inv-1")
	if len(items) != 1 {
		t.Fatalf("%d items\n%s", len(items), w.log)
	}
	got := items[0]
	if got.Priority != "High" || got.Progress != "half" || got.Source != "" {
		t.Errorf("priority %q, progress %q, source %q", got.Priority, got.Progress, got.Source)
	}
	if want := time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC); !got.DeferDate.Equal(want) {
		t.Errorf("deferred until %v, want %v", got.DeferDate, want)
	}
	if want := time.Date(2026, 1, 31, 18, 0, 0, 0, time.UTC); !got.DueDate.Equal(want) {
		t.Errorf("due by %v, want %v", got.DueDate, want)
	}
	fields := got.Fields()
	if fields["Vendor"] != "ACME" || fields["Amount"] != 12.5 || fields["Paid"] != false {
		t.Errorf("content %s", got.Content)
	}
	if v := r.uipath.Violations(); len(v) > 0 {
		t.Errorf("the orchestrator complains: %v", v)
	}
}

func TestTheNativeForm(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	r.start(settings{})
	r.publish(`{"itemData": {"Name": "Notes", "Priority": "Low", "Reference": "native-1", "SpecificContent": {"Name": "x"}, "Source": "Manual"}}`)
	r.publish(`{"itemData": {"Name": "Notes", "SpecificContent": {"Name": "x"}}}`, "Nats-Msg-Id", "native-2")
	r.settledAll()
	if got := r.uipath.ItemsByReference(folder, plain, "native-1"); len(got) != 1 || got[0].Priority != "Low" {
		t.Errorf("with a reference: %+v", got)
	}
	if got := r.uipath.ItemsByReference(folder, plain, "native-2"); len(got) != 1 {
		t.Errorf("with the reference of the id: %d items", len(got))
	}
}

// Every delivery has its line in the log: none is sampled away.
func TestEveryDeliveryHasItsLine(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{route: singly})
	r.publishMany("inv", 1000)
	r.settledAll()
	r.once(unique, "inv", 1000)
	w.end()
	lines := w.log.events("delivery.settled")
	if len(lines) != 1000 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, l := range lines {
		if l["verdict"] != "delivered" || l["disposition"] != "ack" || l["status"] != 201.0 || l["delivery"] != 1.0 || l["receipt"] == nil {
			t.Fatalf("%v", l)
		}
	}
	done := w.log.events("shutdown.done")
	if len(done) != 1 || done[0]["left"] != 0.0 || done[0]["handed_back"] != 0.0 {
		t.Errorf("shutdown.done: %v", done)
	}
}

func TestAStopLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	r.uipath.AddFault(uipath.Fault{Kind: uipath.Latency, Delay: 20 * time.Millisecond})
	const n = 600
	first := r.start(settings{connection: "max_concurrent: 8", route: singly})
	r.publishMany("inv", n)
	r.eventually("some are settled", func() bool { return r.left() < n-50 })
	first.end()
	if left := r.left(); left == 0 || left == n {
		t.Fatalf("%d of %d are left: the stop was not in the middle", left, n)
	}
	second := r.start(settings{route: singly})
	began := time.Now()
	r.settledAll()
	if took := time.Since(began); took > 20*time.Second { // of an ack wait of 30 s
		t.Errorf("the rest took %v: what was in hand was not handed back", took)
	}
	second.end()
	r.once(unique, "inv", n)
	if calls := r.uipath.Counts().Total(uipath.AddQueueItem); calls != n {
		t.Errorf("%d calls for %d requests: the stop repeated some", calls, n)
	}
	if dead := r.deadLetters(); len(dead) > 0 {
		t.Errorf("%d dead letters, the first %v", len(dead), dead[0].Header)
	}
}

func TestTwoWorkersShareARoute(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	a, b := r.start(settings{route: singly}), r.start(settings{route: singly})
	r.publishMany("inv", 800)
	r.settledAll()
	a.end()
	b.end()
	r.once(unique, "inv", 800)
	if calls := r.uipath.Counts().Total(uipath.AddQueueItem); calls != 800 {
		t.Errorf("%d calls", calls)
	}
	if len(a.log.events("delivery.settled")) == 0 || len(b.log.events("delivery.settled")) == 0 {
		t.Error("one of them had nothing to do")
	}
}
