package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

// fakeBatcher takes several requests of one queue with one call, unless their
// reference is "alone".
type fakeBatcher struct {
	*fakeConnector
	size   int
	answer func([]*Try) []Result // nil: all is well

	mu   sync.Mutex
	sent []string // the ids of each call, singles too
}

func (f *fakeBatcher) BatchKey(r *job.Request) (BatchKey, bool) {
	return BatchKey{Group: r.Queue, Name: strings.ToLower(r.Reference), Size: f.size}, r.Reference != "alone"
}

func (f *fakeBatcher) Submit(ctx context.Context, t Try) Result {
	f.note([]*Try{&t})
	return f.fakeConnector.Submit(ctx, t)
}

func (f *fakeBatcher) SubmitBatch(ctx context.Context, tries []*Try) []Result {
	f.note(tries)
	r := f.fakeConnector.Submit(ctx, Try{Request: &job.Request{}})
	if f.answer != nil {
		return f.answer(tries)
	}
	return slices.Repeat([]Result{r}, len(tries))
}

func (f *fakeBatcher) note(tries []*Try) {
	var ids []string
	for _, t := range tries {
		ids = append(ids, t.Request.ID)
	}
	slices.Sort(ids)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, strings.Join(ids, " "))
}

// batchRig is a rig whose connector takes batches, and whose calls take a second.
type batchRig struct {
	*rig
	t     *testing.T
	mode  mode
	api   *fakeBatcher
	batch Batch
	sizes []int
	wg    sync.WaitGroup

	mu   sync.Mutex
	came map[string]string // what became of each try
}

func newBatchRig(t *testing.T, m mode, set func(*Settings)) *batchRig {
	r := &batchRig{t: t, mode: m, api: &fakeBatcher{size: 1}, came: map[string]string{}}
	r.rig = newRig(func(s *Settings) {
		r.api.fakeConnector = s.Connector.(*fakeConnector)
		s.Connector = r.api
		if set != nil {
			set(s)
		}
	})
	r.fake.submit = func(context.Context, Try) Result {
		time.Sleep(time.Second)
		return well()
	}
	r.batch = Batch{Route: "invoices", Max: 5, Calls: 1, Sent: r.sent}
	r.run(t)
	return r
}

// mode is how tries wait for a call: each with a goroutine, without one, or some
// so and some so.
type mode string

func (m mode) shares(id string) bool { return m == "shared" || m == "mixed" && id[0]%2 == 0 }

// company runs a test in each mode.
func company(t *testing.T, name string, f func(*testing.T, mode)) {
	for _, m := range []mode{"waiting", "shared", "mixed"} {
		t.Run(name+"/"+string(m), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, m) })
		})
	}
}

// do makes a try as a consumer does: shared if that goes, or else alone.
func (r *batchRig) do(hold context.Context, t Try, share bool) (result Result, err error) {
	done := make(chan error)
	if share && hold.Err() == nil {
		s := r.Share(context.Background(), t, func(got Result, e error) {
			result = got
			go func() { done <- e }() // it shall not wait
		})
		if s != nil {
			defer context.AfterFunc(hold, s.Excuse)()
			err := <-done
			if p, ok := errors.AsType[*PanicError](err); ok {
				panic(p.Value)
			}
			if !errors.Is(err, ErrAlone) {
				return result, err
			}
		}
	}
	return r.Do(context.Background(), hold, t)
}

// bring brings a try, and is back when it waits, or its call is under way.
func (r *batchRig) bring(id string, set ...func(*Try)) {
	r.bringHeld(context.Background(), id, set...)
}

func (r *batchRig) bringHeld(hold context.Context, id string, set ...func(*Try)) {
	t := Try{Request: &job.Request{ID: id, Queue: "q", Reference: id}, Batch: r.batch}
	for _, s := range set {
		s(&t)
	}
	r.wg.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				r.became(id, fmt.Sprintf("panic: %v", p))
			}
		}()
		result, err := r.do(hold, t, r.mode.shares(id))
		switch {
		case err != nil:
			r.became(id, err.Error())
		case result.Singly:
			r.became(id, "singly")
		default:
			r.became(id, fmt.Sprintf("%s of %d", result.Verdict, max(result.Batch, 1)))
		}
	})
	synctest.Wait()
}

func (r *batchRig) sent(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sizes = append(r.sizes, n)
}

func (r *batchRig) became(id, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.came[id] = what
}

