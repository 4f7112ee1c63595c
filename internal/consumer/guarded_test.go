package consumer

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/request"
)

// sick refuses what its function refuses, and 32 calls are made at once.
func sick(refuses func(orchestrator.Try) bool) *target {
	g := newTarget(func(_ context.Context, t orchestrator.Try) orchestrator.Result {
		time.Sleep(2 * time.Millisecond) // so that calls are under way together
		if refuses(t) {
			return orchestrator.Result{Outcome: rejected, BreakerClosed: true}
		}
		return delivered()
	})
	g.slots = make(chan struct{}, 32)
	return g
}

// nowhere takes every dead letter.
type nowhere struct{}

func (nowhere) Publish(context.Context, deadletter.Letter) error { return nil }

// guarded is a consumer whose guard probes after the wait, not doubled. Ledger
// and dead letters never fail: a slow machine must not change the numbers.
func (b *rig) guarded(g *target, wait time.Duration, change func(*Settings)) *Consumer {
	b.t.Helper()
	s := b.settings(b.server.Conn(b.t), g)
	s.MaxInFlight, s.RejectGuard, s.Ledger = 256, true, newBook()
	s.DeadLetters = nowhere{}
	if change != nil {
		change(&s)
	}
	c := New(s)
	c.hold.first, c.hold.longest = wait, wait
	return c
}

// dispositions counts the lines of the log.
func (b *rig) dispositions() map[any]int {
	all := map[any]int{}
	for _, line := range b.lines("delivery.settled") {
		all[line["disposition"]]++
	}
	return all
}

// All that is asked of the route is refused: no more than the answers before the
// twentieth become dead letters, whatever is under way. Once it is well the rest
// is delivered once.
func TestGuardStopsAFlood(t *testing.T) {
	t.Parallel()
	for name, pods := range map[string]int{"one pod": 1, "two pods": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 300
			b := newRig(t, 30*time.Second)
			var healed atomic.Bool
			var all []*target
			var pod []*running
			book := newBook()
			for range pods {
				g := sick(func(orchestrator.Try) bool { return !healed.Load() })
				c := b.guarded(g, 200*time.Millisecond, func(s *Settings) { s.Ledger = book })
				all, pod = append(all, g), append(pod, run(t, c))
			}
			b.publish(ids(n)...)
			for i, p := range pod {
				await(t, "the guard", func() bool { return p.Hold().Reason == job.RejectGuard })
				await(t, "a probe", func() bool { return len(all[i].calls()) > fewestAnswers+1 })
			}
			dead := pods * (fewestAnswers - 1)
			await(t, "the dead letters", func() bool { return b.dispositions()["dead_letter"] >= dead && b.left() <= n-dead })
			pod[0].turns(1)
			if got := b.dispositions()["dead_letter"]; got != dead || b.left() != n-dead {
				t.Errorf("%d dead letters, %d messages left", got, b.left())
			}
			healed.Store(true)
			await(t, "the rest", func() bool { return b.left() == 0 })
			// One pod may take all the rest, and leave the other none to probe with.
			await(t, "the end of a hold", func() bool { return len(b.lines("guard.closed")) >= 1 })
			if got := b.dispositions()["dead_letter"]; got != dead {
				t.Errorf("%d dead letters at last, %d before", got, dead)
			}
			b.deliveredOnce(all, n-dead)
			if got := len(b.lines("guard.tripped")); got != pods {
				t.Errorf("tripped %d times", got)
			}
			if pods == 1 && pod[0].Hold().Held {
				t.Error("still held")
			}
		})
	}
}

// deliveredOnce checks the lines: n acks, each of another message and with the
// first attempt, and no attempt spent on what was put off.
func (b *rig) deliveredOnce(all []*target, n int) {
	b.t.Helper()
	acked := map[any]bool{}
	await(b.t, "lines of acks", func() bool { return b.dispositions()["ack"] >= n })
	for _, line := range b.lines("delivery.settled") {
		switch line["disposition"] {
		case "ack":
			if acked[line["sequence"]] || line["attempt"] != 1 {
				b.t.Errorf("settled as %v", line)
			}
			acked[line["sequence"]] = true
		case "nak":
			if line["verdict"] != "rejected" || line["reason"] != "not_found" || line["attempt"] != 0 {
				b.t.Errorf("settled as %v", line)
			}
		}
	}
	if len(acked) != n {
		b.t.Errorf("%d acked, want %d", len(acked), n)
	}
	for _, g := range all {
		for _, try := range g.calls() {
			if try.Again {
				b.t.Errorf("%s is in doubt", try.Request.ID)
			}
		}
	}
}

