package uipath

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// store is an API whose queues hold items, and that lists them as it is asked to.
type store struct {
	fakeAPI
	rows  []row         // the last first
	delay time.Duration // of a list
}

func newStore(rows ...row) *store {
	s := &store{rows: rows}
	s.queues = queueAnswers(queueRow("Invoices", false))
	s.add = answers(created())
	return s
}

func (s *store) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/odata/QueueItems") {
		return s.fakeAPI.RoundTrip(r)
	}
	if _, err := s.fakeAPI.RoundTrip(r); err != nil {
		return nil, err
	}
	select {
	case <-time.After(s.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	var page []row
	for _, row := range s.rows {
		if filter := r.URL.Query().Get("$filter"); strings.Contains(filter, "Reference eq '"+strings.ReplaceAll(row.reference, "'", "''")+"'") && len(page) < mostRows {
			page = append(page, row)
		}
	}
	return listed(page...).response()
}

func (s *store) connector() *Connector {
	c := s.fakeAPI.connector()
	c.Client.Transport = s
	return c
}

// lists are the filters of the look-ups so far.
func (s *store) lists() (filters []string) {
	for _, r := range s.asked("/odata/QueueItems") {
		filters = append(filters, r.URL.Query().Get("$filter"))
	}
	return filters
}

func setBudget(c *Connector, perMinute int) {
	c.budget = lookup.NewBudget(perMinute)
	c.itemLookUps, c.jobLookUps = c.newItemLookUps(), c.newJobLookUps()
}

// all submits requests that are in doubt at once, of the references given, and
// counts what came of them.
func all(ctx context.Context, c *Connector, references ...string) map[job.Verdict]int {
	var (
		wg       sync.WaitGroup
		mu       sync.Mutex
		verdicts = map[job.Verdict]int{}
	)
	for _, reference := range references {
		wg.Go(func() {
			try := doubted(time.Hour, time.Hour)
			try.Request.Reference = reference
			r := c.Submit(ctx, try)
			mu.Lock()
			defer mu.Unlock()
			verdicts[r.Verdict]++
		})
	}
	wg.Wait()
	return verdicts
}

func references(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("ref-%03d", i))
	}
	return all
}

// Look-ups that come together are made together: one request for as many as fit
// it, which costs one of the budget.
func TestLookUpsAreGrouped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(row{id: 42, reference: "ref-007", content: vendor})
		c := s.connector()
		c.queues.Put(keyOf("Finance/AP", "Invoices"), queueDefinition{ID: "7"})
		got := all(t.Context(), c, references(100)...)
		if diff := cmp.Diff(map[job.Verdict]int{job.Delivered: 99, job.Duplicate: 1}, got); diff != "" {
			t.Error(diff)
		}
		if n := len(s.lists()); n != 6 { // 19 each
			t.Errorf("%d look-ups", n)
		}
		for range 4 {
			if wait := c.budget.Take(time.Now()); wait > 0 {
				t.Errorf("the budget of 10 at once is spent by 6")
			}
		}
		if wait := c.budget.Take(time.Now()); wait <= 0 {
			t.Errorf("the look-ups cost nothing")
		}
	})
}

// Calls that lost their answers together come back one after the other, for their
// own answers take more or less long. The fewer look-ups are left, the longer one
// waits for others; whoever fills it sends it off.
func TestLookUpsThatComeOneAfterTheOtherAreGrouped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		c := s.connector()
		c.queues.Put(keyOf("Finance/AP", "Invoices"), queueDefinition{ID: "7"})
		const apart = lookup.ScarceGatherTime / (mostReferences + 1)
		var wg sync.WaitGroup
		for _, reference := range references(100) {
			wg.Go(func() {
				began := time.Now()
				if got := all(t.Context(), c, reference); got[job.Delivered] != 1 {
					t.Errorf("%s: %v", reference, got)
				}
				if waited := time.Since(began); waited > lookup.ScarceGatherTime {
					t.Errorf("%s waits %v", reference, waited)
				}
			})
			time.Sleep(apart)
		}
		wg.Wait()
		if n := len(s.lists()); n > 10 { // as many as may be made at once
			t.Errorf("%d look-ups", n)
		}
	})
}

