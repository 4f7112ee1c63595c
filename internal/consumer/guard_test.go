package consumer

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zaptest/observer"
	"pgregory.net/rapid"

	"github.com/queueferry/queueferry/internal/job"
)

var (
	rejected = job.Outcome{Verdict: job.Rejected, Reason: job.NotFound, Detail: "queue: it does not exist", Called: true}
	accepted = job.Outcome{Verdict: job.Delivered, Called: true}
	unclear  = job.Outcome{Verdict: job.Unknown, Reason: job.TimedOut, Called: true}
)

// Which outcomes are a word of the orchestrator on a request.
func TestJudge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome         job.Outcome
		refused, counts bool
	}{
		"rejected":                     {rejected, true, true},
		"rejected for another reason":  {job.Outcome{Verdict: job.Rejected, Reason: job.ReferenceConflict, Called: true}, true, true},
		"not found by a look-up":       {job.Reject(job.NotFound, ""), true, true},
		"refused by a look-up":         {job.Reject(job.RejectedByTarget, ""), true, true},
		"the route's folder":           {forbidden, true, true},
		"the message's folder":         {job.Outcome{Verdict: job.Deferred, Reason: job.Forbidden}, true, true},
		"delivered":                    {accepted, false, true},
		"duplicate":                    {job.Outcome{Verdict: job.Duplicate}, false, true},
		"busy":                         {job.Outcome{Verdict: job.Busy}, false, true},
		"deferred":                     {job.Outcome{Verdict: job.Deferred}, false, true},
		"unknown":                      {unclear, false, false},
		"nothing known":                {job.Outcome{}, false, false},
		"an outage":                    {job.Outcome{Verdict: job.Unavailable, Reason: job.ServiceUnavailable}, false, false},
		"not begun":                    {job.Outcome{Verdict: job.Unavailable, Reason: job.RejectGuard}, false, false},
		"dropped":                      {job.Outcome{Verdict: job.Dropped}, false, false},
		"undecodable":                  {job.Reject(job.Undecodable, ""), false, false},
		"invalid":                      {job.Reject(job.InvalidRequest, ""), false, false},
		"not allowed":                  {job.Reject(job.NotAllowed, ""), false, false},
		"too large before a call":      {job.Reject(job.TooLarge, ""), false, false},
		"the transform failed":         {job.Reject(job.TransformFailed, ""), false, false},
		"another request of its id":    {job.Reject(job.IDConflict, ""), false, false},
		"not supported by the product": {job.Reject(job.UnsupportedAction, ""), false, false},
	} {
		if refused, counts := judge(c.outcome); refused != c.refused || counts != c.counts {
			t.Errorf("%s: refused %t, counts %t", name, refused, counts)
		}
	}
}

// An answer is written as + or -.
func TestMostlyRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers string
		want    bool
	}{
		"none":                            {"", false},
		"too few":                         {strings.Repeat("-", 19), false},
		"enough":                          {strings.Repeat("-", 20), true},
		"half":                            {strings.Repeat("-+", 10), false},
		"more than half":                  {strings.Repeat("-+", 9) + "--", true},
		"half of the last":                {strings.Repeat("+", 100) + strings.Repeat("-", 25), false},
		"more than half of the last":      {strings.Repeat("+", 100) + strings.Repeat("-", 26), true},
		"what is long ago does not count": {strings.Repeat("-", 100) + strings.Repeat("+", 25), false},
		"but what is not so long ago":     {strings.Repeat("-", 100) + strings.Repeat("+", 24), true},
	} {
		var r recent
		for _, answer := range c.answers {
			r.add(answer == '-')
		}
		if r.mostlyRefused() != c.want {
			t.Errorf("%s: %t", name, !c.want)
		}
	}
}

// After any answers it is the last fifty that decide.
func TestMostlyRefusedIsAboutTheLast(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Bool(), 0, 200).Draw(t, "refused")
		var r recent
		for _, refused := range all {
			r.add(refused)
		}
		last := all[max(0, len(all)-50):]
		n := 0
		for _, refused := range last {
			if refused {
				n++
			}
		}
		if want := len(last) >= 20 && n > len(last)-n; r.mostlyRefused() != want || r.refusals != n || r.answers != len(last) {
			t.Fatalf("%t with %d of %d, want %t with %d of %d", r.mostlyRefused(), r.refusals, r.answers, want, n, len(last))
		}
	})
}

