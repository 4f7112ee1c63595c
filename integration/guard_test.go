package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// mostSpent is the most that one worker makes dead letters of before its guard
// trips, where nothing else was answered: the twentieth refusal trips it.
const mostSpent = 19

// atOnceCalls is max_concurrent where the file does not say.
const atOnceCalls = 32

// A queue's name that is mistyped must not flush the stream into dead letters.
func TestAMistypedQueueHoldsItsRoute(t *testing.T) {
	t.Parallel()
	const n = 300
	r := newRig(t, uipath.Settings{})
	r.uipath.AddFault(uipath.Fault{Kind: uipath.Latency, Delay: 20 * time.Millisecond}) // calls are under way together
	cfg := r.configure(settings{})
	cfg.Routes[0].Fixed.Queue = "Invocies"
	w := r.startWith(cfg)
	r.publishMany("inv", n)
	r.eventually("the guard trips", func() bool { return len(w.log.events("guard.tripped")) == 1 })
	r.eventually("what was refused is settled", func() bool { return refusals(w.log) > mostSpent })
	time.Sleep(time.Second)
	if dead := len(r.deadLetters()); dead > mostSpent || r.left() < n-mostSpent {
		t.Errorf("%d dead letters, %d messages left", dead, r.left())
	}
	if calls := r.uipath.Counts().Total(uipath.AddQueueItem); calls > mostSpent+1+atOnceCalls {
		t.Errorf("%d calls: what waited for its turn was sent", calls)
	}
	e := w.log.events("guard.tripped")[0]
	if e["route"] != "invoices" || e["reason"] != "not_found" || e["refused"] != 20.0 || e["answers"] != 20.0 {
		t.Errorf("says %v", e)
	}
	for page, want := range map[string]string{"/readyz": `"reason": "reject_guard"`, "/status": `"held_for": "reject_guard"`} {
		if status, body := w.page(page); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d\n%s", page, status, body)
		}
	}
}

// refusals counts the deliveries that ended with one.
func refusals(l *log) (n int) {
	for _, e := range l.events("delivery.settled") {
		if e["verdict"] == "rejected" {
			n++
		}
	}
	return n
}

// Without the guard, and of requests that no call is made for, every message
// becomes a dead letter.
func TestTheGuardStaysOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ route, body string }{
		"off":         {"reject_guard: off", `{"queue": "Missing"}`},
		"undecodable": {"", `{"queue": `},
		"not allowed": {"", `{"queue": "Salaries"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 60
			r := newRig(t, uipath.Settings{})
			w := r.start(settings{route: c.route})
			for range n {
				r.publish(c.body)
			}
			r.settledAll()
			if dead := len(r.deadLetters()); dead != n || len(w.log.events("guard.tripped")) > 0 {
				t.Errorf("%d dead letters\n%s", dead, w.log)
			}
		})
	}
}