// The request, as it is sent: within the limits of a URL whatever the references.
func TestLookUpForm(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		references []string
		filters    []string
	}{
		"one":               {[]string{"inv-1"}, []string{"QueueDefinitionId eq 7 and Reference eq 'inv-1'"}},
		"a quote":           {[]string{"Guns N' Roses+&"}, []string{"QueueDefinitionId eq 7 and Reference eq 'Guns N'' Roses+&'"}},
		"the same twice":    {[]string{"a", "A"}, []string{"QueueDefinitionId eq 7 and Reference eq 'a'"}},
		"blanks":            {[]string{"a" + strings.Repeat(" ", 126) + "b", "c" + strings.Repeat(" ", 126) + "d", "e" + strings.Repeat(" ", 126) + "f", "g" + strings.Repeat(" ", 126) + "h"}, nil},
		"quotes":            {[]string{strings.Repeat("'", 128), strings.Repeat("'", 127)}, nil},
		"three bytes each":  {[]string{strings.Repeat("漢", 128), strings.Repeat("漢", 127)}, nil},
		"of the usual size": {references(40), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStore()
				c := s.connector()
				c.Tenant = "Default"
				c.queues.Put(keyOf("Finance/AP", "Invoices"), queueDefinition{ID: "7"})
				for _, reference := range tt.references {
					go func() {
						try := doubted(time.Hour, time.Hour)
						try.Request.Reference = reference
						c.Submit(t.Context(), try)
					}()
					synctest.Wait() // in this order
				}
				time.Sleep(time.Second)
				if diff := cmp.Diff(tt.filters, s.lists()); tt.filters != nil && diff != "" {
					t.Error(diff)
				}
				asked := 0
				for _, r := range s.asked("/odata/QueueItems") {
					q := r.URL.Query()
					asked += strings.Count(q.Get("$filter"), "Reference eq ")
					if n := len(r.URL.String()); n > 1800 {
						t.Errorf("a URL of %d bytes", n)
					}
					if q.Get("$select") != itemColumns || q.Get("$orderby") != "Id desc" || q.Get("$top") != "100" || len(q) != 4 {
						t.Errorf("%v", q)
					}
					want := http.Header{
						"Accept": {"application/json"}, "User-Agent": {"queueferry"},
						"X-UIPATH-FolderPath": {"Finance/AP"}, "X-UIPATH-TenantName": {"Default"},
					}
					if diff := cmp.Diff(want, r.Header); diff != "" {
						t.Error(diff)
					}
				}
				if want := len(tt.references); tt.filters == nil && asked != want {
					t.Errorf("%d references asked for, want %d", asked, want)
				}
			})
		})
	}
}

// Only what is of the same folder and queue can be looked up together.
func TestLookUpsOfOtherQueuesAreTheirOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		c := s.connector()
		c.queues.Put(keyOf("Finance/AP", "Invoices"), queueDefinition{ID: "7"})
		c.queues.Put(keyOf("Finance/AP", "Notes"), queueDefinition{ID: "8"})
		c.queues.Put(keyOf("HR", "Invoices"), queueDefinition{ID: "7"})
		var wg sync.WaitGroup
		for _, of := range [][2]string{{"Finance/AP", "Invoices"}, {"Finance/AP", "Notes"}, {"HR", "Invoices"}, {"Finance/AP", "Invoices"}} {
			wg.Go(func() {
				try := doubted(time.Hour, time.Hour)
				try.Request.Folder, try.Request.Queue = of[0], of[1]
				c.Submit(t.Context(), try)
			})
		}
		wg.Wait()
		if n := len(s.lists()); n != 3 {
			t.Errorf("%d look-ups: %v", n, s.lists())
		}
	})
}

// Items of great size are not asked for together: the answer would be cut off.
func TestLargeItemsAreLookedUpAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		c := s.connector()
		c.queues.Put(keyOf("Finance/AP", "Invoices"), queueDefinition{ID: "7"})
		large := job.Fields{"a": json.RawMessage(`"` + strings.Repeat("x", lookup.MostContent*2/5) + `"`)}
		var wg sync.WaitGroup
		for _, reference := range references(4) {
			wg.Go(func() {
				try := doubted(time.Hour, time.Hour)
				try.Request.Reference, try.Request.Content = reference, large
				c.Submit(t.Context(), try)
			})
		}
		wg.Wait()
		if n := len(s.lists()); n != 2 {
			t.Errorf("%d look-ups", n)
		}
	})
}

// Many items of one reference do not hide those of the others.
func TestACrowdedReferenceHidesNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crowd := make([]row, 2*mostRows)
		for i := range crowd {
			crowd[i] = row{id: 9000 - i, reference: "ref-005", content: `{"n":1}`}
		}
		s := newStore(append(crowd, row{id: 42, reference: "ref-012", content: vendor})...)
		c := s.connector()
		c.queues.Put(keyOf("Finance/AP", "Invoices"), queueDefinition{ID: "7"})
		setBudget(c, 100)
		got := all(t.Context(), c, references(19)...)
		if diff := cmp.Diff(map[job.Verdict]int{job.Delivered: 17, job.Duplicate: 1, job.Unknown: 1}, got); diff != "" {
			t.Error(diff)
		}
		if n := len(s.lists()); n > 11 { // it is halved five times at most
			t.Errorf("%d look-ups", n)
		}
	})
}