// guardedHold has a guard that was tripped by twenty refusals.
func guardedHold(t *testing.T) (*hold, *observer.ObservedLogs) {
	t.Helper()
	h, log := watchedHold()
	h.guard = true
	for i := range fewestAnswers {
		spared := h.leave(enterHold(t, h), free, rejected)
		if last := i == fewestAnswers-1; (spared > 0) != last {
			t.Fatalf("refusal %d is spared for %v", i+1, spared)
		}
	}
	if s := h.state(); !s.Held || s.Reason != job.RejectGuard {
		t.Fatalf("not held: %+v", s)
	}
	return h, log
}

func TestGuardTrips(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, log := guardedHold(t)
		s := h.state()
		if want := "20 of the last 20 answers were refusals; the last: not_found, queue: it does not exist"; s.Detail != want {
			t.Errorf("the detail is %q", s.Detail)
		}
		if wait := time.Until(s.Until); wait < firstHold*8/10 || wait > firstHold*12/10 {
			t.Errorf("the first probe is due in %v", wait)
		}
		if !h.keeps(false) {
			t.Error("who entered before goes on")
		}
		if log.Len() != 1 {
			t.Fatalf("%d lines", log.Len())
		}
		m := log.All()[0].ContextMap()
		if log.All()[0].Message != "guard.tripped" || m["refused"] != 20 || m["answers"] != 20 || m["reason"] != "not_found" || m["route"] != route || m["connection"] != "acme" {
			t.Errorf("says %s %v", log.All()[0].Message, m)
		}
		// Calls that were under way: the refused stay away until after the next
		// probe, and none of them tells anything new.
		if spared := h.leave(false, free, rejected); spared < time.Until(s.Until)+h.first || spared > time.Until(s.Until)+h.longest {
			t.Errorf("a refused one stays away for %v", spared)
		}
		for range 100 {
			if h.leave(false, free, accepted) != 0 {
				t.Error("a good one stays away")
			}
		}
		if got := h.state(); got != s {
			t.Errorf("now %+v", got)
		}
	})
}

// What probes tell: + is one that is not refused, - one that is, ? one that
// tells nothing, f one whose folder is refused.
func TestGuardProbes(t *testing.T) {
	t.Parallel()
	outcomes := map[rune]job.Outcome{'+': accepted, '-': rejected, '?': unclear, 'f': forbidden}
	lessons := map[rune]lesson{'+': free, '-': free, '?': nothing, 'f': refused}
	for probes, c := range map[string]struct {
		held bool
		wait time.Duration // until the next probe, give or take a fifth
	}{
		"+++":    {false, 0},
		"++":     {true, 0},
		"-":      {true, 2 * firstHold},
		"--":     {true, 4 * firstHold},
		"------": {true, longestHold},
		"f":      {true, 2 * firstHold},
		"?":      {true, 0},
		"-?":     {true, 0},
		"+-":     {true, 2 * firstHold},
		"+-+":    {true, 0},
		"+-++":   {false, 0},
		"+?+f+":  {false, 0},
	} {
		t.Run(probes, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, log := guardedHold(t)
				since := h.state().Since
				for _, probe := range probes {
					time.Sleep(time.Until(h.state().Until))
					if !enterHold(t, h) || h.keeps(true) {
						t.Fatal("it is not this message's turn")
					}
					spared := h.leave(true, lessons[probe], outcomes[probe])
					if away := time.Until(h.state().Until); (spared > 0) != strings.ContainsRune("-f", probe) || spared > 0 && spared <= away {
						t.Errorf("%c stays away for %v, the next probe is in %v", probe, spared, away)
					}
				}
				s := h.state()
				if wait := time.Until(s.Until); s.Held != c.held || wait > 0 && wait < c.wait*8/10 || wait > c.wait*12/10 {
					t.Errorf("held %t, the next in %v", s.Held, wait)
				}
				if _, due, _ := h.watch(); due != (c.held && c.wait == 0) {
					t.Errorf("due %t", due)
				}
				if c.held {
					if log.Len() != 1 {
						t.Errorf("%d lines", log.Len())
					}
					return
				}
				last := log.All()[log.Len()-1]
				if held := float64(time.Since(since).Milliseconds()); log.Len() != 2 || last.Message != "guard.closed" || last.ContextMap()["held_ms"].(float64) < held {
					t.Errorf("says %s %v", last.Message, last.ContextMap())
				}
				// What was before is forgotten.
				for range fewestAnswers - 1 {
					h.leave(enterHold(t, h), free, rejected)
				}
				if h.state().Held {
					t.Error("held again after too few answers")
				}
			})
		})
	}
}

