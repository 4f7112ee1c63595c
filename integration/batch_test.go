package integration

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

var bulk = []uipath.Operation{uipath.BulkAddQueueItems}

// slow has every call take a while, so that others wait.
func (r *rig) slow() {
	r.uipath.AddFault(uipath.Fault{Kind: uipath.Latency, Delay: 20 * time.Millisecond, Operations: uipath.ActingOperations})
}

// batches are the sizes of those that were sent.
func (r *rig) batches() (sizes []int) {
	for _, call := range r.uipath.Calls() {
		if call.Operation == uipath.BulkAddQueueItems {
			sizes = append(sizes, len(call.References))
		}
	}
	return sizes
}

// inQueue asks for items of a queue that the message names.
func inQueue(queue string) task {
	return task{body: func(id string) string {
		return fmt.Sprintf(`{"id": %q, "queue": %q, "content": {"Vendor": "ACME", "Amount": "12.50"}}`, id, queue)
	}}
}

// What waits goes together, within the limit, and each message has its own end:
// a line in the log with the size of its call, and one ack.
func TestBatchesForm(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	r.slow()
	w := r.start(settings{route: "batch: {max: 50}"})
	r.publishMany("inv", 600)
	r.settledAll()
	r.once(unique, "inv", 600)
	counts := r.uipath.Counts()
	singles, together := counts.Total(uipath.AddQueueItem), counts.Total(uipath.BulkAddQueueItems)
	if singles+together > 60 || together == 0 {
		t.Errorf("%d single calls and %d batches of %v", singles, together, r.batches())
	}
	inBatches := 0
	for _, size := range r.batches() {
		inBatches += size
		if size < 2 || size > 50 {
			t.Errorf("a batch of %d", size)
		}
	}
	logged, lines := 0, w.settled(600)
	for _, line := range lines {
		if n, _ := line["batch"].(float64); n >= 2 {
			logged++
		}
	}
	if len(lines) != 600 || logged != inBatches {
		t.Errorf("%d lines, %d of them tell of a batch; %d items were in one", len(lines), logged, inBatches)
	}
	want := fmt.Sprintf(`queueferry_batch_size_count{route="invoices"} %d`, singles+together)
	if text := w.metrics(t); !strings.Contains(text, want) || !strings.Contains(text, `queueferry_batch_size_sum{route="invoices"} 600`) {
		t.Errorf("no %s in the metrics", want)
	}
}

// settled are the lines of at least n deliveries: they come after the acks.
func (w *running) settled(n int) (lines []map[string]any) {
	w.t.Helper()
	w.eventually("all is logged", func() bool {
		lines = w.log.events("delivery.settled")
		return len(lines) >= n
	})
	return lines
}

func (w *running) metrics(t *testing.T) string {
	t.Helper()
	resp, err := http.Get("http://" + w.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A single message on an idle worker goes at once, and its receipt is known.
func TestOneMessageIsASingleCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{})
	for i := range 5 {
		r.publish(item(fmt.Sprint("inv-", i)))
		r.settledAll()
	}
	if counts := r.uipath.Counts(); counts.Total(uipath.AddQueueItem) != 5 || counts.Total(uipath.BulkAddQueueItems) != 0 {
		t.Errorf("batches of %v", r.batches())
	}
	for _, line := range w.settled(5) {
		if line["receipt"] == nil || line["batch"] != nil {
			t.Error(line)
		}
	}
}

// One item that has the whole call refused, or that the API refuses for itself,
// is set aside alone. Its neighbours are added once, and pay no attempt.
func TestOneBadItemHarmsNoNeighbour(t *testing.T) {
	t.Parallel()
	bad := func(reference string) bool { return strings.HasSuffix(reference, "-13") }
	for name, fault := range map[string]uipath.Fault{
		"the whole call":          {Status: 400, ErrorCode: 1000, Match: bad, Operations: uipath.ActingOperations},
		"itself":                  {Kind: uipath.FailItems, Status: 400, ErrorName: "QueueItemSchemaViolationException", Match: bad},
		"itself, by another name": {Kind: uipath.FailItems, Status: 409, ErrorName: "NobodyKnowsThis", Match: bad},
	} {
		for _, queue := range []string{unique, plain} {
			t.Run(name+", "+queue, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, uipath.Settings{})
				r.slow()
				r.uipath.AddFault(fault)
				w := r.start(settings{})
				const n = 150
				r.ask(inQueue(queue), "inv", n)
				r.settledAll()
				for i := range n {
					id, want := fmt.Sprint("inv-", i), 1
					if bad(id) {
						want = 0
					}
					if got := len(r.uipath.ItemsByReference(folder, queue, id)); got != want {
						t.Errorf("%s: %d items", id, got)
					}
				}
				if dead := r.deadLetters(); len(dead) != 1 || !bad(dead[0].Header.Get("Queueferry-Request-Id")) {
					t.Errorf("%d dead letters", len(dead))
				}
				for _, line := range w.settled(n) {
					if !bad(line["request_id"].(string)) && (line["attempt"] != 1.0 || line["delivery"] != 1.0) {
						t.Errorf("a neighbour paid: %v", line)
					}
				}
				if len(r.batches()) == 0 {
					t.Error("there were no batches")
				}
			})
		}
	}
}

