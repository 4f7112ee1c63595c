package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// brief has a breaker that is quick to come back.
const brief = "breaker: {failures: 5, open: 500ms}\ntimeout: 2s\nmax_concurrent: 16"

// An outage costs nothing, of whatever kind it is: no message is lost, none is
// dead-lettered, no attempt is spent but by what was under way when it began,
// and hardly any delivery.
func TestAnOutageCostsNothing(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]uipath.Fault{
		"refused connections": {Kind: uipath.RefuseConnections},
		"resets":              {Kind: uipath.Reset},
		"503 of a gateway":    uipath.Unavailable(),
		"500 of the product":  {Status: 500},
		"a maintenance page":  {Status: 200, Body: uipath.BodyHTML},
		"a redirect":          {Status: 302, Location: "https://login.example/"},
		"404 of an ingress":   {Status: 404, Body: uipath.BodyHTML},
		"silence":             {Kind: uipath.BlackHole},
		"401 to every token":  uipath.RefuseTokens(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			costsNothing(t, fault, singly, 16)
		})
	}
}

// Nor does one that meets whole batches.
func TestAnOutageCostsBatchesNothing(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]uipath.Fault{
		"refused connections": {Kind: uipath.RefuseConnections},
		"503 of a gateway":    uipath.Unavailable(),
		"silence":             {Kind: uipath.BlackHole},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			costsNothing(t, fault, "batch: {max: 25}\nmax_in_flight: 100", 4*25)
		})
	}
}

// costsNothing lets a fault meet every call for a while, of which so many requests
// at most are under way when it begins.
func costsNothing(t *testing.T, fault uipath.Fault, route string, underWay int) {
	t.Helper()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{connection: brief, route: route})
	r.publishMany("before", 20)
	r.settledAll()

	r.uipath.SetFault(fault)
	const n = 200
	r.publishMany("inv", n)
	r.eventually("the gate shuts", func() bool { return len(w.log.events("gate.changed")) > 0 })
	time.Sleep(2 * time.Second)
	if left := r.left(); left != n {
		t.Errorf("%d of %d messages are left in the outage", left, n)
	}
	// What was under way, and one for each time that it was tried.
	if got := r.consumer().NumRedelivered; got > underWay+10 {
		t.Errorf("%d messages were redelivered", got)
	}
	r.uipath.ClearFault()
	r.settledAll()
	w.end()
	r.once(unique, "inv", n)
	if dead := r.deadLetters(); len(dead) > 0 {
		t.Errorf("%d dead letters, the first %v", len(dead), dead[0].Header)
	}
}

// An outage of any length spends no attempt, even if there is one message only,
// and even if one attempt is all it has.
func TestAnOutageSpendsNoAttempt(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]uipath.Fault{
		"503 of a gateway":    uipath.Unavailable(),
		"refused connections": {Kind: uipath.RefuseConnections},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			w := r.start(settings{connection: "breaker: {failures: 5, open: 300ms}", route: "retry: {attempts: 1, first: 50ms, max: 100ms}"})
			r.uipath.SetFault(fault)
			r.publish(item("inv-0"))
			time.Sleep(3 * time.Second)
			r.uipath.ClearFault()
			r.settledAll()
			r.once(unique, "inv", 1)
			if dead := r.deadLetters(); len(dead) > 0 {
				t.Errorf("dead letter %v\n%s", dead[0].Header, w.log)
			}
		})
	}
}

// A request that fails while all others work has its attempts counted.
func TestAPoisonedRequestDelaysNoOther(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{connection: brief, route: "retry: {attempts: 3, first: 50ms, max: 200ms}"})
	poison := func(reference string) bool { return reference == "poison" }
	r.uipath.AddFault(uipath.Fault{Status: 500, Body: uipath.BodyHTML, Match: poison})
	r.publish(item("poison"))
	for i := range 100 {
		r.publish(item(fmt.Sprintf("inv-%d", i)))
		time.Sleep(5 * time.Millisecond)
	}
	r.settledAll()
	r.once(unique, "inv", 100)
	dead := r.deadLetters()
	if len(dead) != 1 || dead[0].Header.Get("Queueferry-Reason") != "attempts_exhausted" || dead[0].Header.Get("Queueferry-Attempts") != "3" {
		t.Fatalf("dead letters %v\n%s", dead, w.log)
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	for name, faulty := range map[string]func() uipath.Fault{
		"429 in seconds": func() uipath.Fault { return uipath.Throttled(uipath.RetryAfterSeconds(2 * time.Second)) },
		"429 as a date":  func() uipath.Fault { return uipath.Throttled(uipath.RetryAfterDate(3 * time.Second)) },
		"503 in seconds": func() uipath.Fault { return uipath.Fault{Status: 503, Body: uipath.BodyHTML, RetryAfter: "2"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			w := r.start(settings{connection: brief})
			fault := faulty()
			fault.Calls = 1
			f := r.uipath.SetFault(fault)
			r.publishMany("inv", 1)
			r.eventually("the fault is met", func() bool { return f.Hits() == 1 })
			met := time.Now()
			r.publishMany("more", 50)
			r.settledAll()
			w.end()
			r.once(unique, "more", 50)
			for _, c := range r.uipath.Calls() {
				if early := c.Time.Sub(met); early > 50*time.Millisecond && early < 1500*time.Millisecond {
					t.Errorf("a call %v after the Retry-After of about 2 s", early)
				}
			}
		})
	}
}

// After an outage the worker asks with a harmless call first, and does not send
// all at once.
func TestTheGateOpensCarefully(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{connection: brief})
	r.uipath.SetFault(uipath.Fault{Kind: uipath.RefuseConnections})
	r.publishMany("inv", 300)
	r.eventually("the gate shuts", func() bool { return len(w.log.events("gate.changed")) > 0 })
	r.eventually("the calls under way have ended", func() bool {
		_, body := w.page("/status")
		return strings.Contains(body, `"calls": 0,`)
	})
	r.uipath.ResetPeak()
	f := r.uipath.SetFault(uipath.Fault{Kind: uipath.Latency, Delay: 300 * time.Millisecond, Operations: []uipath.Operation{uipath.AddQueueItem, uipath.BulkAddQueueItems}})
	r.eventually("a call gets through", func() bool { return f.Hits() >= 1 })
	time.Sleep(150 * time.Millisecond)
	if n := r.uipath.Counts().PeakActing; n != 1 {
		t.Errorf("%d acting calls at once after the opening", n)
	}
	if n := r.uipath.Counts().Total(uipath.ListQueueDefinitions); n == 0 {
		t.Error("no harmless call came first")
	}
	r.uipath.ClearFault()
	r.settledAll()
	r.once(unique, "inv", 300)
}
