package integration

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// The worker of these tests looks up soon, and takes any number of lost answers
// for what they are: not an outage.
const (
	doubting = "settle: 300ms\nbreaker: {failures: 10000, open: 300ms}"
	quickly  = "retry: {first: 50ms, max: 200ms}"
)

func note(id string) string {
	return fmt.Sprintf(`{"id": %q, "queue": "Notes", "content": {"Vendor": "ACME", "Amount": 12.50}}`, id)
}

func (r *rig) publishNotes(n int) { r.publishEach("note", n, note) }

// publishEach publishes n requests at once, and waits until they are stored.
func (r *rig) publishEach(prefix string, n int, request func(id string) string) {
	r.t.Helper()
	for i := range n {
		if _, err := r.js.PublishAsync("jobs.invoices.new", []byte(request(fmt.Sprintf("%s-%d", prefix, i)))); err != nil {
			r.t.Fatal(err)
		}
	}
	r.publishedAll()
}

func (r *rig) noDeadLetters() {
	r.t.Helper()
	for _, dead := range r.deadLetters() {
		r.t.Errorf("dead letter %v", dead.Header)
	}
}

// lookUps is how many lists of queue items were asked for.
func (r *rig) lookUps() int { return r.uipath.Counts().Total(uipath.ListQueueItems) }

// settledAs are the lines of the log with a verdict and a reason.
func (w *running) settledAs(verdict, reason string) (n int) {
	for _, l := range w.log.events("delivery.settled") {
		if l["verdict"] == verdict && (reason == "" || l["reason"] == reason) {
			n++
		}
	}
	return n
}

func times(f uipath.Fault, n int) uipath.Fault {
	f.Calls = n
	return f
}

// On a queue that takes any number of items of one reference, a request whose
// answer was lost is looked up, and sent again only if it is not there.
func TestALostAnswerIsLookedUp(t *testing.T) {
	t.Parallel()
	drop := uipath.Fault{Kind: uipath.Drop, Operations: []uipath.Operation{uipath.AddQueueItem}}
	for name, tt := range map[string]struct {
		fault      uipath.Fault
		skew       time.Duration
		connection string
		delivered  int
	}{
		"added, then cut":         {fault: uipath.CommitThenDrop(uipath.AddQueueItem)},
		"added, then 504":         {fault: uipath.CommitThenStatus(504, uipath.AddQueueItem)},
		"cut before it was added": {fault: drop, delivered: 1},
		"added late":              {fault: uipath.CommitLater(300*time.Millisecond, uipath.AddQueueItem), connection: "settle: 1s"},
		"a clock that is ahead":   {fault: uipath.CommitThenDrop(uipath.AddQueueItem), skew: time.Hour},
		"a clock that is behind":  {fault: uipath.CommitThenDrop(uipath.AddQueueItem), skew: -time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{ClockSkew: tt.skew})
			if tt.connection == "" {
				tt.connection = doubting
			}
			w := r.start(settings{connection: tt.connection, route: quickly})
			r.uipath.AddFault(times(tt.fault, 1))
			r.publish(note("note-0"))
			r.settledAll()
			w.end()
			r.once(plain, "note", 1)
			r.noDeadLetters()
			if got := w.settledAs("delivered", ""); got != tt.delivered {
				t.Errorf("delivered %d times, want %d", got, tt.delivered)
			}
			if got := w.settledAs("duplicate", ""); got != 1-tt.delivered {
				t.Errorf("%d duplicates", got)
			}
		})
	}
}

// An item that was there before the first try is not ours, equal or not.
func TestAnOlderItemIsNotOurs(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	_, ok := r.uipath.AddItem(folder, plain, uipath.Item{
		Reference: "note-0", Content: []byte(`{"Vendor":"ACME","Amount":12.5}`), Created: time.Now().Add(-time.Hour),
	})
	if !ok {
		t.Fatal("not added")
	}
	r.start(settings{connection: doubting, route: quickly})
	r.uipath.AddFault(times(uipath.Fault{Kind: uipath.Drop, Operations: []uipath.Operation{uipath.AddQueueItem}}, 1))
	r.publish(note("note-0"))
	r.settledAll()
	if got := len(r.uipath.ItemsByReference(folder, plain, "note-0")); got != 2 {
		t.Errorf("%d items", got)
	}
	r.noDeadLetters()
}

// Where the look-up cannot tell, the request is set aside, or sent again if the
// operator prefers that.
func TestALookUpThatCannotTell(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		route string
		items int
		dead  int
	}{
		"park":   {quickly, 0, 1},
		"resend": {quickly + "\non_unknown: resend", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			r.uipath.AddItem(folder, plain, uipath.Item{Reference: "another"})
			r.uipath.AddFault(uipath.Fault{Kind: uipath.IgnoreFilter, Operations: []uipath.Operation{uipath.ListQueueItems}})
			r.start(settings{connection: doubting, route: tt.route})
			r.uipath.AddFault(times(uipath.Fault{Kind: uipath.Drop, Operations: []uipath.Operation{uipath.AddQueueItem}}, 1))
			r.publish(note("note-0"))
			r.settledAll()
			if got := len(r.uipath.ItemsByReference(folder, plain, "note-0")); got != tt.items {
				t.Errorf("%d items", got)
			}
			dead := r.deadLetters()
			if len(dead) != tt.dead {
				t.Fatalf("dead letters %v", dead)
			}
			for _, m := range dead {
				if m.Header.Get("Queueferry-Reason") != "unknown_outcome" || m.Header.Get("Queueferry-First-Try") == "" {
					t.Errorf("dead letter %v", m.Header)
				}
			}
		})
	}
}

