package uipath

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// jobStore is an API that lists the jobs it holds by the references it is asked
// for, and starts any.
type jobStore struct {
	t      *testing.T
	c      *Connector
	jobs   []aJob // the last first
	answer func(asked []string) (reply, bool)
	delay  time.Duration // of a list

	mu      sync.Mutex
	filters [][]string // the references of each list
	starts  int
	told    map[orchestrator.LookUp]int
}

func newJobStore(t *testing.T, jobs ...aJob) *jobStore {
	s := &jobStore{t: t, jobs: jobs, told: map[orchestrator.LookUp]int{}}
	s.c = New(Settings{
		LookUpsPerMinute: 100, Settle: time.Minute,
		Client: orchestrator.Client{Transport: s, BaseURL: "https://orchestrator.example/org/tenant/orchestrator_", Timeout: time.Hour},
		LookedUp: func(what orchestrator.LookUp) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.told[what]++
		},
	})
	s.c.jobs.Trust()
	return s
}

func (s *jobStore) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/odata/Releases"):
		return oneRelease(0).response()
	case r.Method == http.MethodPost:
		_, _ = io.Copy(io.Discard, r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.starts++
		return started(5000 + s.starts).response()
	}
	asked := referencesIn(r.URL.Query().Get("$filter"))
	s.mu.Lock()
	s.filters = append(s.filters, asked)
	s.mu.Unlock()
	if n := len(r.URL.String()); n > 2000 {
		s.t.Errorf("a URL of %d bytes", n)
	}
	select {
	case <-time.After(s.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if s.answer != nil {
		if a, ok := s.answer(asked); ok {
			return a.response()
		}
	}
	var found []aJob
	for _, j := range s.jobs {
		if slices.Contains(asked, j.reference) && len(found) < mostRows {
			found = append(found, j)
		}
	}
	return page(0, found...).response()
}

// referencesIn reads "Reference eq 'a' or Reference eq 'b'".
func referencesIn(filter string) (all []string) {
	for one := range strings.SplitSeq(filter, " or ") {
		text := strings.TrimSuffix(strings.TrimPrefix(one, "Reference eq '"), "'")
		all = append(all, strings.ReplaceAll(text, "''", "'"))
	}
	return all
}

// lost is a try of a start that may have been made.
func lost(reference string) orchestrator.Try {
	r := start()
	r.ID, r.Reference = "id of "+reference, reference
	return again(r)
}

// prove makes a job that every look-up must show.
func (s *jobStore) prove(reference string) {
	r := start()
	r.ID, r.Reference = "proof", reference
	j := aJob{9999, reference, "PostInvoice", "", time.Now().Add(-lookup.ProofLife / 2)}
	s.c.proves(r, jobRow{ID: "9999", Key: keys(9999)}, j.created)
	lookup.Take(&s.c.jobs.Owners, r.ID, jobRow{ID: "9999", Key: keys(9999)})
	s.jobs = append(s.jobs, j)
}

// submit submits tries at once, and gives the results in their order.
func (s *jobStore) submit(ctx context.Context, tries ...orchestrator.Try) []orchestrator.Result {
	results := make([]orchestrator.Result, len(tries))
	var wg sync.WaitGroup
	for i, try := range tries {
		wg.Go(func() { results[i] = s.c.Submit(ctx, try) })
		synctest.Wait() // in this order
	}
	wg.Wait()
	return results
}

func allLost(references ...string) (tries []orchestrator.Try) {
	for _, reference := range references {
		tries = append(tries, lost(reference))
	}
	return tries
}

func verdictsOf(results []orchestrator.Result) map[job.Verdict]int {
	n := map[job.Verdict]int{}
	for _, r := range results {
		n[r.Verdict]++
	}
	return n
}

func mine(id int, reference string) aJob {
	return aJob{id, reference, "PostInvoice", "", time.Now()}
}