// check waits for all tries, and compares the calls that were made.
func (r *batchRig) check(sent ...string) {
	r.t.Helper()
	r.wg.Wait()
	if diff := cmp.Diff(sent, r.api.sent); diff != "" {
		r.t.Errorf("calls: %s", diff)
	}
	if n := r.gate.together.Load(); n != 0 || len(r.former.crowds) != 0 {
		r.t.Errorf("%d are counted as waiting, %d crowds are left", n, len(r.former.crowds))
	}
	if s := r.Gate(); s.Calls != 0 {
		r.t.Errorf("%d passes were not given back", s.Calls)
	}
}

func (r *batchRig) checkCame(want map[string]string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.came); diff != "" {
		r.t.Error(diff)
	}
}

// One goes alone at once; who comes meanwhile goes together when it is back.
func TestBatchesFormFromWhatWaits(t *testing.T) {
	company(t, "all", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		began := time.Now()
		for _, id := range []string{"a", "b", "c", "d"} {
			r.bring(id)
		}
		r.check("a", "b c d")
		r.checkCame(map[string]string{"a": "delivered of 1", "b": "delivered of 3", "c": "delivered of 3", "d": "delivered of 3"})
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		if diff := cmp.Diff([]int{1, 3}, r.sizes); diff != "" {
			t.Error(diff)
		}
	})
}

// What fills a call goes, whatever is under way; the rest waits.
func TestFullBatchesDoNotWait(t *testing.T) {
	company(t, "all", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		for i := range 13 {
			r.bring(fmt.Sprintf("%c", 'a'+i))
		}
		if n := r.Gate().Calls; n != 3 {
			t.Errorf("%d calls under way", n)
		}
		r.check("a", "b c d e f", "g h i j k", "l m")
	})
}

func TestBatchesAreBoundedInBytes(t *testing.T) {
	company(t, "all", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		r.api.size = longestBatch / 2
		for _, id := range []string{"a", "b", "c", "d"} {
			r.bring(id)
		}
		r.check("a", "b c", "d")
	})
	company(t, "one that is too long alone", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		r.api.size = 2 * longestBatch
		for _, id := range []string{"a", "b"} {
			r.bring(id)
		}
		r.check("a", "b")
	})
}

// The gate's turn is asked for once for all, also after an outage.
func TestBatchesWaitForTheGate(t *testing.T) {
	company(t, "all", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		r.trip(t)
		r.api.sent = nil
		held := map[string]int{}
		for _, id := range []string{"a", "b", "c"} {
			r.bring(id, func(try *Try) { try.Held = func() { held[id]++ } })
		}
		if s := r.Gate(); s.Held != 3 || s.Open {
			t.Errorf("%+v", s)
		}
		r.check("a b c")
		if diff := cmp.Diff(map[string]int{"a": 1, "b": 1, "c": 1}, held); diff != "" {
			t.Error(diff)
		}
	})
}

func TestALimitOfCallsFillsBatches(t *testing.T) {
	company(t, "all", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, func(s *Settings) { s.MaxConcurrent = 1 })
		r.batch.Calls = 10
		for _, id := range []string{"a", "b", "c", "d"} {
			r.bring(id)
		}
		r.check("a", "b c d")
	})
}

func TestLinger(t *testing.T) {
	company(t, "all", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		r.batch.Linger = 100 * time.Millisecond
		began := time.Now()
		var calls []time.Duration
		r.fake.submit = func(context.Context, Try) Result {
			calls = append(calls, time.Since(began))
			return well()
		}
		r.bring("a")
		time.Sleep(60 * time.Millisecond)
		r.bring("b")
		time.Sleep(60 * time.Millisecond)
		for _, id := range []string{"c", "d", "e", "f", "g"} { // enough for a call
			r.bring(id)
		}
		r.check("a b", "c d e f g")
		if diff := cmp.Diff([]time.Duration{100 * time.Millisecond, 120 * time.Millisecond}, calls); diff != "" {
			t.Error(diff)
		}
	})
}

// Other routes and queues are other calls; so is a second one of a name or an
// id, and what may have been carried out before.
func TestWhoGoesTogether(t *testing.T) {
	company(t, "all", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, func(s *Settings) { s.MaxConcurrent = 1 })
		r.bring("0", func(try *Try) { try.Request.Reference = "alone" })
		r.bring("a")
		r.bring("b", func(try *Try) { try.Request.Queue = "other" })
		r.bring("c", func(try *Try) { try.Batch.Route = "other" })
		r.bring("d", func(try *Try) { try.Request.Reference = "A" })
		r.bring("a", func(try *Try) { try.Request.Reference = "another" })
		r.bring("e")
		r.bring("f", func(try *Try) { try.Again = true })
		r.bring("g", func(try *Try) { try.Batch = Batch{} })
		r.check("0", "a e", "b", "c", "f", "g", "a d")
	})
}

