package consumer

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/request"
)

// panicking is a decoder with a fault of its own.
var panicking = decoder(func(context.Context, request.Message) (*job.Request, job.Outcome, bool) {
	panic("a fault with a payload in it")
})

// A panic spends an attempt; after the last one the message is set aside.
func TestPanic(t *testing.T) {
	t.Parallel()
	fault := func(context.Context, orchestrator.Try) orchestrator.Result { panic("a fault with a payload in it") }
	for name, c := range map[string]struct {
		target *target
		change func(*Settings)
		called bool // it may have been carried out
	}{
		"in the decoder":   {target: newTarget(nil), change: func(s *Settings) { s.Decoder = panicking }},
		"in the checks":    {target: &target{check: func(*job.Request) (job.Outcome, bool) { panic("here") }, open: true, changed: make(chan struct{})}},
		"before the call":  {target: newTarget(nil), change: func(s *Settings) { s.Target = early{s.Target} }},
		"while under way":  {target: newTarget(fault), called: true},
		"while all is bad": {target: newTarget(fault), called: true, change: func(s *Settings) { s.Target.(*target).setAlive(false) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, book := newRig(t, 30*time.Second), newBook()
			b.start(c.target, func(s *Settings) {
				quick(s)
				s.Ledger = book
				if c.change != nil {
					c.change(s)
				}
			})
			b.publish("one")
			line := b.awaitSettled(1)
			if line["verdict"] != "deferred" || line["reason"] != "panic" || line["disposition"] != "nak" || line["attempt"] != 1 {
				t.Errorf("settled as %v", line)
			}
			want := "attempts=1 not_sent"
			if c.called {
				want = "attempts=1 first_try unknown"
			}
			if got := noted(book.tried()[0]); got != want {
				t.Errorf("noted %q, want %q", got, want)
			}
			b.awaitSettled(3)
			await(t, "the term", func() bool { return b.left() == 0 })
			for i, try := range c.target.calls() {
				if try.Again != (i > 0) || try.FirstTry.IsZero() != (i == 0) {
					t.Errorf("try %d: again %t, first try %v", i+1, try.Again, try.FirstTry)
				}
			}
			letter := b.letter(1)
			if letter.Header.Get("Queueferry-Reason") != "panic" || strings.Contains(fmt.Sprint(letter.Header), "goroutine") {
				t.Errorf("dead letter %v", letter.Header)
			}
			for _, p := range b.lines("delivery.panicked") {
				if !strings.Contains(p["stack"].(string), "consumer") || strings.Contains(fmt.Sprint(p), "payload") {
					t.Errorf("delivery.panicked %v", p)
				}
			}
			if n := len(b.lines("delivery.panicked")); n != 3 {
				t.Errorf("%d stacks in the log", n)
			}
		})
	}
}

// early panics before the call is begun.
type early struct{ Target }

func (early) Do(context.Context, context.Context, orchestrator.Try) (orchestrator.Result, error) {
	panic("early")
}

// One message in a hundred panics, as many are no requests and as many too
// large: the others do not notice.
func TestPoisonDisturbsNobody(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	g := newTarget(func(_ context.Context, try orchestrator.Try) orchestrator.Result {
		if strings.HasPrefix(try.Request.ID, "panic") {
			panic("poison")
		}
		return delivered()
	})
	g.check = func(r *job.Request) (job.Outcome, bool) {
		if strings.HasPrefix(r.ID, "large") {
			return job.Reject(job.TooLarge, "content: too large"), false
		}
		return job.Outcome{}, true
	}
	const n = 600
	all := make([]string, 0, n)
	for i := range n {
		kind := "good"
		switch i % 100 {
		case 20:
			kind = "panic"
		case 40:
			kind = "bad"
		case 60:
			kind = "large"
		}
		all = append(all, fmt.Sprintf("%s-%d", kind, i))
	}
	b.start(g, quick)
	b.publish(all...)
	await(t, "the end", func() bool { return b.left() == 0 })
	b.awaitSettled(n + 2*6) // a panic takes three tries
	reasons := map[any]int{}
	for _, line := range b.lines("delivery.settled") {
		id := line["request_id"].(string)
		if strings.HasPrefix(id, "good") && (line["disposition"] != "ack" || line["delivery"] != uint64(1)) {
			t.Errorf("disturbed: %v", line)
		}
		if line["disposition"] == "dead_letter" {
			reasons[line["reason"]]++
		}
	}
	if reasons["panic"] != 6 || reasons["invalid_request"] != 6 || reasons["too_large"] != 6 || b.messages("JOBS_DEAD") != 18 {
		t.Errorf("%d dead letters: %v", b.messages("JOBS_DEAD"), reasons)
	}
}
