package integration

import (
	"fmt"
	"testing"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// replay puts all dead letters back, as the operator does.
func (r *rig) replay(resend bool) {
	r.t.Helper()
	r.settledAll() // a letter is stored before its message is gone
	store, err := deadletter.Open(r.t.Context(), r.js, "JOBS_DEAD", "jobs-dead")
	if err != nil {
		r.t.Fatal(err)
	}
	replay := deadletter.Replay{
		Store: store, Ledger: r.ledger(), JetStream: r.js, Stream: "JOBS", Owner: "operator", Resend: resend,
		Target: func(s deadletter.Stored) (deadletter.Destination, error) {
			return deadletter.Destination{Subject: s.Subject, RequestID: s.RequestID, Connection: "acme"}, nil
		},
		Told: func(what deadletter.Replayed) {
			if what.Err != nil {
				r.t.Error(what.Err)
			}
		},
	}
	letters := len(r.deadLetters())
	if got, err := replay.Run(r.t.Context(), deadletter.Filter{}); err != nil || got.Replayed != letters {
		r.t.Fatalf("%+v of %d, %v", got, letters, err)
	}
}

func (r *rig) ledger() *ledger.Ledger {
	r.t.Helper()
	l, err := ledger.Open(r.t.Context(), r.js, "JOBS_LEDGER")
	if err != nil {
		r.t.Fatal(err)
	}
	return l
}

// forgotten waits until the ledger holds nothing of replays.
func (r *rig) forgotten() {
	r.t.Helper()
	kv, err := r.js.KeyValue(r.t.Context(), "JOBS_LEDGER")
	if err != nil {
		r.t.Fatal(err)
	}
	r.eventually("the ledger forgets the replay", func() bool {
		keys, err := kv.ListKeysFiltered(r.t.Context(), "d.>")
		if err != nil {
			r.t.Fatal(err)
		}
		n := 0
		for range keys.Keys() {
			n++
		}
		return n == 0
	})
}

// parkItem has a request for an item end as a dead letter of which nobody knows
// whether it was carried out.
func (r *rig) parkItem(w *running, body string, lost uipath.Fault, header ...string) {
	r.t.Helper()
	r.uipath.AddFault(uipath.Fault{Status: 400, ErrorCode: 1000, Message: "Invalid OData query options", Operations: []uipath.Operation{uipath.ListQueueItems}})
	r.uipath.AddFault(times(lost, 1))
	r.publish(body, header...)
	r.oneDead(w, "unknown_outcome", "")
	r.uipath.ClearFault()
}

// A replay without resend has the worker look before it sends, whatever became
// of the first try.
func TestReplayLooksBeforeItSends(t *testing.T) {
	t.Parallel()
	drop := uipath.Fault{Kind: uipath.Drop, Operations: []uipath.Operation{uipath.AddQueueItem}}
	for name, tt := range map[string]struct {
		fault   uipath.Fault
		verdict string
		restart bool
	}{
		"it was made":                    {uipath.CommitThenDrop(uipath.AddQueueItem), "duplicate", false},
		"it was not made":                {drop, "delivered", false},
		"made, and another worker looks": {uipath.CommitThenDrop(uipath.AddQueueItem), "duplicate", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			s := settings{connection: doubting, route: quickly}
			w := r.start(s)
			r.parkItem(w, note("note-0"), tt.fault)
			if tt.restart {
				w.end()
				w = r.start(s)
			}
			r.replay(false)
			r.settledAll()
			r.forgotten()
			w.end()
			r.noDeadLetters()
			r.once(plain, "note", 1)
			if got := lastVerdict(w, "note-0"); got != tt.verdict {
				t.Errorf("%v, want %s\n%s", got, tt.verdict, w.log)
			}
		})
	}
}

// A doubt survives a second time as a dead letter, for another reason.
func TestTheDoubtOfALetterIsKept(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{connection: doubting, route: quickly})
	r.parkItem(w, note("note-0"), uipath.CommitThenDrop(uipath.AddQueueItem))
	w.end()
	cfg := r.configure(settings{connection: doubting, route: quickly})
	cfg.Routes[0].Allow.Queues = []string{"Missing"}
	w = r.startWith(cfg)
	r.replay(false)
	r.oneDead(w, "not_allowed", "")
	w.end()
	w = r.start(settings{connection: doubting, route: quickly})
	r.replay(false)
	r.settledAll()
	r.forgotten()
	w.end()
	r.noDeadLetters()
	r.once(plain, "note", 1)
}

