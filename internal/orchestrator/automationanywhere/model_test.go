package automationanywhere

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// drawn is a room of any kind: one that works as documented, or one that does not.
func drawn(dice *rand.Rand) *room {
	r := &room{
		e11: dice.IntN(4) == 0, deaf: dice.IntN(5) == 0, first: dice.IntN(5) == 0, pageless: dice.IntN(3) == 0,
		timeless: dice.IntN(3) == 0, lag: []time.Duration{0, 20 * time.Second, 5 * time.Minute}[dice.IntN(3)],
	}
	if dice.IntN(4) == 0 {
		r.most = 20 + dice.IntN(200)
		r.pageless = false // a list that neither tells that it is cut nor keeps to its bounds deceives anyone
	}
	r.shown = []map[string]string{
		nil, {"col1": "Vendor"}, {"col3": "Ref"}, {"col1": "Twin", "col4": "Ref"},
	}[dice.IntN(4)]
	for i := range []int{0, 3, 60, 260}[dice.IntN(4)] {
		r.hold(fmt.Sprintf("old-%d", i), fmt.Sprintf(`{"Twin":"old-%d"}`, i/2*2))
	}
	faults := []reply{
		lost, {err: errReset, undone: true}, {err: errReset, late: 40 * time.Second},
		{status: 500, undone: true}, {status: 502, body: "<html>"}, {status: 200, body: "<html>"}, {status: 503, late: time.Second},
		{status: 400, body: envelope("bad"), undone: true}, {status: 200, body: `{"list":[{"id":1}]}`}, {status: 429, undone: true},
	}
	r.answer = func(operation string, _ int) (reply, bool) {
		acts := operation == "A" || operation == "D"
		switch {
		case acts && dice.IntN(2) == 0:
			return faults[dice.IntN(len(faults))], true
		case !acts && dice.IntN(10) == 0:
			return []reply{{status: 500}, {status: 429}, {status: 200, body: "null"}, lost}[dice.IntN(4)], true
		}
		return reply{}, false
	}
	return r
}

// deliver tries a request as the consumer does, until it is settled.
func deliver(t *testing.T, connector func() *Connector, r *job.Request) job.Verdict {
	try := orchestrator.Try{Request: r}
	for range 60 {
		began := time.Now()
		result := connector().Submit(t.Context(), try)
		switch {
		case result.Verdict == job.Unknown && !result.Called:
			return job.Unknown // set aside
		case result.Verdict == job.Unknown:
			try.Again, try.UnknownSince = true, time.Now()
			if try.FirstTry.IsZero() {
				try.FirstTry = began
			}
		case result.Verdict != job.Unavailable && result.Verdict != job.Deferred:
			return result.Verdict
		}
		time.Sleep(max(result.Wait, time.Second))
	}
	return job.Busy // it was not settled in time
}

// Whatever the Control Room does: nothing is added or started twice, and nothing
// is said to be that is not.
func TestNeverTwice(t *testing.T) {
	t.Parallel()
	settled := map[job.Verdict]int{}
	var mu sync.Mutex
	for seed := range uint64(80) {
		synctest.Test(t, func(t *testing.T) {
			dice := rand.New(rand.NewPCG(seed, 7))
			api := drawn(dice)
			time.Sleep(time.Hour)
			c := api.connector()
			if dice.IntN(2) == 0 {
				c.Submit(t.Context(), orchestrator.Try{Request: forRoom(api, bot("proof"))})
			}
			forgets := dice.IntN(3) == 0
			connector := func() *Connector {
				if forgets {
					return api.connector()
				}
				return c
			}
			verdicts := map[string]job.Verdict{}
			var wg sync.WaitGroup
			for i := range 8 {
				r := item(fmt.Sprint("inv-", i))
				if i%2 == 1 {
					r = forRoom(api, bot(fmt.Sprint("inv-", i)))
				}
				wg.Go(func() {
					v := deliver(t, connector, r)
					mu.Lock()
					defer mu.Unlock()
					verdicts[r.Reference] = v
					settled[v]++
				})
			}
			wg.Wait()
			time.Sleep(time.Hour)
			for reference, v := range verdicts {
				n := api.stored()[reference]
				if n > 1 || n == 0 && (v == job.Delivered || v == job.Duplicate) || n > 0 && v == job.Rejected {
					t.Errorf("seed %d: %s is %s and there %d times", seed, reference, v, n)
				}
			}
		})
	}
	if settled[job.Delivered] == 0 || settled[job.Duplicate] == 0 || settled[job.Unknown] == 0 || settled[job.Busy] > 0 {
		t.Errorf("%v", settled)
	}
}

// forRoom has a bot run where the room's generation wants it.
func forRoom(api *room, r *job.Request) *job.Request {
	if api.e11 {
		r.Options, r.Arguments = fields(`{"deviceIds":[1]}`), fields(fmt.Sprintf(`{"Ref":%q}`, r.Reference))
	}
	return r
}

// The same of batches: what one call for several leaves open is looked up singly.
func TestNeverTwiceTogether(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			api := drawn(rand.New(rand.NewPCG(seed, 8)))
			time.Sleep(time.Hour)
			c := api.connector()
			began := time.Now()
			tries := requests(6)
			for i, result := range c.SubmitBatch(t.Context(), tries) {
				reference := tries[i].Request.Reference
				v := result.Verdict
				if v == job.Unknown {
					time.Sleep(2 * settle)
					try := doubted(tries[i].Request, began)
					v = c.Submit(t.Context(), try).Verdict
				}
				n := api.stored()[reference]
				if n > 1 || n == 0 && (v == job.Delivered || v == job.Duplicate) {
					t.Errorf("seed %d: %s is %s and there %d times", seed, reference, v, n)
				}
			}
		})
	}
}