// Begin is asked when the turn has come; who says no is left out.
func TestMembersThatDoNotBegin(t *testing.T) {
	no := func(try *Try) { try.Begin = func(context.Context, *Try) bool { return false } }
	company(t, "all", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		r.bring("0")
		r.bring("a")
		r.bring("b", no)
		r.bring("c")
		r.check("0", "a c")
		r.checkCame(map[string]string{"0": "delivered of 1", "a": "delivered of 2", "b": ErrNotBegun.Error(), "c": "delivered of 2"})
	})
	company(t, "one is left", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		r.bring("0")
		r.bring("a", no)
		r.bring("b")
		r.check("0", "b")
		r.checkCame(map[string]string{"0": "delivered of 1", "a": ErrNotBegun.Error(), "b": "delivered of 1"})
	})
	company(t, "none is left", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		r.bring("0")
		r.bring("a", no)
		r.bring("b", no)
		r.check("0")
	})
	company(t, "one that was tried before, as it finds out", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		again := func(try *Try) { try.Begin = func(_ context.Context, t *Try) bool { t.Again = true; return true } }
		for _, id := range []string{"0", "a", "b"} {
			r.bring(id)
		}
		r.bring("c", again)
		r.wg.Wait()
		r.bring("0")
		r.bring("d", again)
		r.bring("e", again)
		r.check("0", "a b", "0", "d")
		r.checkCame(map[string]string{
			"0": "delivered of 1", "a": "delivered of 2", "b": "delivered of 2", "c": "singly", "d": "delivered of 1", "e": "singly",
		})
	})
}

var errEnough = errors.New("enough")

// Who leaves while it waits is in no call, and takes nothing along.
func TestMembersLeave(t *testing.T) {
	company(t, "all", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		hold, end := context.WithCancelCause(context.Background())
		r.bring("0")
		r.bring("a")
		r.bringHeld(hold, "b")
		r.bring("c")
		end(errEnough)
		r.check("0", "a c")
		if r.came["b"] != errEnough.Error() {
			t.Errorf("%s", r.came["b"])
		}
	})
	company(t, "all of them", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, func(s *Settings) { s.Rate = 0.1 })
		hold, end := context.WithCancelCause(context.Background())
		r.batch.Calls = 3
		r.bring("0")
		r.bringHeld(hold, "a")
		r.bringHeld(hold, "b")
		end(errEnough)
		synctest.Wait()
		if n := r.line(); n != 0 {
			t.Errorf("%d still stand in the line", n)
		}
		r.check("0")
	})
	company(t, "one that never came", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		hold, end := context.WithCancelCause(context.Background())
		end(errEnough)
		r.bringHeld(hold, "a")
		r.check()
	})
	company(t, "while its turn comes", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		hold, end := context.WithCancelCause(context.Background())
		r.bring("0")
		r.bringHeld(hold, "a", func(try *Try) {
			try.Begin = func(context.Context, *Try) bool { end(errEnough); return hold.Err() == nil }
		})
		r.bring("b")
		r.check("0", "b")
	})
}

// A panic of one member's function is its own; one of the connector is everyone's
// who shared the call. Neither stops the rest.
func TestPanicsInBatches(t *testing.T) {
	boom := func(context.Context, *Try) bool { panic("boom") }
	for name, set := range map[string]func(*Try){
		"Begin": func(t *Try) { t.Begin = boom },
		"Still": func(t *Try) { t.Still = func() bool { panic("boom") } },
		"Held":  func(t *Try) { t.Held = func() { panic("boom") } },
	} {
		company(t, name, func(t *testing.T, m mode) {
			r := newBatchRig(t, m, nil)
			r.api.answer = func(tries []*Try) (all []Result) {
				for _, t := range tries {
					lost, is := t.Lost()
					if !is {
						lost = well()
					}
					all = append(all, lost)
				}
				return all
			}
			r.bring("0")
			r.gate.shut(job.BreakerOpen, "", time.Second)
			r.bring("a")
			r.bring("b", set)
			r.bring("c")
			r.wg.Wait()
			if r.came["b"] != "panic: boom" || !strings.HasPrefix(r.came["a"], "delivered") || !strings.HasPrefix(r.came["c"], "delivered") {
				t.Errorf("%v", r.came)
			}
		})
	}
	company(t, "the connector", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		r.api.answer = func([]*Try) []Result { panic("boom") }
		r.bring("0")
		r.bring("a")
		r.bring("b")
		r.wg.Wait()
		r.bring("c")
		r.check("0", "a b", "c")
		r.checkCame(map[string]string{"0": "delivered of 1", "a": "panic: boom", "b": "panic: boom", "c": "delivered of 1"})
	})
}

