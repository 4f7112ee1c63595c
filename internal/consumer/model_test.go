package consumer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// The times of the model. A call may outlast the lease of its message; what it
// left behind takes effect before settle has passed since its end.
const (
	modelLease   = 30 * time.Second
	modelTimeout = 45 * time.Second
	modelSettle  = 60 * time.Second
)

// fate is what happens to one delivery.
type fate int

const (
	works fate = iota
	losesAnswer
	losesRequest // the call fails, and nobody knows that it was not carried out
	actsLate     // as losesAnswer, but the effect comes later
	fails        // certainly not carried out
	throttled    // as fails, and the message is held
	crashes      // the worker dies before the call
	crashesAfter // and after it
	crashesLate  // and in the middle, with an effect that comes late
	stalls       // the worker hears nothing of NATS any more: its lease is lost
	stallsLate   // and its call takes all the time it may, and acts late
	losesAck
	cannotTell       // as losesAnswer or a look-up that does not tell: parked, and replayed
	cannotTellResend // the same, and an operator looks before the replay
	apart            // refused together with others, and made again alone
	fates
)

// script is what goes wrong, in order; when it is used up all is well.
type script struct {
	mu     sync.Mutex
	fates  []int
	writes []int
	works  []int // which worker has the next delivery
}

func drawScript(t *rapid.T) *script {
	return &script{
		fates:  rapid.SliceOfN(rapid.IntRange(0, int(fates)-1), 0, 12).Draw(t, "fates"),
		writes: rapid.SliceOfN(rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2, 3, 3, 4}), 0, 60).Draw(t, "ledger"),
		works:  rapid.SliceOfN(rapid.IntRange(0, 2), 0, 30).Draw(t, "workers"),
	}
}

func (s *script) next(of *[]int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(*of) == 0 {
		return 0
	}
	n := (*of)[0]
	*of = (*of)[1:]
	return n
}

// shaky is a ledger whose operations fail as the script says.
type shaky struct {
	*book
	script *script
}

// fault tells whether an operation takes effect, and what is said of it. It takes
// a moment, in which others come in between.
func (s shaky) fault() (written bool, err error) {
	time.Sleep(time.Millisecond)
	switch s.script.next(&s.script.writes) {
	case 1:
		return false, errors.New("refused")
	case 2:
		return false, ledger.ErrUncertain
	case 3:
		return true, ledger.ErrUncertain
	case 4:
		return false, ledger.ErrDisconnected
	default:
		return true, nil
	}
}

func (s shaky) Load(ctx context.Context, k ledger.Key) (ledger.Entry, error) {
	if _, err := s.fault(); err != nil {
		return ledger.Entry{}, err
	}
	return s.book.Load(ctx, k)
}

func (s shaky) LoadClaim(ctx context.Context, k ledger.Key) (ledger.ClaimEntry, error) {
	if _, err := s.fault(); err != nil {
		return ledger.ClaimEntry{}, err
	}
	return s.book.LoadClaim(ctx, k)
}

func (s shaky) Store(ctx context.Context, k ledger.Key, revision uint64, r ledger.Record) (n uint64, err error) {
	written, fault := s.fault()
	if written {
		n, err = s.book.Store(ctx, k, revision, r)
	}
	return n, orElse(err, fault)
}

func (s shaky) StoreClaim(ctx context.Context, k ledger.Key, revision uint64, c ledger.Claim, ttl time.Duration) (n uint64, err error) {
	written, fault := s.fault()
	if written {
		n, err = s.book.StoreClaim(ctx, k, revision, c, ttl)
	}
	return n, orElse(err, fault)
}

func (s shaky) Delete(ctx context.Context, k ledger.Key, revision uint64) (err error) {
	written, fault := s.fault()
	if written {
		err = s.book.Delete(ctx, k, revision)
	}
	return orElse(err, fault)
}

func orElse(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// world is an orchestrator, a ledger, three workers, and the messages that ask
// for one and the same request.
type world struct {
	script  *script
	ledger  shaky
	target  *scripted
	workers [3]*Consumer

	mu      sync.Mutex
	effects int
	dead    []job.Reason // of dead letters, of which there must be none
	blind   int          // tries that did not get what was noted before the effect
	born    int
}

// newWorker stands in for one that died. It knows nothing.
func (w *world) newWorker(i int) {
	w.born++
	c := New(Settings{
		Route: route, Connection: "acme", Ledger: w.ledger, Target: w.target, Owner: "worker " + strconv.Itoa(w.born), Remember: time.Hour,
		CallLimit: modelTimeout, Batch: orchestrator.Batch{Max: 100},
		Events: telemetry.NewEvents(zap.NewNop()), Metrics: telemetry.NewMetrics(telemetry.Build{}).Route(route),
		Policy: retry.Policy{Settings: retry.Settings{Attempts: 1000, First: time.Second, Max: time.Minute, BusyFor: time.Hour}},
	})
	c.work, c.books = context.Background(), context.Background()
	c.ackWait.Store(int64(modelLease))
	w.workers[i] = c
}

func (w *world) act() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.effects++
}