// The id stays, wherever it came from.
func TestReplayKeepsTheID(t *testing.T) {
	t.Parallel()
	const body = `{"queue": "Missing", "content": {"Vendor": "ACME"}}`
	for name, tt := range map[string]struct {
		body   string
		header []string
	}{
		"of the body":        {`{"id": "inv-1", "queue": "Missing"}`, nil},
		"of the header":      {body, []string{"Queueferry-Request-Id", "inv-1"}},
		"of Nats-Msg-Id":     {body, []string{"Nats-Msg-Id", "inv-1"}},
		"of the message":     {body, nil},
		"of the message, CE": {body, []string{"ce-specversion", "1.0", "ce-id", "7", "ce-source", "erp", "ce-type", "t"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			w := r.start(settings{connection: doubting, route: quickly})
			r.publish(tt.body, tt.header...)
			r.oneDead(w, "not_found", "")
			r.uipath.AddQueue(folder, "Missing", uipath.Queue{})
			w.end()
			again := r.start(settings{connection: doubting, route: quickly})
			r.replay(false)
			r.settledAll()
			again.end()
			before, after := w.log.events("delivery.settled"), again.log.events("delivery.settled")
			if len(before) != 1 || len(after) != 1 || after[0]["verdict"] != "delivered" || before[0]["request_id"] != after[0]["request_id"] {
				t.Errorf("%v\n%v", before, after)
			}
			if after[0]["attempt"] != 1.0 {
				t.Errorf("attempt %v: they begin anew", after[0]["attempt"])
			}
		})
	}
}

// A job that may have been started is looked for, by its claim or, where that is
// gone, by what the letter says.
func TestReplayOfAJob(t *testing.T) {
	t.Parallel()
	drop := uipath.Fault{Kind: uipath.Drop, Operations: []uipath.Operation{uipath.StartJobs}}
	for name, tt := range map[string]struct {
		fault   uipath.Fault
		verdict string
		jobs    int
	}{
		"started":     {uipath.CommitThenDrop(uipath.StartJobs), "duplicate", 1},
		"not started": {drop, "delivered", 1},
	} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s,claim lost=%t", name, lost), func(t *testing.T) {
				t.Parallel()
				r := newJobRig(t)
				w := r.startJobs(jobs)
				r.publish(jobRequest("proof"))
				r.settledAll()
				r.parkJob(w, tt.fault)
				if lost {
					r.loseClaim("inv-1")
				}
				r.replay(false)
				r.settledAll()
				r.forgotten()
				w.end()
				if n := r.jobsOf("inv-1"); n != tt.jobs || len(r.deadLetters()) > 0 || lastVerdict(w, "inv-1") != tt.verdict {
					t.Errorf("%d jobs, %d dead letters, %v\n%s", n, len(r.deadLetters()), lastVerdict(w, "inv-1"), w.log)
				}
			})
		}
	}
}

func (r *rig) parkJob(w *running, lost uipath.Fault) {
	r.t.Helper()
	r.uipath.AddFault(uipath.Fault{Status: 400, ErrorCode: 1000, Message: "Invalid OData query options", Operations: []uipath.Operation{uipath.ListJobs}})
	r.uipath.AddFault(times(lost, 1))
	r.publish(jobRequest("inv-1"))
	r.oneDead(w, "unknown_outcome", "")
	r.uipath.ClearFault()
}

func (r *rig) loseClaim(id string) {
	r.t.Helper()
	l, key := r.ledger(), ledger.RequestKey("acme", id)
	e, err := l.LoadClaim(r.t.Context(), key)
	if err == nil && e.Revision == 0 {
		r.t.Fatal("there is no claim")
	}
	if err == nil {
		err = l.Delete(r.t.Context(), key, e.Revision)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// Where nobody can tell, a replay sends nothing; resend does.
func TestReplayWithResendStartsTheJob(t *testing.T) {
	t.Parallel()
	r := newJobRig(t)
	w := r.startJobs(jobs)
	r.parkJob(w, uipath.Fault{Kind: uipath.Drop, Operations: []uipath.Operation{uipath.StartJobs}})
	r.replay(false)
	r.oneDead(w, "unknown_outcome", "")
	if n := r.jobsOf("inv-1"); n != 0 {
		t.Errorf("%d jobs without resend", n)
	}
	r.replay(true)
	r.settledAll()
	r.forgotten()
	w.end()
	if n := r.jobsOf("inv-1"); n != 1 || len(r.deadLetters()) > 0 || lastVerdict(w, "inv-1") != "delivered" {
		t.Errorf("%d jobs, %d dead letters\n%s", n, len(r.deadLetters()), w.log)
	}
}

func TestReplayWithResendAddsTheItem(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{connection: doubting, route: quickly})
	r.parkItem(w, note("note-0"), uipath.Fault{Kind: uipath.Drop, Operations: []uipath.Operation{uipath.AddQueueItem}})
	before := r.lookUps()
	r.replay(true)
	r.settledAll()
	w.end()
	r.noDeadLetters()
	r.once(plain, "note", 1)
	if got := r.lookUps(); got != before {
		t.Errorf("%d look-ups", got-before)
	}
}
