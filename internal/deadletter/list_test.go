package deadletter

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/job"
)

// shelf is a store with n letters of two routes; their ids are id-0 to id-(n-1).
func shelf(t *testing.T, n int) (bundle, *Store) {
	t.Helper()
	b := setup(t, nil)
	s, err := Open(t.Context(), b.js, "JOBS_DEAD", "jobs-dead")
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := b.pub.Publish(t.Context(), aLetter(i)); err != nil {
			t.Fatal(err)
		}
	}
	return b, s
}

var anHour = time.Date(2026, 1, 31, 7, 0, 0, 5, time.UTC)

func aLetter(i int) Letter {
	reason, route := job.NotFound, "invoices"
	if i%2 == 1 {
		reason, route = job.UnknownOutcome, "jobs"
	}
	return Letter{
		Route: route, Reason: reason, Detail: "why", Status: 404, ErrorCode: "1016", Attempts: 3, Stream: "JOBS", Sequence: uint64(i + 1),
		Time: anHour, Subject: "jobs.invoices.new", RequestID: fmt.Sprint("id-", i), FirstTry: anHour.Add(time.Second), FailedAt: anHour.Add(time.Duration(i+1) * time.Minute),
		Header: nats.Header{"Nats-Msg-Id": {"mine"}, "Business": {"a", "b"}, "Queueferry-Reason": {"forged"}}, Data: []byte(fmt.Sprint("payload ", i)),
	}
}

func listed(t *testing.T, s *Store, f Filter, payload bool) (all []Stored) {
	t.Helper()
	for l, err := range s.List(t.Context(), f, payload) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// What was set aside is read back as it was.
func TestListReadsBackWhatWasPublished(t *testing.T) {
	t.Parallel()
	_, s := shelf(t, 5)
	all := listed(t, s, Filter{}, true)
	if len(all) != 5 {
		t.Fatalf("%d letters", len(all))
	}
	for i, got := range all {
		want := aLetter(i)
		if got.Hash != want.Hash() || got.Place != uint64(i+1) || got.Size != len(want.Data) || got.At.IsZero() {
			t.Errorf("letter %d: %+v", i, got)
		}
		want.Time = time.Time{}
		if diff := cmp.Diff(want, got.Letter); diff != "" {
			t.Errorf("letter %d (-want +got):\n%s", i, diff)
		}
	}
	for i, got := range listed(t, s, Filter{}, false) {
		if got.Data != nil || got.Header != nil || got.Size != len(aLetter(i).Data) {
			t.Errorf("without payload: %q, %v, size %d", got.Data, got.Header, got.Size)
		}
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	_, s := shelf(t, 6)
	hash := aLetter(2).Hash()
	for name, tt := range map[string]struct {
		f    Filter
		want string
	}{
		"all":              {Filter{}, "id-0 id-1 id-2 id-3 id-4 id-5"},
		"a route":          {Filter{Routes: []string{"jobs"}}, "id-1 id-3 id-5"},
		"both routes":      {Filter{Routes: []string{"jobs", "invoices"}}, "id-0 id-1 id-2 id-3 id-4 id-5"},
		"no such route":    {Filter{Routes: []string{"other"}}, ""},
		"a reason":         {Filter{Reasons: []job.Reason{job.NotFound}}, "id-0 id-2 id-4"},
		"an id":            {Filter{IDs: []string{"id-3"}}, "id-3"},
		"a hash":           {Filter{IDs: []string{hash}}, "id-2"},
		"in capitals":      {Filter{IDs: []string{strings.ToUpper(hash)}}, "id-2"},
		"a hash and an id": {Filter{IDs: []string{hash, "id-3"}}, "id-2 id-3"},
		"two hashes":       {Filter{IDs: []string{hash, aLetter(4).Hash()}}, "id-2 id-4"},
		"of another route": {Filter{IDs: []string{hash}, Routes: []string{"jobs"}}, ""},
		"first digits":     {Filter{IDs: []string{hash[:8]}}, "id-2"},
		"before":           {Filter{Before: aLetter(2).FailedAt}, "id-0 id-1"},
		"after":            {Filter{After: aLetter(4).FailedAt}, "id-4 id-5"},
		"an unknown hash":  {Filter{IDs: []string{strings.Repeat("0", 32)}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ids []string
			for _, l := range listed(t, s, tt.f, false) {
				ids = append(ids, l.RequestID)
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// What comes while it is listed is not listed; what goes is not waited for.
func TestListEndsAtWhatWasThere(t *testing.T) {
	t.Parallel()
	b, s := shelf(t, 40)
	s.patient, s.quiet = 4, 50*time.Millisecond
	n := 0
	for _, err := range s.List(t.Context(), Filter{}, false) {
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			if err := b.pub.Publish(t.Context(), aLetter(99)); err != nil {
				t.Fatal(err)
			}
			for place := uint64(20); place <= 40; place++ {
				if err := s.remove(t.Context(), place); err != nil {
					t.Fatal(err)
				}
			}
		}
		n++
	}
	if n != 19 {
		t.Errorf("%d letters, want 19", n)
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		f          Filter
		want, left int
	}{
		"all":       {Filter{}, 6, 0},
		"a route":   {Filter{Routes: []string{"jobs"}}, 3, 3},
		"a reason":  {Filter{Reasons: []job.Reason{job.NotFound}}, 3, 3},
		"an id":     {Filter{IDs: []string{"id-5"}}, 1, 5},
		"nothing":   {Filter{IDs: []string{"id-7"}}, 0, 6},
		"no letter": {Filter{Routes: []string{"other"}}, 0, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, s := shelf(t, 6)
			told := 0
			n, err := s.Purge(t.Context(), tt.f, func(n int) { told = n })
			if err != nil || n != tt.want || told != tt.want {
				t.Errorf("%d, told %d, want %d, %v", n, told, tt.want, err)
			}
			if left := len(listed(t, s, Filter{}, false)); left != tt.left {
				t.Errorf("%d are left, want %d", left, tt.left)
			}
		})
	}
}

// What a replay removed while the purge went on will be carried out: it is not
// told as purged.
func TestPurgeCountsWhatItRemovedItself(t *testing.T) {
	t.Parallel()
	_, s := shelf(t, 6)
	n, err := s.Purge(t.Context(), Filter{Reasons: []job.Reason{job.NotFound}}, func(n int) {
		if n > 1 {
			return
		}
		for place := range uint64(6) {
			if err := s.remove(t.Context(), place+1); err != nil {
				t.Error(err)
			}
		}
	})
	if n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