// Each gets its own result, and the gate the one that tells the most.
func TestResultsOfABatch(t *testing.T) {
	company(t, "all", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		r.api.answer = func([]*Try) []Result {
			return []Result{well(), throttled(time.Minute), {Outcome: job.Outcome{Verdict: job.Deferred, Reason: job.Forbidden}}}
		}
		r.bring("0")
		for _, id := range []string{"a", "b"} {
			r.bring(id)
		}
		r.bring("c", func(try *Try) { try.Request.FolderFromRoute = true })
		r.bring("d") // of which nothing is said
		r.wg.Wait()
		r.checkCame(map[string]string{
			"0": "delivered of 1", "a": "delivered of 4", "b": "unavailable of 4", "c": "unavailable of 4", "d": "unknown of 4",
		})
		if s := r.Gate(); s.Open || s.Reason != job.Throttled {
			t.Errorf("%+v", s)
		}
	})
	company(t, "one failure of the orchestrator, however many were in the call", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		r.api.answer = func(tries []*Try) []Result { return slices.Repeat([]Result{ill()}, len(tries)) }
		r.bring("0")
		for i := range 5 {
			r.bring(fmt.Sprint("a", i))
		}
		r.wg.Wait()
		if s := r.Gate(); !s.Open {
			t.Errorf("%+v", s)
		}
	})
}

// Where more are about to come, the first waits for them a moment.
func TestMoreAreAboutToCome(t *testing.T) {
	company(t, "all", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		more := true
		r.batch.More = func() bool { return more }
		began := time.Now()
		var calls []time.Duration
		r.fake.submit = func(context.Context, Try) Result {
			calls = append(calls, time.Since(began))
			return well()
		}
		r.bring("a")
		time.Sleep(moment / 2)
		r.bring("b")
		time.Sleep(moment)
		for _, id := range []string{"c", "d", "e", "f", "g"} { // enough for a call
			r.bring(id)
		}
		more = false
		r.bring("h")
		r.check("a b", "c d e f g", "h")
		if diff := cmp.Diff([]time.Duration{moment, moment + moment/2, moment + moment/2}, calls); diff != "" {
			t.Error(diff)
		}
	})
}

// Who waits for others does so no longer than they are about to come.
func TestNoMoreAreAboutToCome(t *testing.T) {
	company(t, "all", func(t *testing.T, m mode) {
		r := newBatchRig(t, m, nil)
		var more atomic.Bool
		more.Store(true)
		r.batch.More = more.Load
		var went time.Duration
		began := time.Now()
		r.fake.submit = func(context.Context, Try) Result {
			went = time.Since(began)
			return well()
		}
		r.bring("a")
		time.Sleep(moment / 4)
		more.Store(false)
		time.Sleep(moment)
		r.check("a")
		if went > moment/2 {
			t.Errorf("went after %v", went)
		}
	})
}

// A shut gate is waited for with a goroutine, however often it shuts.
func TestNobodySharesWhileTheGateIsShut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newBatchRig(t, "shared", func(s *Settings) { s.MaxConcurrent = 1 })
		r.batch.Calls = 2
		alone := map[string]int{}
		share := func(id string) *Shared {
			try := Try{Request: &job.Request{ID: id, Queue: "q", Reference: id}, Batch: r.batch}
			return r.Share(t.Context(), try, func(_ Result, err error) {
				if errors.Is(err, ErrAlone) {
					alone[id]++
				}
			})
		}
		r.bring("0") // is under way for a second
		r.mode = "waiting"
		r.bring("a") // and waits, so that a caller stays in the line
		for _, id := range []string{"b", "c"} {
			if share(id) == nil {
				t.Fatal("not shared")
			}
			r.gate.shut(job.Throttled, "", time.Second)
			synctest.Wait()
			if share("late") != nil {
				t.Error("shared with a gate that is shut")
			}
			r.gate.mu.Lock()
			r.gate.until = time.Time{}
			r.gate.reopen()
			r.gate.mu.Unlock()
			synctest.Wait()
		}
		if diff := cmp.Diff(map[string]int{"b": 1, "c": 1}, alone); diff != "" {
			t.Error(diff)
		}
		r.check("0", "a")
	})
}
