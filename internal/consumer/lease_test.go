package consumer

import (
	"context"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/request"
)

// When the server does not answer for an ack wait, a message that has not begun
// is dropped without a call. A call under way comes to its end: what worked is
// acked, and anything else is left alone.
func TestLeaseLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result orchestrator.Result
		want   string // disposition of the call under way
		left   int    // messages in the stream at the end
	}{
		"delivered":   {delivered(), "ack", 1},
		"deferred":    {orchestrator.Result{Outcome: job.Outcome{Verdict: job.Deferred, Called: true}}, "leave", 2},
		"rejected":    {orchestrator.Result{Outcome: job.Reject(job.RejectedByTarget, "")}, "leave", 2},
		"unknown":     {orchestrator.Result{BreakerClosed: true}, "leave", 2},
		"unavailable": {orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unavailable}}, "leave", 2},
	} {
		t.Run(name+"/frozen", func(t *testing.T) {
			t.Parallel()
			loseLease(t, c.result, c.want, c.left, func(_ *rig, p *proxy) (back func()) {
				p.freeze()
				return p.thaw
			})
		})
		t.Run(name+"/gone", func(t *testing.T) {
			t.Parallel()
			loseLease(t, c.result, c.want, c.left, func(b *rig, _ *proxy) (back func()) {
				b.server.Shutdown()
				return func() { b.restart(1) }
			})
		})
	}
}

func loseLease(t *testing.T, result orchestrator.Result, want string, left int, lose func(*rig, *proxy) (back func())) {
	b := newRig(t, time.Second)
	p := newProxy(t, b.server)
	release := make(chan struct{})
	g := newTarget(until(release, result))
	g.slots = make(chan struct{}, 1)
	b.publish("begun", "waiting")
	r := b.startOn(p.conn(t), g, func(s *Settings) { s.MaxInFlight = 2 })
	await(t, "a call and a message that waits", func() bool { return r.InHand() == 2 && len(g.calls()) == 1 })
	begun := g.calls()[0].Request.ID
	back := lose(b, p)
	line := b.awaitSettled(1)
	if line["reason"] != "lease_lost" || line["disposition"] != "leave" || line["request_id"] == begun {
		t.Fatalf("settled as %v", line)
	}
	close(release)
	line = b.awaitSettled(2)
	if line["request_id"] != begun || line["disposition"] != want {
		t.Errorf("settled as %v, want %s", line, want)
	}
	r.stop()
	back()
	receive(t, r.done, "end of Run")
	await(t, "what is left", func() bool { return b.left() == left })
	for _, a := range b.answers.list() {
		if a.delivery == 1 && a.text != "+ACK" {
			t.Errorf("answered %+v", a)
		}
	}
	if n := len(g.calls()); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

// The lease may run out in the middle of anything, and is asked for right before
// what must not be done without it: not by the keeper alone.
func TestLeaseRunsOut(t *testing.T) {
	t.Parallel()
	rejected := job.Reject(job.RejectedByTarget, "")
	for name, c := range map[string]struct {
		fresh   bool // the first delivery, of which nothing is noted
		change  func(s *Settings, age func())
		calls   int
		letters int
		want    string // disposition
	}{
		"in the decoder": {fresh: true, want: "leave", change: func(s *Settings, age func()) {
			s.Decoder = decoder(func(ctx context.Context, m request.Message) (*job.Request, job.Outcome, bool) {
				age()
				return decode(ctx, m)
			})
		}},
		"in the note before the call": {want: "leave", change: func(s *Settings, age func()) { s.Ledger = ageing(age) }},
		"in the call, which worked":   {want: "ack", calls: 1, change: ageingCall(delivered().Outcome)},
		"in the call, which did not":  {want: "leave", calls: 1, change: ageingCall(rejected)},
		"in the note after the call": {want: "leave", calls: 1, change: func(s *Settings, age func()) {
			ageingCall(job.Outcome{Verdict: job.Deferred})(s, func() {})
			s.Ledger = &ageingLater{ageing(func() {}), age}
		}},
		"in the last look": {want: "leave", calls: 1, change: func(s *Settings, age func()) {
			ageingCall(job.Outcome{})(s, func() {})
			s.Policy.Attempts = 1
			s.Target = ageingLook{s.Target, age}
		}},
		"in the dead letter": {want: "leave", calls: 1, letters: 1, change: func(s *Settings, age func()) {
			ageingCall(rejected)(s, func() {})
			s.DeadLetters = &letters{to: s.DeadLetters, fault: func(int) (before, after error) {
				age()
				return nil, nil
			}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 5*time.Minute)
			mine := 0 // answers of the test's own
			if c.fresh {
				b.publish("one")
			} else {
				b.redelivered("one")
				mine = 1
			}
			g := newTarget(nil)
			var consumer *Consumer
			s := b.settings(b.server.Conn(t), g)
			c.change(&s, func() {
				consumer.hand.each(func(_ uint64, d *delivery) { d.owned.Store(time.Now().Add(-time.Hour).UnixNano()) })
			})
			consumer = New(s)
			run(t, consumer)
			line := b.awaitSettled(1)
			if line["disposition"] != c.want || len(g.calls()) != c.calls || b.messages("JOBS_DEAD") != c.letters {
				t.Errorf("%d calls, %d dead letters, settled as %v", len(g.calls()), b.messages("JOBS_DEAD"), line)
			}
			if c.want == "leave" {
				if all := b.answers.list(); len(all) != mine {
					t.Errorf("answered %v", all)
				}
			}
		})
	}
}

// ageing is a ledger on which the lease runs out with the first write.
func ageing(age func()) *book {
	b := newBook()
	b.onStore = func(n int, _ ledger.Record) error {
		if n == 1 {
			age()
		}
		return nil
	}
	return b
}

// ageingLater is one on which it runs out with the second.
type ageingLater struct {
	*book
	age func()
}

func (a *ageingLater) Store(ctx context.Context, k ledger.Key, revision uint64, r ledger.Record) (uint64, error) {
	if len(a.tried()) == 1 {
		a.age()
	}
	return a.book.Store(ctx, k, revision, r)
}

func ageingCall(o job.Outcome) func(*Settings, func()) {
	return func(s *Settings, age func()) {
		s.Target.(*target).call = func(context.Context, orchestrator.Try) orchestrator.Result {
			age()
			return orchestrator.Result{Outcome: o, BreakerClosed: true}
		}
	}
}

type ageingLook struct {
	Target
	age func()
}

func (a ageingLook) Alive(context.Context) bool {
	a.age()
	return true
}
