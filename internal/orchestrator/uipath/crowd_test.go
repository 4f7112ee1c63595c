package uipath

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

// crowdedProof is a store whose proof has so many jobs of its reference that they
// fill a page.
func crowdedProof(t *testing.T) *jobStore {
	var crowd []aJob
	for i := range mostRows {
		crowd = append(crowd, aJob{9000 - i, "p", "PostInvoice", "", time.Now().Add(-time.Minute)})
	}
	s := newJobStore(t, crowd...)
	s.prove("p")
	return s
}

// A proof that hides others is dropped, and the list is asked for without it, with
// one more look-up of the budget. That says nothing of the filter.
func TestAProofThatCrowds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := crowdedProof(t)
		s.jobs = append(s.jobs, mine(42, "b"))
		before := s.c.budget.Left(time.Now())
		got := verdictsOf(s.submit(t.Context(), allLost("a", "b")...))
		if diff := cmp.Diff(map[job.Verdict]int{job.Delivered: 1, job.Duplicate: 1}, got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([][]string{{"a", "b", "p"}, {"a", "b"}}, s.filters); diff != "" {
			t.Error(diff)
		}
		if spent := before - s.c.budget.Left(time.Now()); spent > 2 || spent < 1.5 {
			t.Errorf("%v of the budget is spent", spent)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := crowdedProof(t)
		s.submit(t.Context(), lost("a"))
		// The job started for a is the proof now.
		if proof, trusted := s.c.jobs.Proof("Finance/AP"); proof.Reference != "a" || !trusted {
			t.Errorf("%v, %t", proof, trusted)
		}
	})
}

// Where the budget does not allow another look-up, the requests come again.
func TestAProofThatCrowdsKeepsToTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := crowdedProof(t)
		setBudget(s.c, 3)
		for _, r := range s.submit(t.Context(), allLost("a", "b")...) {
			if r.Reason != job.LookUpsLimited || r.Wait <= 0 {
				t.Errorf("%+v", r)
			}
		}
		time.Sleep(time.Hour)
		s.submit(t.Context(), lost("a"))
		if diff := cmp.Diff([][]string{{"a", "b", "p"}, {"a"}}, s.filters); diff != "" {
			t.Error(diff)
		}
	})
}

// The proof of a reference that is looked for itself is not dropped for its crowd.
func TestAProofThatIsLookedForItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := crowdedProof(t)
		got := s.submit(t.Context(), lost("p"))
		if got[0].Verdict != job.Unknown || len(s.filters) != 1 {
			t.Errorf("%+v, %v", got[0], s.filters)
		}
		if proof, _ := s.c.jobs.Proof("Finance/AP"); proof.Reference != "p" {
			t.Errorf("%v", proof)
		}
	})
}
