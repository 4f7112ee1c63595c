package consumer

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/request"
	"github.com/queueferry/queueferry/internal/retry"
)

// shop is a connector that takes any requests together.
type shop struct {
	// answer says what becomes of each request; nil: it is delivered.
	answer func(id string, single bool) orchestrator.Result
	// before, if set, is called at the begin of each call, and may panic.
	before func(ids []string)

	mu    sync.Mutex
	calls [][]string // the ids of each
	tries []orchestrator.Try
}

func (s *shop) Check(*job.Request) (job.Outcome, bool) { return job.Outcome{}, true }
func (s *shop) Claims(*job.Request) bool               { return false }

func (s *shop) Probe(context.Context, job.Action) orchestrator.Result {
	return orchestrator.Result{Health: orchestrator.Well}
}

func (s *shop) BatchKey(r *job.Request) (orchestrator.BatchKey, bool) {
	return orchestrator.BatchKey{Group: r.Queue, Name: r.ID, Size: 10}, true
}

func (s *shop) Submit(_ context.Context, t orchestrator.Try) orchestrator.Result {
	return s.take([]*orchestrator.Try{&t})[0]
}

func (s *shop) SubmitBatch(_ context.Context, tries []*orchestrator.Try) []orchestrator.Result {
	return s.take(tries)
}

func (s *shop) take(tries []*orchestrator.Try) (all []orchestrator.Result) {
	var ids []string
	s.mu.Lock()
	for _, t := range tries {
		ids = append(ids, t.Request.ID)
		s.tries = append(s.tries, *t)
	}
	s.calls = append(s.calls, ids)
	s.mu.Unlock()
	if s.before != nil {
		s.before(ids)
	}
	for _, id := range ids {
		r := delivered()
		if s.answer != nil {
			r = s.answer(id, len(ids) == 1)
		}
		r.Health = max(r.Health, orchestrator.Well)
		all = append(all, r)
	}
	return all
}

// sold is how often each request was in a call.
func (s *shop) sold() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := map[string]int{}
	for _, ids := range s.calls {
		for _, id := range ids {
			n[id]++
		}
	}
	return n
}

func (s *shop) made() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

type freeTokens struct{}

func (freeTokens) Ready(context.Context) error                   { return nil }
func (freeTokens) Lease(context.Context) (authpool.Lease, error) { return authpool.Lease{}, nil }

// share starts a consumer whose messages share calls of up to ten, one call at a
// time, on a real connection.
func (b *rig) share(s orchestrator.Connector, change func(*Settings)) (*running, *orchestrator.Connection) {
	b.t.Helper()
	connection := orchestrator.NewConnection(orchestrator.Settings{
		Name: "acme", Connector: s, Tokens: freeTokens{}, MaxConcurrent: 1,
		Breaker: retry.Breaker{Failures: 5, Open: 30 * time.Second}, ProbeAs: job.AddQueueItem,
	})
	ctx, end := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		connection.Run(ctx)
	}()
	b.t.Cleanup(func() { end(); <-done })
	r := b.start(connection, func(s *Settings) {
		quick(s)
		s.Batch.Max, s.MaxInFlight, s.Quick = 10, 100, true
		if change != nil {
			change(s)
		}
	})
	return r, connection
}

// once fails the test unless each of the requests was in one call.
func (s *shop) once(t *testing.T, ids []string) {
	t.Helper()
	sold := s.sold()
	for _, id := range ids {
		if sold[id] != 1 {
			t.Errorf("%s: in %d calls", id, sold[id])
		}
	}
}

func TestMessagesShareCalls(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	all := ids(200)
	b.publish(all...)
	s := &shop{before: func([]string) { time.Sleep(time.Millisecond) }}
	r, _ := b.share(s, nil)
	b.awaitSettled(200)
	s.once(t, all)
	if n := s.made(); n > 40 {
		t.Errorf("%d calls for 200 messages", n)
	}
	for _, line := range b.lines("delivery.settled") {
		if line["disposition"] != "ack" || line["attempt"] != 1 {
			t.Errorf("settled as %v", line)
		}
	}
	await(t, "the acks", func() bool { return b.left() == 0 && r.InHand() == 0 })
	b.noRecords()
}