func (w *world) found() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.effects > 0
}

// submit is what a connector does that can look up what it started.
func (w *world) submit(what fate, t orchestrator.Try) orchestrator.Result {
	if t.Again {
		if wait := time.Until(t.UnknownSince.Add(modelSettle)); wait > 0 {
			return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unavailable, Reason: job.Settling, Wait: wait}}
		}
		if what == cannotTell || what == cannotTellResend {
			return inDoubt
		}
		if w.found() {
			return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Duplicate}}
		}
	}
	switch what {
	case fails:
		return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Deferred, Called: true}}
	case throttled:
		return orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unavailable, Reason: job.Throttled, Called: true}}
	case crashesLate:
		time.AfterFunc(modelTimeout+modelSettle-time.Second, w.act)
		return lostAnswer
	case losesRequest:
		time.Sleep(modelTimeout)
		return lostAnswer
	case actsLate, stallsLate:
		time.Sleep(modelTimeout)
		time.AfterFunc(modelSettle-time.Second, w.act)
		return lostAnswer
	}
	time.Sleep(time.Second)
	w.act()
	if what == cannotTell || what == cannotTellResend {
		return inDoubt
	}
	if what == losesAnswer {
		time.Sleep(modelTimeout - time.Second)
		return lostAnswer
	}
	return delivered()
}

// note notes that a call may come, as a connector does that must know of the time
// before it.
func (w *world) note(t orchestrator.Try) (orchestrator.Result, bool) {
	if t.Note != nil && w.found() && t.Before == "" {
		w.mu.Lock()
		w.blind++
		w.mu.Unlock()
	}
	return t.Noted(context.Background(), "before")
}

// scripted is a Target that does with each request what is to happen to its delivery.
type scripted struct {
	*target
	calls sync.Map // of *job.Request: func(orchestrator.Try) orchestrator.Result
}

func (s *scripted) Do(ctx, _ context.Context, t orchestrator.Try) (orchestrator.Result, error) {
	if !t.Begin(ctx, &t) {
		return orchestrator.Result{}, orchestrator.ErrNotBegun
	}
	call, _ := s.calls.Load(t.Request)
	return call.(func(orchestrator.Try) orchestrator.Result)(t), nil
}

// message is delivered until it is acked. What is parked is replayed, as another
// message.
func (w *world) message(sequence uint64) {
	var header nats.Header
	for delivery := uint64(1); ; delivery++ {
		who := w.script.next(&w.script.works)
		what := fate(w.script.next(&w.script.fates))
		handled := make(chan time.Duration, 1)
		go func() { handled <- w.deliver(who, sequence, delivery, header, what) }()
		wait := time.Duration(-1)
		if what == stalls || what == stallsLate {
			time.Sleep(modelLease) // the server gives it to the next meanwhile
		} else {
			wait = <-handled
		}
		switch {
		case wait == 0:
			return
		case wait == isParked:
			header = w.replay(sequence, what == cannotTellResend)
			sequence, delivery = sequence+100, 0
		case wait > 0:
			time.Sleep(wait)
		case what != stalls && what != stallsLate:
			time.Sleep(modelLease)
		}
	}
}

// isParked is the time until the next delivery of a message that is a dead letter.
const isParked = time.Duration(-2)

var inDoubt = orchestrator.Result{Outcome: job.Outcome{Verdict: job.Unknown, Reason: job.UnknownOutcome, Called: true}}

// replay is what the replay of a dead letter does to the ledger; it gives the
// header of the message that is published. An operator who says that it was not
// carried out has looked when everything had come to its end.
func (w *world) replay(sequence uint64, resend bool) nats.Header {
	key, hash := w.key(sequence), fmt.Sprintf("%032x", sequence)
	book := w.ledger.book
	if resend {
		time.Sleep(2 * (modelTimeout + modelSettle))
		resend = !w.found()
	}
	ctx := context.Background()
	parked, _ := book.Load(ctx, key)
	if claim := ledger.RequestKey("acme", "one"); resend {
		if found, _ := book.LoadClaim(ctx, claim); found.Claim.Message == key.String() && found.Claim.State == ledger.Claimed {
			_ = book.Delete(ctx, claim, found.Revision)
		}
	} else {
		_, _ = book.Store(ctx, ledger.PastKey(hash), 0, ledger.Record{FirstTry: parked.Record.FirstTry, UnknownSince: parked.Record.UnknownSince})
	}
	return nats.Header{"Nats-Msg-Id": {deadletter.MessageID(hash)}}
}