// What waits for a slot when the guard trips is not called any more.
func TestGuardStopsWhatWaitsForASlot(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := sick(func(orchestrator.Try) bool { return true })
	g.slots = make(chan struct{}, 1)
	r := run(t, b.guarded(g, time.Hour, nil))
	b.publish(ids(100)...)
	await(t, "the guard", func() bool { return r.Hold().Held })
	await(t, "the rest to wait", func() bool { return r.held.Load() == int64(r.InHand()) && r.InHand() == 80 })
	r.turns(1)
	if n := len(g.calls()); n != fewestAnswers {
		t.Errorf("%d calls", n)
	}
	r.stopped()
	await(t, "the terms", func() bool { return b.left() <= 81 })
	if got := b.dispositions(); got["dead_letter"] != fewestAnswers-1 || got["nak"] != 81 || b.left() != 81 {
		t.Errorf("%v, %d left", got, b.left())
	}
	if n := r.Tally().HandedBack.Load(); n != 80 {
		t.Errorf("%d handed back", n)
	}
}

// The same of a route whose folder is refused.
func TestForbiddenStopsWhatWaitsForASlot(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := always(forbidden)
	g.slots = make(chan struct{}, 1)
	b.publish(ids(50)...)
	r := run(t, b.guarded(g, time.Hour, nil))
	await(t, "all to wait", func() bool { return r.held.Load() == 50 })
	if n := len(g.calls()); n != 1 || r.Hold().Reason != job.Forbidden {
		t.Errorf("%d calls, held for %s", n, r.Hold().Reason)
	}
}

// With room for one message there is none in hand to probe with: another one is
// pulled each time, and nothing is dead-lettered.
func TestGuardProbesWithAnotherMessage(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := sick(func(orchestrator.Try) bool { return true })
	c := b.guarded(g, 50*time.Millisecond, func(s *Settings) { s.MaxInFlight = 1 })
	c.hold.longest = 10 * time.Second // the loop turns once a second
	r := run(t, c)
	b.publish(ids(fewestAnswers + 20)...)
	await(t, "five probes", func() bool { return len(g.calls()) >= fewestAnswers+5 })
	r.stopped()
	last := ""
	for _, try := range g.calls() {
		if try.Request.ID == last {
			t.Errorf("%s twice in a row", last)
		}
		last = try.Request.ID
	}
	if dead := b.dispositions()["dead_letter"]; dead != fewestAnswers-1 || b.left() != 21 {
		t.Errorf("%d dead letters, %d left", dead, b.left())
	}
}

// Requests that are at fault themselves become dead letters, however many, and
// so does everything where the guard is off.
func TestGuardStaysOut(t *testing.T) {
	t.Parallel()
	undecodable := decoder(func(_ context.Context, m request.Message) (*job.Request, job.Outcome, bool) {
		return nil, job.Reject(job.Undecodable, "not JSON"), false
	})
	for name, change := range map[string]func(*Settings){
		"undecodable": func(s *Settings) { s.Decoder = undecodable },
		"not allowed": func(s *Settings) {
			s.Target.(*target).check = func(*job.Request) (job.Outcome, bool) { return job.Reject(job.NotAllowed, ""), false }
		},
		"off": func(s *Settings) { s.RejectGuard = false },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			g := sick(func(orchestrator.Try) bool { return true })
			b.publish(ids(100)...)
			r := run(t, b.guarded(g, time.Hour, change))
			b.awaitSettled(100)
			if got := b.dispositions(); got["dead_letter"] != 100 || r.Hold().Held || len(b.lines("guard.tripped")) > 0 {
				t.Errorf("%v, held %t", got, r.Hold().Held)
			}
		})
	}
}

// Among many good requests some that are refused become dead letters, as ever.
func TestGuardLetsSomeBeRefused(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := sick(func(try orchestrator.Try) bool { return strings.HasSuffix(try.Request.ID, "5") })
	b.publish(ids(300)...)
	run(t, b.guarded(g, time.Hour, nil))
	b.awaitSettled(300)
	if got := b.dispositions(); got["ack"] != 270 || got["dead_letter"] != 30 {
		t.Errorf("%v", got)
	}
	if n := len(g.calls()); n != 300 {
		t.Errorf("%d calls", n)
	}
}
