package uipath

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// Jobs that are looked up together are asked for together, and the proof with
// them.
func TestJobLookUpsAreGrouped(t *testing.T) {
	t.Parallel()
	long := func(n int) (all []string) {
		for i := range n {
			all = append(all, strings.Repeat("漢", 55)+string(rune('a'+i)))
		}
		return all
	}
	for name, tt := range map[string]struct {
		references []string
		proof      string
		want       [][]string
	}{
		"one":                    {[]string{"a"}, "", [][]string{{"a"}}},
		"one and the proof":      {[]string{"a"}, "p", [][]string{{"a", "p"}}},
		"some":                   {[]string{"a", "b", "Guns N' Roses+&"}, "p", [][]string{{"a", "b", "Guns N' Roses+&", "p"}}},
		"the proof is one":       {[]string{"p", "b"}, "p", [][]string{{"p", "b"}}},
		"the same twice":         {[]string{"a", "a"}, "p", [][]string{{"a", "p"}}},
		"of another case":        {[]string{"a", "A"}, "p", [][]string{{"a", "A", "p"}}},
		"as many as there fit":   {references(18), "p", [][]string{append(references(18), "p")}},
		"one more":               {references(19), "p", [][]string{append(references(18), "p"), {"ref-018", "p"}}},
		"long ones":              {long(2), strings.Repeat("'", 61), [][]string{{long(2)[0], strings.Repeat("'", 61)}, {long(2)[1], strings.Repeat("'", 61)}}},
		"a proof that is longer": {[]string{"a"}, strings.Repeat("'", 64), [][]string{{"a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newJobStore(t)
				if tt.proof != "" {
					s.prove(tt.proof)
				}
				before := s.c.budget.Left(time.Now())
				got := s.submit(t.Context(), allLost(tt.references...)...)
				slices.SortFunc(s.filters, slices.Compare) // two may be asked in any order
				slices.SortFunc(tt.want, slices.Compare)
				if diff := cmp.Diff(tt.want, s.filters); diff != "" {
					t.Error(diff)
				}
				if n := verdictsOf(got)[job.Delivered]; n != len(tt.references) || s.told[orchestrator.Absent] != n {
					t.Errorf("%d started, told %v", n, s.told)
				}
				if spent := before - s.c.budget.Left(time.Now()); spent > float64(len(tt.want)) || spent < float64(len(tt.want))-0.5 {
					t.Errorf("%v of the budget is spent", spent)
				}
			})
		})
	}
}

// Jobs of another folder are looked up on their own.
func TestJobLookUpsOfOtherFoldersAreTheirOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newJobStore(t)
		tries := allLost("a", "b", "c")
		tries[1].Request.Folder = "HR"
		s.submit(t.Context(), tries...)
		if len(s.filters) != 2 {
			t.Errorf("look-ups %v", s.filters)
		}
	})
}

// One call that fails is told to the gate once, however many waited for it.
func TestAFailedJobLookUpIsTheFailureOfOneCall(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer reply
		health orchestrator.Health
	}{
		"down":      {reply{status: 503, header: http.Header{"Retry-After": {"9"}}}, orchestrator.Ill},
		"no answer": {reply{err: errors.New("broken")}, orchestrator.Ill},
		"no folder": {reply{status: 403, body: `{"errorCode":1100}`}, orchestrator.Well},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newJobStore(t)
				s.answer = func([]string) (reply, bool) { return tt.answer, true }
				told := map[orchestrator.Health]int{}
				for _, r := range s.submit(t.Context(), allLost(references(5)...)...) {
					told[r.Health]++
					if r.Wait != 0 || !strings.Contains(r.Detail, "; an earlier try may have started the job") {
						t.Errorf("%+v", r)
					}
				}
				if told[tt.health] != 1 || told[orchestrator.Untold] != 4 || s.told[orchestrator.Failed] != 5 || len(s.filters) != 1 {
					t.Errorf("%v, told %v, %d look-ups", told, s.told, len(s.filters))
				}
			})
		})
	}
}

// Those who find the budget spent, or a 429, do not come back all at once.
func TestJobLookUpsThatWaitAreSpread(t *testing.T) {
	t.Parallel()
	tooMany := reply{status: 429, header: http.Header{"Retry-After": {"90"}}}
	for name, tt := range map[string]struct {
		throttled bool
		first     time.Duration // of those who wait
	}{
		"the budget is spent": {false, 0},
		"a 429":               {true, 90*time.Second - lookup.GatherTime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newJobStore(t)
				setBudget(s.c, 3)
				s.answer = func([]string) (reply, bool) { return tooMany, tt.throttled }
				waits := map[time.Duration]int{}
				first := s.submit(t.Context(), allLost(references(18)...)...)
				for _, r := range append(first, s.submit(t.Context(), allLost(references(182)...)...)...) {
					if r.Verdict == job.Delivered {
						continue
					}
					if waits[r.Wait]++; r.Reason != job.LookUpsLimited || r.Wait < tt.first {
						t.Errorf("%+v", r)
					}
				}
				for wait, n := range waits {
					if n > mostReferences-1 {
						t.Errorf("%d come back after %v", n, wait)
					}
				}
				if len(waits) < 182/18 || len(s.filters) != 1 {
					t.Errorf("%d look-ups, waits %v", len(s.filters), waits)
				}
			})
		})
	}
}

// The queue's items and the folder's jobs have one budget, and wait for it one
// after the other.
func TestItemsAndJobsHaveOneBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newStore().connector()
		c.queues.Put(keyOf("Finance/AP", "Invoices"), queueDefinition{ID: "7"})
		for range 10 {
			c.budget.Take(time.Now())
		}
		ofItem := c.Submit(t.Context(), doubted(time.Hour, time.Hour))
		ofJob := c.Submit(t.Context(), lost("a"))
		if ofItem.Reason != job.LookUpsLimited || ofJob.Reason != job.LookUpsLimited || ofJob.Wait-ofItem.Wait < time.Second {
			t.Errorf("after %v and %v", ofItem.Wait, ofJob.Wait)
		}
	})
}

// Who leaves does so at once, and the others' look-up goes on.
func TestAJobLookUpOutlivesItsLeader(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]time.Duration{"while it gathers": 10 * time.Millisecond, "while it is made": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newJobStore(t)
				s.delay = 10 * time.Second
				began := time.Now()
				leader, leave := context.WithCancel(t.Context())
				first, second := make(chan orchestrator.Result, 1), make(chan orchestrator.Result, 1)
				go func() { first <- s.c.Submit(leader, lost("a")) }()
				synctest.Wait()
				go func() { second <- s.c.Submit(t.Context(), lost("b")) }()
				time.Sleep(left)
				leave()
				if r := <-first; time.Since(began) != left || r.Verdict != job.Unavailable || r.Health != orchestrator.Untold {
					t.Errorf("after %v: %+v", time.Since(began), r)
				}
				if r := <-second; r.Verdict != job.Delivered || time.Since(began) != lookup.GatherTime+s.delay {
					t.Errorf("after %v: %+v", time.Since(began), r)
				}
				if diff := cmp.Diff([][]string{{"a", "b"}}, s.filters); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