func (w *world) key(sequence uint64) ledger.Key {
	return ledger.MessageKey(route, sequence, time.Unix(0, int64(sequence)))
}

// deliver is one delivery: it gives the time until the next, 0 where the message
// was acked, and less where the server is told nothing.
func (w *world) deliver(who int, sequence, count uint64, header nats.Header, what fate) time.Duration {
	w.mu.Lock()
	c := w.workers[who]
	w.mu.Unlock()
	at := time.Unix(0, int64(sequence))
	d := &delivery{
		msg:      &nats.Msg{Subject: "jobs.invoices.a", Header: header},
		meta:     &nats.MsgMetadata{NumDelivered: count, Timestamp: at, Sequence: nats.SequencePair{Stream: sequence, Consumer: count}},
		received: time.Now(), callLimit: modelTimeout,
		request: &job.Request{ID: "one", Action: job.StartJob},
	}
	d.owned.Store(time.Now().UnixNano())
	crashed := false
	w.target.calls.Store(d.request, func(t orchestrator.Try) orchestrator.Result {
		if r, kept := w.note(t); !kept {
			return r
		}
		if what == stalls || what == stallsLate {
			d.owned.Store(0)
		}
		crashed = what == crashes || what == crashesAfter || what == crashesLate
		if what == crashes {
			return lostAnswer
		}
		if what == apart && t.Batch.Max > 1 {
			return orchestrator.Apart(orchestrator.Well)
		}
		return w.submit(what, t)
	})
	var result orchestrator.Result
	if c.recall(d) != nil {
		result = d.notBegun(job.LedgerFailed)
	} else if d.entry.Record.Dead != nil {
		return isParked
	} else {
		result = c.try(d)
	}
	if result.Singly {
		c.conclude(d, result)
		d.singly = true
		result = c.try(d)
	}
	if crashed {
		if d.claim != nil {
			d.claim.stop()
		}
		w.mu.Lock()
		w.newWorker(who)
		w.mu.Unlock()
		return -1
	}
	c.conclude(d, result)
	return w.settle(c, d, result, what)
}

func (w *world) settle(c *Consumer, d *delivery, r orchestrator.Result, what fate) time.Duration {
	switch {
	case r.Settled() && what == losesAck:
		return -1
	case r.Settled():
		return 0
	case !d.mine(c.lease()):
		return -1
	}
	disposition := c.decide(d, r)
	switch {
	case disposition.Kind != retry.DeadLetter:
	case disposition.Reason == job.UnknownOutcome:
		if c.markDead(d, r, disposition) != nil {
			return time.Second
		}
		return isParked
	default:
		w.mu.Lock()
		w.dead = append(w.dead, disposition.Reason)
		w.mu.Unlock()
	}
	if d.unbegun != job.LedgerFailed {
		_ = c.store(d, remember(d, r, disposition))
	}
	if d.unbegun != "" && d.recalled {
		c.forgone.add(d)
	}
	return max(disposition.Delay, time.Second)
}

// Whatever fails, in whatever order: a request is carried out once, also one that
// must be claimed and that several messages ask for, and every message goes.
func TestNeverTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScript(rt)
		messages := rapid.IntRange(1, 3).Draw(rt, "messages")
		apart := rapid.SampledFrom([]time.Duration{0, time.Millisecond, 2 * time.Millisecond, 3 * time.Second}).Draw(rt, "apart")
		w := &world{script: s, ledger: shaky{newBook(), s}, target: &scripted{target: newTarget(nil)}}
		w.target.claim = rapid.Bool().Draw(rt, "claims")
		if !w.target.claim {
			messages = 1 // nothing tells two messages of one request apart
		}
		synctest.Test(t, func(*testing.T) {
			for i := range w.workers {
				w.newWorker(i)
			}
			var wg sync.WaitGroup
			for n := range messages {
				wg.Go(func() {
					time.Sleep(time.Duration(n) * apart)
					w.message(uint64(n + 1))
				})
			}
			wg.Wait()
			time.Sleep(2 * modelSettle) // for what comes late
		})
		if w.effects != 1 || len(w.dead) > 0 || w.blind > 0 {
			rt.Fatalf("carried out %d times, dead letters %v, %d tries without what was noted", w.effects, w.dead, w.blind)
		}
	})
}
