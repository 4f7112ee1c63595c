package uipath

import (
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
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// Each gets its own jobs of a list, and what it says as a whole.
func TestEachFindsItsOwnJob(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		jobs []aJob
		want []job.Verdict // of a, b, c, and c of another request
	}{
		"none":            {nil, []job.Verdict{job.Delivered, job.Delivered, job.Delivered, job.Delivered}},
		"one's":           {[]aJob{mine(1, "b")}, []job.Verdict{job.Delivered, job.Duplicate, job.Delivered, job.Delivered}},
		"two's":           {[]aJob{mine(2, "b"), mine(1, "a")}, []job.Verdict{job.Duplicate, job.Duplicate, job.Delivered, job.Delivered}},
		"a doubtful one":  {[]aJob{{1, "b", "Other", "", time.Now()}}, []job.Verdict{job.Delivered, job.Unknown, job.Delivered, job.Delivered}},
		"of another case": {[]aJob{mine(1, "B")}, []job.Verdict{job.Delivered, job.Unknown, job.Delivered, job.Delivered}},
		"one for two":     {[]aJob{mine(1, "c")}, []job.Verdict{job.Delivered, job.Delivered, job.Duplicate, job.Delivered}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for i := range tt.jobs {
					tt.jobs[i].created = time.Now()
				}
				s := newJobStore(t, tt.jobs...)
				s.answer = func([]string) (reply, bool) { return page(0, tt.jobs...), true }
				tries := allLost("a", "b", "c", "c")
				tries[3].Request.ID = "another"
				var got []job.Verdict
				for _, r := range s.submit(t.Context(), tries...) {
					got = append(got, r.Verdict)
				}
				// Of the two of c either may be the first to take it.
				slices.Sort(got[2:])
				slices.Sort(tt.want[2:])
				if diff := cmp.Diff(tt.want, got); diff != "" || len(s.filters) != 1 {
					t.Errorf("%d look-ups, %s", len(s.filters), diff)
				}
			})
		})
	}
}

// Jobs that several requests may have started are the one's that takes them first.
func TestJobsAreTakenOnce(t *testing.T) {
	t.Parallel()
	var seen jobSighting
	for i := range mostRows {
		seen.rows = append(seen.rows, jobRow{ID: code(fmt.Sprint(i + 1)), Key: keys(i + 1), Reference: "a"})
	}
	for range 50 {
		var (
			book  lookup.Book
			wg    sync.WaitGroup
			taken atomic.Int32
			begin = make(chan struct{})
		)
		for i := range 4 {
			wg.Go(func() {
				try := lost("a")
				try.Request.ID, try.FirstTry = fmt.Sprint(i), time.Time{}
				<-begin
				if found := seen.claim(try, mostRows, &book); found.are(mostRows) {
					taken.Add(1)
				} else if len(found.candidates) > 0 || found.unclear != "" {
					t.Errorf("%d candidates, %s", len(found.candidates), found.unclear)
				}
			})
		}
		close(begin)
		wg.Wait()
		if n := taken.Load(); n != 1 {
			t.Fatalf("taken %d times", n)
		}
	}
}

// A list with jobs that nobody asked for makes what it does not show unclear to
// all, and is not asked for again.
func TestAForeignJobIsEverybodys(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"one": 1, "a full page": mostRows - 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newJobStore(t)
				s.prove("p")
				jobs := []aJob{mine(1, "a")}
				for i := range n {
					jobs = append(jobs, mine(100+i, "foreign"))
				}
				s.answer = func([]string) (reply, bool) { return page(0, jobs...), true }
				got := verdictsOf(s.submit(t.Context(), allLost("a", "b", "c")...))
				if diff := cmp.Diff(map[job.Verdict]int{job.Duplicate: 1, job.Unknown: 2}, got); diff != "" || len(s.filters) != 1 {
					t.Errorf("%d look-ups, %s", len(s.filters), diff)
				}
				// It says nothing of the proof.
				if proof, trusted := s.c.jobs.Proof("Finance/AP"); proof.Reference != "p" || !trusted {
					t.Errorf("%v, %t", proof, trusted)
				}
			})
		})
	}
}

// The proof is one for all: if it is not shown, nobody believes that list, nor
// the next.
func TestAProofIsEverybodys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newJobStore(t)
		s.prove("p")
		s.jobs = []aJob{mine(1, "b")}
		want := map[job.Verdict]int{job.Duplicate: 1, job.Unknown: 2}
		if diff := cmp.Diff(want, verdictsOf(s.submit(t.Context(), allLost("a", "b", "c")...))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want, verdictsOf(s.submit(t.Context(), allLost("a", "b", "c")...))); diff != "" {
			t.Error(diff)
		}
		s.prove("q")
		want = map[job.Verdict]int{job.Duplicate: 1, job.Delivered: 2}
		if diff := cmp.Diff(want, verdictsOf(s.submit(t.Context(), allLost("a", "b", "c")...))); diff != "" {
			t.Error(diff)
		}
	})
}

// Many jobs of one reference, or large ones, do not hide those of the others.
func TestACrowdOfJobsHidesNoOther(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]reply{
		"a full page": {},
		"too long":    {status: 200, body: strings.Repeat(" ", orchestrator.MaxAnswer+1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var crowd []aJob
				for i := range 2 * mostRows {
					crowd = append(crowd, aJob{9000 - i, "ref-005", "PostInvoice", "", time.Now().Add(-time.Hour)})
				}
				s := newJobStore(t, append(crowd, mine(42, "ref-012"))...)
				s.prove("p")
				s.answer = func(asked []string) (reply, bool) {
					return answer, answer.status > 0 && slices.Contains(asked, "ref-005")
				}
				got := verdictsOf(s.submit(t.Context(), allLost(references(18)...)...))
				if diff := cmp.Diff(map[job.Verdict]int{job.Delivered: 16, job.Duplicate: 1, job.Unknown: 1}, got); diff != "" {
					t.Error(diff)
				}
				if n := len(s.filters); n > 11 { // it is halved five times at most
					t.Errorf("%d look-ups", n)
				}
			})
		})
	}
}

// The age of a job is told by the clock at its own list, however long the lists
// of the others take.
func TestTheClockOfEachHalf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newJobStore(t)
		s.delay = 10 * time.Second
		var crowd []aJob
		for i := range mostRows {
			crowd = append(crowd, aJob{9000 - i, fmt.Sprint("ref-00", i%2), "PostInvoice", "", time.Now().Add(-time.Hour)})
		}
		// Made a moment before the first try, by somebody else.
		s.jobs = append([]aJob{{9999, "ref-000", "PostInvoice", "", time.Now().Add(-105 * time.Second)}}, crowd...)
		if diff := cmp.Diff(map[job.Verdict]int{job.Delivered: 2}, verdictsOf(s.submit(t.Context(), allLost("ref-000", "ref-001")...))); diff != "" {
			t.Error(diff)
		}
	})
}