// A 429 to a look-up makes look-ups wait, and nothing else.
func TestAThrottledLookUpHindersNoOther(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{connection: doubting, route: quickly})
	throttled := r.uipath.AddFault(times(uipath.Throttled("4", uipath.ListQueueItems), 1))
	r.uipath.AddFault(times(uipath.CommitThenDrop(uipath.AddQueueItem), 1))
	r.publish(note("note-0"))
	r.eventually("the look-up is throttled", func() bool { return throttled.Hits() == 1 })
	met := time.Now()
	r.publishMany("inv", 50)
	r.eventually("the others are delivered", func() bool { return r.left() <= 1 })
	if time.Since(met) < 3*time.Second && r.lookUps() != 1 {
		t.Errorf("%d look-ups", r.lookUps())
	}
	r.settledAll()
	if took := time.Since(met); took < 3500*time.Millisecond {
		t.Errorf("looked up again after %v", took)
	}
	w.end()
	r.once(plain, "note", 1)
	r.once(unique, "inv", 50)
	r.noDeadLetters()
	if shut := w.log.events("gate.changed"); len(shut) > 0 {
		t.Errorf("the gate was shut: %v", shut)
	}
	if got := w.settledAs("unavailable", "look_ups_limited"); got != 1 {
		t.Errorf("limited %d times", got)
	}
}

// Where the budget of look-ups is spent, requests wait for it, and none is lost
// or made twice.
func TestTheBudgetOfLookUpsIsSpent(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	// One at a time cannot be grouped: 4 look-ups at once, then one in 7.5 s.
	w := r.start(settings{connection: doubting + "\nmax_concurrent: 1\nlook_ups_per_minute: 12", route: quickly + "\n" + singly})
	const n = 5
	r.uipath.AddFault(times(uipath.CommitThenDrop(uipath.AddQueueItem), n))
	r.publishNotes(n)
	r.settledAll()
	w.end()
	r.once(plain, "note", n)
	r.noDeadLetters()
	if got := w.settledAs("unavailable", "look_ups_limited"); got == 0 {
		t.Error("the budget was never spent")
	}
	if got := r.lookUps(); got != n {
		t.Errorf("%d look-ups", got)
	}
}

// Many answers lost at once need few look-ups.
func TestManyLostAnswersNeedFewLookUps(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{connection: doubting + "\nmax_concurrent: 64\nlook_ups_per_minute: 100", route: quickly + "\nmax_in_flight: 512\n" + singly})
	const n = 300
	fault := uipath.CommitThenDrop(uipath.AddQueueItem)
	r.uipath.AddFault(times(fault, n/2))
	fault.Commit = uipath.NoCommit
	r.uipath.AddFault(times(fault, n/2))
	r.publishNotes(n)
	r.settledAll()
	w.end()
	r.once(plain, "note", n)
	r.noDeadLetters()
	counts := r.uipath.Counts()
	if got := r.lookUps(); got < n/19 || got > 90 || counts.Calls[uipath.ListQueueItems][http.StatusTooManyRequests] > 0 {
		t.Errorf("%d look-ups: %v", got, counts.Calls[uipath.ListQueueItems])
	}
	t.Logf("%d look-ups", r.lookUps())
}

// On a queue with unique references an item of somebody else is compared.
func TestAReferenceThatIsTaken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		content, route string
		dead, lookUps  int
	}{
		"equal content":     {content: `{"Amount":"12.50","Vendor":"ACME"}`, lookUps: 1},
		"other content":     {content: `{"Amount":"13","Vendor":"ACME"}`, dead: 1, lookUps: 1},
		"on_duplicate: ack": {content: `{"Amount":"13","Vendor":"ACME"}`, route: "on_duplicate: ack"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			r.uipath.AddItem(folder, unique, uipath.Item{Reference: "INV-0", Content: []byte(tt.content)})
			w := r.start(settings{connection: doubting, route: tt.route})
			r.publish(item("inv-0"))
			r.settledAll()
			w.end()
			dead := r.deadLetters()
			if len(dead) != tt.dead {
				t.Fatalf("dead letters %v", dead)
			}
			expect(t, dead, "reference_conflict")
			if got := w.settledAs("duplicate", ""); got != 1-tt.dead {
				t.Errorf("%d duplicates", got)
			}
			if r.lookUps() != tt.lookUps || len(r.uipath.Items()) != 1 {
				t.Errorf("%d look-ups, %d items", r.lookUps(), len(r.uipath.Items()))
			}
		})
	}
}

func expect(t *testing.T, dead []*jetstream.RawStreamMsg, reason string) {
	t.Helper()
	for _, m := range dead {
		if got := m.Header.Get("Queueferry-Reason"); got != reason {
			t.Errorf("dead letter %v", m.Header)
		}
	}
}