// Where the budget ends in the midst of it, the rest comes again.
func TestACrowdedReferenceKeepsToTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crowd := make([]row, mostRows)
		for i := range crowd {
			crowd[i] = row{id: 9000 - i, reference: "ref-005", content: `{"n":1}`}
		}
		s := newStore(crowd...)
		c := s.connector()
		c.queues.Put(keyOf("Finance/AP", "Invoices"), queueDefinition{ID: "7"})
		for range 8 {
			c.budget.Take(time.Now())
		}
		got := all(t.Context(), c, references(19)...)
		// The first half is told, or is the crowded one.
		if n := len(s.lists()); n != 2 || got[job.Unavailable] < 10 || got[job.Unavailable]+got[job.Delivered] != 19 {
			t.Errorf("%d look-ups, %v", n, got)
		}
	})
}

// The look-up goes on without the one who began it, and ends with the last.
func TestALookUpOutlivesItsLeader(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]time.Duration{"while it gathers": 10 * time.Millisecond, "while it is made": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStore()
				s.delay = 10 * time.Second
				c := s.connector()
				c.queues.Put(keyOf("Finance/AP", "Invoices"), queueDefinition{ID: "7"})
				began := time.Now()
				leader, leave := context.WithCancel(t.Context())
				results := make(chan orchestrator.Result, 2)
				go func() { results <- c.Submit(leader, doubted(time.Hour, time.Hour)) }()
				synctest.Wait()
				go func() { results <- c.Submit(t.Context(), doubted(time.Hour, time.Hour)) }()
				time.Sleep(left)
				leave()
				r := <-results
				if time.Since(began) != left || r.Verdict != job.Unavailable || r.Health != orchestrator.Untold {
					t.Errorf("after %v: %+v", time.Since(began), r)
				}
				if r := <-results; r.Verdict != job.Delivered || time.Since(began) != lookup.GatherTime+s.delay {
					t.Errorf("after %v: %+v", time.Since(began), r)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				s := newStore()
				s.delay = time.Hour // as long as the bubble's goroutine lives
				c := s.connector()
				c.queues.Put(keyOf("Finance/AP", "Invoices"), queueDefinition{ID: "7"})
				ctx, cancel := context.WithTimeout(t.Context(), left)
				defer cancel()
				began := time.Now()
				got := all(ctx, c, "a", "b")
				if got[job.Unavailable] != 2 || time.Since(began) != left {
					t.Errorf("after %v: %v", time.Since(began), got)
				}
				// Nobody waits: the next one begins its own.
				s.delay = 0
				if got := all(t.Context(), c, "c"); got[job.Delivered] != 1 {
					t.Errorf("%v", got)
				}
			})
		})
	}
}

// One call that fails is told once, however many waited for it.
func TestAFailedLookUpIsTheFailureOfOneCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &fakeAPI{items: answers(reply{status: 503, header: http.Header{"Retry-After": {"9"}}})}
		c := api.connector()
		c.queues.Put(keyOf("Finance/AP", "Invoices"), queueDefinition{ID: "7"})
		var mu sync.Mutex
		healths, failed := map[orchestrator.Health]int{}, 0
		c.LookedUp = func(what orchestrator.LookUp) {
			mu.Lock()
			defer mu.Unlock()
			if what == orchestrator.Failed {
				failed++
			}
		}
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				r := c.Submit(t.Context(), doubted(time.Hour, time.Hour))
				mu.Lock()
				defer mu.Unlock()
				healths[r.Health]++
				if r.Verdict != job.Unavailable || r.Wait != 0 || (r.RetryAfter > 0) != (r.Health == orchestrator.Ill) {
					t.Errorf("%+v", r)
				}
			})
		}
		wg.Wait()
		if healths[orchestrator.Ill] != 1 || healths[orchestrator.Untold] != 4 || failed != 5 {
			t.Errorf("%v, failed %d", healths, failed)
		}
	})
}

// After a 429 no look-up is made until it is over, and then not all at once.
func TestAThrottledLookUpShutsLookUps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &fakeAPI{add: answers(created()), items: answers(reply{status: 429, header: http.Header{"Retry-After": {"90"}}}, noItems)}
		c := api.connector()
		c.queues.Put(keyOf("Finance/AP", "Invoices"), queueDefinition{ID: "7"})
		submit := func() orchestrator.Result { return c.Submit(t.Context(), doubted(time.Hour, time.Hour)) }
		if r := submit(); r.Reason != job.LookUpsLimited || r.Wait != 90*time.Second {
			t.Errorf("%+v", r)
		}
		waits := map[time.Duration]int{}
		for range 2 * mostReferences {
			r := submit()
			waits[r.Wait]++
			if r.Wait < 90*time.Second-lookup.GatherTime || r.Reason != job.LookUpsLimited {
				t.Errorf("%+v", r)
			}
		}
		if len(waits) != 3 { // one place at the first time is taken
			t.Errorf("waits %v", waits)
		}
		time.Sleep(90 * time.Second)
		if r := submit(); r.Verdict != job.Delivered {
			t.Errorf("%+v", r)
		}
		if got := api.order(); got != "IIP" {
			t.Error(got)
		}
	})
}