// A server that refuses every batch gets single calls, within the same delivery.
func TestRefusedBatchesGoSingly(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]uipath.Fault{
		"by the API":                   {Status: 400, ErrorCode: 1000, Operations: bulk},
		"too large":                    {Status: 413, Body: uipath.BodyHTML, Operations: bulk},
		"by a server that has no such": {Status: 404, Body: uipath.BodyHTML, Operations: bulk},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			r.slow()
			r.uipath.AddFault(fault)
			w := r.start(settings{})
			r.publishMany("inv", 200)
			r.settledAll()
			r.once(unique, "inv", 200)
			if len(r.batches()) == 0 || r.uipath.Counts().Total(uipath.AddQueueItem) != 200 {
				t.Errorf("batches of %v, %d single calls", r.batches(), r.uipath.Counts().Total(uipath.AddQueueItem))
			}
			for _, line := range w.settled(200) {
				if line["delivery"] != 1.0 || line["batch"] != nil {
					t.Errorf("%v", line)
				}
			}
			if len(w.log.events("gate.changed")) > 0 {
				t.Error("the gate shut")
			}
		})
	}
}

// A lost answer leaves every item of the batch in doubt. They are looked up
// together, found, and not added again.
func TestLostBatchesAreLookedUpTogether(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{LookUpsPerMinute: -1})
	r.slow()
	lost := r.uipath.AddFault(uipath.Fault{Kind: uipath.Drop, Commit: uipath.CommitFirst, Calls: 1, Operations: bulk})
	w := r.start(settings{
		connection: "settle: 300ms\nlook_ups_per_minute: 600",
		route:      "ack_wait: 3s\nretry: {first: 50ms, max: 200ms}",
	})
	r.ask(inQueue(plain), "inv", 150)
	r.settledAll()
	r.once(plain, "inv", 150)
	if lost.Hits() != 1 {
		t.Fatal("no answer was lost")
	}
	found := 0
	w.eventually("all is logged", func() bool {
		ends := map[any]int{}
		for _, line := range w.log.events("delivery.settled") {
			if line["disposition"] == "ack" {
				ends[line["verdict"]]++
			}
		}
		found = ends["duplicate"]
		return found+ends["delivered"] == 150
	})
	lookUps := r.uipath.Counts().Total(uipath.ListQueueItems)
	if found < 2 || lookUps > found/5+5 {
		t.Errorf("%d look-ups found %d items", lookUps, found)
	}
}

// An item whose reference is taken is compared, as after a single call.
func TestTakenReferencesInBatches(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{LookUpsPerMinute: -1})
	w := r.start(settings{connection: "look_ups_per_minute: 600"})
	r.publishMany("inv", 40)
	r.settledAll()
	r.slow()
	for i := range 40 {
		body := fmt.Sprintf(`{"id": "other-%d", "reference": "INV-%d", "content": {"Vendor": "ACME", "Amount": "12.50"}}`, i, i)
		if i%10 == 0 {
			body = strings.Replace(body, "ACME", "B", 1)
		}
		if _, err := r.js.PublishAsync("jobs.invoices.new", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	r.publishMany("new", 40)
	r.settledAll()
	r.once(unique, "inv", 40)
	r.once(unique, "new", 40)
	dead := r.deadLetters()
	for _, letter := range dead {
		if reason := letter.Header.Get("Queueferry-Reason"); reason != "reference_conflict" {
			t.Errorf("%s: %s", reason, letter.Header.Get("Queueferry-Detail"))
		}
	}
	if len(dead) != 4 {
		t.Errorf("%d dead letters", len(dead))
	}
	if len(r.batches()) == 0 {
		t.Errorf("there were no batches:\n%s", w.log)
	}
}

// A worker that is killed while batches are under way, of which it will hear
// nothing again, loses nothing and repeats nothing.
func TestAWorkerKilledWithBatchesUnderWay(t *testing.T) {
	t.Parallel()
	for name, task := range map[string]task{"unique items": uniqueItem, "plain items": plainItem} {
		for what, commit := range map[string]uipath.Commit{"carried out": uipath.CommitFirst, "not carried out": uipath.NoCommit} {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, uipath.Settings{LookUpsPerMinute: -1})
				r.slow()
				const n = 150
				hangs := r.uipath.AddFault(uipath.Fault{Kind: uipath.BlackHole, Commit: commit, Operations: bulk})
				first := r.spawn(r.file(task, "", ""))
				r.streamIsThere(first)
				r.ask(task, "inv", n)
				r.eventually("batches hang", func() bool { return hangs.Hits() >= 2 })
				first.signal(syscall.SIGKILL)
				first.wait()
				hangs.Remove()
				second := r.spawn(r.file(task, "", ""))
				r.settledBy(second)
				r.has(1, task, "inv", n)
				r.onlyVictimDied(task, "")
				if t.Failed() {
					t.Logf("the first worker:\n%s\nthe second:\n%s", first.log, second.log)
				}
			})
		}
	}
}

// A hand that is full can fill no larger call: nothing lingers for it. One that
// could still be filled is.
func TestAFullHandDoesNotLinger(t *testing.T) {
	t.Parallel()
	for name, batch := range map[string]string{"less than a call": "max: 100", "as much as a call": "max: 20"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			r.start(settings{route: "batch: {" + batch + ", linger: 1h}\nmax_in_flight: 20"})
			r.publishMany("inv", 200)
			r.settledAll()
			r.once(unique, "inv", 200)
		})
	}
}