func TestGuardThatIsOff(t *testing.T) {
	t.Parallel()
	h, log := watchedHold()
	for range 200 {
		if h.leave(enterHold(t, h), free, rejected) != 0 {
			t.Fatal("a refused one stays away")
		}
	}
	if h.state().Held || log.Len() > 0 {
		t.Errorf("%+v, %d lines", h.state(), log.Len())
	}
}

// A route whose folder is refused is held for that, not by the guard: it is
// free again after one try that works, however many calls were refused.
func TestGuardLeavesTheFolderAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, log := watchedHold()
		h.guard = true
		for range 30 {
			h.leave(enterHold(t, h), refused, forbidden)
			for range 100 { // under way since before
				h.leave(false, refused, forbidden)
			}
			for range 30 {
				time.Sleep(time.Until(h.state().Until))
				h.leave(enterHold(t, h), refused, forbidden)
			}
			if got := h.state().Reason; got != job.Forbidden {
				t.Fatalf("held for %s", got)
			}
			time.Sleep(time.Until(h.state().Until))
			h.leave(enterHold(t, h), free, accepted)
			if h.state().Held {
				t.Fatal("still held")
			}
			h.leave(enterHold(t, h), free, accepted)
		}
		messages := map[string]int{}
		for _, e := range log.All() {
			messages[e.Message]++
		}
		if len(messages) != 1 || messages["gate.changed"] != 60 {
			t.Errorf("says %v", messages)
		}
	})
}

// Only one cause holds at a time; a folder that is refused while the guard has
// tripped does not open the route before the guard would.
func TestGuardWithARefusedFolder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, log := guardedHold(t)
		h.leave(false, refused, forbidden) // under way since before
		for _, o := range []job.Outcome{forbidden, accepted, accepted, accepted} {
			if got := h.state().Reason; got != job.RejectGuard {
				t.Fatalf("held for %q", got)
			}
			time.Sleep(time.Until(h.state().Until))
			what := free
			if o == forbidden {
				what = refused
			}
			h.leave(enterHold(t, h), what, o)
			h.remind()
		}
		var said []string
		for _, e := range log.All() {
			said = append(said, e.Message)
		}
		if !slices.Equal(said, []string{"guard.tripped", "guard.closed"}) {
			t.Errorf("says %v", said)
		}
	})
}

// A guard that stays tripped is spoken of every five minutes, with the numbers of
// that moment, and then its end is said in the same words too.
func TestGuardReminds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, log := guardedHold(t)
		tripped := h.state()
		waiting := 0
		h.count = func() (held, pending int) { waiting++; return waiting, 100 * waiting }
		for range 11 * 60 {
			time.Sleep(time.Second)
			h.remind()
		}
		for range goodProbes {
			h.leave(enterHold(t, h), free, accepted)
		}
		var said []string
		for _, e := range log.All() {
			said = append(said, e.Message)
		}
		if !slices.Equal(said, []string{"guard.tripped", "gate.changed", "gate.changed", "guard.closed", "gate.changed"}) {
			t.Fatalf("says %v", said)
		}
		for i, e := range log.All()[1:3] {
			m := e.ContextMap()
			if m["state"] != "shut" || m["reason"] != "reject_guard" || m["route"] != route || m["held"] != i+1 || m["pending"] != 100*(i+1) {
				t.Errorf("reminder %d says %v", i+1, m)
			}
			if text, _ := m["since"].(string); text != tripped.Since.UTC().Format("2006-01-02T15:04:05.000Z") {
				t.Errorf("since %v, want %v", text, tripped.Since)
			}
		}
		if m := log.All()[4].ContextMap(); m["state"] != "open" || m["route"] != route {
			t.Errorf("at the end %v", m)
		}
	})
}