// What came of each is its own, and what takes time to settle holds up nobody.
func TestOutcomesOfASharedCall(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	all := ids(40)
	b.publish(all...)
	var mu sync.Mutex
	tries := map[string]int{}
	s := &shop{answer: func(id string, single bool) orchestrator.Result {
		mu.Lock()
		defer mu.Unlock()
		tries[id]++
		outcome := func(v job.Verdict, reason job.Reason) orchestrator.Result {
			return orchestrator.Result{BreakerClosed: true, Outcome: job.Outcome{Verdict: v, Reason: reason, Called: true}}
		}
		switch {
		case id == "job-3":
			return outcome(job.Rejected, job.InvalidRequest)
		case id == "job-7" && !single:
			return orchestrator.Apart(orchestrator.Well)
		case id == "job-12" && tries[id] == 1:
			return outcome(job.Unknown, job.ConnectionLost)
		case id == "job-20" && tries[id] < 3:
			return outcome(job.Deferred, "")
		}
		return delivered()
	}}
	b.share(s, nil)
	await(t, "an empty stream", func() bool { return b.left() == 0 })
	mu.Lock()
	defer mu.Unlock()
	for id, want := range map[string]int{"job-3": 1, "job-7": 2, "job-12": 2, "job-20": 3, "job-21": 1} {
		if tries[id] != want {
			t.Errorf("%s: %d tries, want %d", id, tries[id], want)
		}
	}
	if m := b.letter(1); string(m.Data) != "job-3" || b.messages("JOBS_DEAD") != 1 {
		t.Errorf("dead: %s, and %d in all", m.Data, b.messages("JOBS_DEAD"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, try := range s.tries {
		if again := try.Request.ID == "job-12" && !try.FirstTry.IsZero(); try.Again != again {
			t.Errorf("%s: again %t, first try %v", try.Request.ID, try.Again, try.FirstTry)
		}
	}
}

// A shut gate is no reason to lose or repeat anything: who waits for it does so
// with a goroutine, which notes that nothing was sent.
func TestSharedMessagesInAnOutage(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	all := ids(60)
	var once sync.Once
	var mu sync.Mutex
	sent := map[string]int{}
	s := &shop{}
	s.answer = func(id string, _ bool) orchestrator.Result {
		throttle := false
		once.Do(func() { throttle = true })
		if throttle {
			return orchestrator.Result{
				Health: orchestrator.Throttled, RetryAfter: time.Second,
				Outcome: job.Outcome{Verdict: job.Unavailable, Reason: job.Throttled, Called: true},
			}
		}
		mu.Lock()
		defer mu.Unlock()
		sent[id]++
		return delivered()
	}
	s.before = func([]string) { time.Sleep(50 * time.Millisecond) } // the others come meanwhile
	b.publish(all...)
	r, connection := b.share(s, nil)
	await(t, "a shut gate", func() bool { return !connection.Gate().Open })
	await(t, "all who wait", func() bool { return r.State().Held == r.InHand() && connection.Gate().Held == r.InHand() })
	await(t, "the notes", func() bool { return b.record(60).Record.NotSent })
	await(t, "an empty stream", func() bool { return b.left() == 0 })
	mu.Lock()
	defer mu.Unlock()
	for _, id := range all {
		if sent[id] != 1 {
			t.Errorf("%s: %d times", id, sent[id])
		}
	}
	b.noRecords()
}

// full starts a consumer with so many messages in hand, of which some are in a call
// until release is closed, and the others wait.
func (b *rig) full(n int) (r *running, s *shop, release chan struct{}) {
	b.t.Helper()
	release = make(chan struct{})
	s = &shop{before: func([]string) { <-release }}
	b.publish(ids(n)...)
	r, _ = b.share(s, func(s *Settings) { s.MaxInFlight = n })
	await(b.t, "a full hand", func() bool { return r.InHand() == n && s.made() == 1 })
	return r, s, release
}

// Who waits for others at the stop is handed back at once, as not sent.
func TestStopHandsBackWhatShares(t *testing.T) {
	t.Parallel()
	b := newRig(t, 5*time.Minute)
	r, s, release := b.full(40)
	under := len(s.sold())
	r.stop()

	next := newTarget(nil)
	b.start(next, nil)
	await(t, "the others' deliveries", func() bool { return len(next.calls()) == 40-under })
	for _, try := range next.calls() {
		if try.Again || !try.FirstTry.IsZero() {
			t.Errorf("%s: not taken for a first try", try.Request.ID)
		}
	}
	close(release)
	r.stopped()
	tally := r.Tally()
	if f, h, l := tally.Finished.Load(), tally.HandedBack.Load(), tally.Left.Load(); f != int64(under) || h != int64(40-under) || l != 0 {
		t.Errorf("finished %d, handed back %d, left %d", f, h, l)
	}
	await(t, "the acks", func() bool { return b.left() == 0 })
	b.noRecords()
}

// A message that may be someone else's by now leaves those that it waits with.
func TestSharedMessagesAreGivenUp(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	r, s, release := b.full(30)
	under := s.sold()
	r.hand.each(func(_ uint64, d *delivery) {
		if under[string(d.msg.Data)] == 0 {
			d.owned.Store(0)
			d.giveUp(errLeaseLost)
		}
	})
	b.awaitSettled(30 - len(under))
	for _, line := range b.lines("delivery.settled") {
		if line["disposition"] != "leave" || line["reason"] != string(job.LeaseLost) {
			t.Errorf("settled as %v", line)
		}
	}
	close(release)
	await(t, "the end", func() bool { return r.InHand() == 0 })
	if n := s.made(); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// The messages of a call that panicked are tried again, each for itself.
func TestSharedPanic(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	all := ids(10)
	b.publish(all...)
	var mu sync.Mutex
	tries := map[string]int{}
	s := &shop{before: func(ids []string) {
		mu.Lock()
		defer mu.Unlock()
		for _, id := range ids {
			tries[id]++
			if tries[id] == 1 {
				defer panic("a fault with a payload in it")
			}
		}
	}}
	b.share(s, nil)
	await(t, "an empty stream", func() bool { return b.left() == 0 })
	panics := b.lines("delivery.panicked")
	if len(panics) != 10 {
		t.Errorf("%d lines of panics", len(panics))
	}
	for _, line := range panics {
		if text := fmt.Sprint(line); !strings.Contains(text, "shop") || strings.Contains(text, "payload") {
			t.Errorf("panicked as %v", line)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	again := map[string]bool{}
	for _, ids := range s.calls {
		for _, id := range ids {
			if len(ids) > 1 && again[id] {
				t.Errorf("%s is together with others again: %v", id, ids)
			}
			again[id] = true
		}
	}
}

// faulty is a shop with a fault of its own that shows before any call.
type faulty struct {
	*shop
	inClaims bool
}

func (f faulty) Claims(*job.Request) bool {
	if f.inClaims {
		panic("a fault with a payload in it")
	}
	return false
}

func (f faulty) BatchKey(*job.Request) (orchestrator.BatchKey, bool) {
	panic("a fault with a payload in it")
}

// A message that makes the connector panic before it shares anything ends like
// any other that does, and takes the worker along no more than they do.
func TestPanicBeforeSharing(t *testing.T) {
	t.Parallel()
	for name, inClaims := range map[string]bool{"Claims": true, "BatchKey": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			b.publish("one")
			b.share(faulty{&shop{}, inClaims}, nil)
			line := b.awaitSettled(1)
			if line["reason"] != string(job.Panicked) || line["disposition"] != "nak" || line["attempt"] != 1 {
				t.Errorf("settled as %v", line)
			}
			await(t, "an empty stream", func() bool { return b.left() == 0 })
			if n, m := len(b.lines("delivery.panicked")), b.messages("JOBS_DEAD"); n != 3 || m != 1 {
				t.Errorf("%d panics, %d dead letters", n, m)
			}
		})
	}
}

// The worker's own fault is no answer of the orchestrator, and says nothing for
// or against the route's requests.
func TestSharedPanicIsNoAnswer(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.publish(ids(10)...)
	r, _ := b.share(&shop{before: func([]string) { panic("here") }}, nil)
	b.awaitSettled(10)
	r.hold.mu.Lock()
	defer r.hold.mu.Unlock()
	if n := r.hold.recent.answers; n != 0 {
		t.Errorf("the guard counts %d answers", n)
	}
}

// What takes long to decode holds up nobody: the loop that takes messages in hand
// must not be late, for it notes until when each is surely ours.
func TestALongMessageHoldsUpNobody(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	long := strings.Repeat("x", 1<<16)
	b.publish(long)
	b.publish(ids(5)...)
	release := make(chan struct{})
	s := &shop{}
	b.share(s, func(s *Settings) {
		s.Decoder = decoder(func(ctx context.Context, m request.Message) (*job.Request, job.Outcome, bool) {
			if len(m.Data) == len(long) {
				<-release
			}
			return decode(ctx, m)
		})
	})
	b.awaitSettled(5)
	close(release)
	b.awaitSettled(6)
	s.once(t, append(ids(5), long))
}

// More are about to come only if the server has more and is asked for them: who
// waits for them otherwise waits in vain.
func TestMoreAreAskedFor(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.publish(ids(30)...)
	release := make(chan struct{})
	r := b.start(newTarget(until(release, delivered())), nil) // 16 in hand
	for _, inHand := range []int{16, 14} {
		await(t, "a hand", func() bool { return r.InHand() == inHand })
		if r.more() {
			t.Errorf("more are said to come with %d in hand", inHand)
		}
		if inHand == 16 {
			release <- struct{}{}
			release <- struct{}{}
		}
	}
	close(release)
	await(t, "an empty stream", func() bool { return b.left() == 0 })
}

// Of a message that was delivered before, or was a dead letter, something may be
// noted.
func TestOnlyFreshMessagesShare(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	first := time.Now().Add(-time.Hour).UTC()
	b.past(ledger.Record{FirstTry: first, UnknownSince: first})
	b.redelivered("once more")
	b.replayed("a dead letter", deadletter.MessageID(deadHash))
	b.publish(ids(5)...)
	s := &shop{}
	b.share(s, nil)
	b.awaitSettled(7)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, try := range s.tries {
		if want := !strings.HasPrefix(try.Request.ID, "job-"); try.Again != want {
			t.Errorf("%s: again %t", try.Request.ID, try.Again)
		}
	}
	for _, ids := range s.calls {
		if len(ids) > 1 && !strings.HasPrefix(strings.Join(ids, ""), "job-") {
			t.Errorf("in one call: %v", ids)
		}
	}
}

// What a route's own folder is refused for holds all that share.
func TestARefusedFolderHoldsWhatShares(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	all := ids(30)
	b.publish(all...)
	var mu sync.Mutex
	refusals, sent := 0, map[string]int{}
	s := &shop{}
	s.answer = func(id string, _ bool) orchestrator.Result {
		mu.Lock()
		defer mu.Unlock()
		if refusals < 3 {
			refusals++
			return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Deferred, Reason: job.Forbidden, Called: true}}
		}
		sent[id]++
		return delivered()
	}
	s.before = func([]string) { time.Sleep(20 * time.Millisecond) }
	r, _ := b.share(s, nil)
	r.hold.mu.Lock()
	r.hold.first, r.hold.longest = 100*time.Millisecond, 100*time.Millisecond
	r.hold.mu.Unlock()
	await(t, "an empty stream", func() bool { return b.left() == 0 })
	mu.Lock()
	defer mu.Unlock()
	for _, id := range all {
		if sent[id] != 1 {
			t.Errorf("%s: %d times", id, sent[id])
		}
	}
	if len(b.lines("gate.changed")) < 2 {
		t.Error("the route was not held")
	}
}
