package broker

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/natstest"
)

// single is what is true of a server that is alone, and no fault of ours. It is
// told once, of the first stream.
var single = map[string]finding.Status{"stream JOBS/redundancy": finding.Warning}

// One cause is one warning, which names everything that it is true of; a server
// inside of a worker is not warned of at all.
func TestInspectTellsACauseOnce(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	mustEnsure(t, s.JetStream(t), sample())
	c := connect(t, Settings{URL: s.URL()})
	for _, f := range Inspect(t.Context(), c, sample(), Inspection{}) {
		others := " (also dead-letter stream JOBS_DEAD, ledger JOBS_LEDGER, outcomes stream JOBS_OUTCOME)"
		if f.Status != finding.OK && !strings.HasSuffix(f.Detail, others) {
			t.Errorf("%+v", f)
		}
	}
	wantBad(t, Inspect(t.Context(), c, sample(), Inspection{Embedded: true}), map[string]finding.Status{})
}

func TestInspectFindsNoFault(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	js := s.JetStream(t)
	mustEnsure(t, js, sample())
	found := Inspect(t.Context(), connect(t, Settings{URL: s.URL()}), sample(),
		Inspection{CallLimits: map[string]time.Duration{"alpha": 20 * time.Second, "beta": 5 * time.Second}})
	wantBad(t, found, single)
}

// wantBad compares the findings that are not ok, by subject and check.
func wantBad(t *testing.T, found []finding.Finding, want map[string]finding.Status) {
	t.Helper()
	got, seen := map[string]finding.Status{}, map[string]bool{}
	for _, f := range found {
		name := f.Subject + "/" + f.Check
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
		if strings.HasSuffix(f.Remedy, "..") || f.Remedy != "" && !strings.HasSuffix(f.Remedy, ".") {
			t.Errorf("%+v: the remedy is no sentence", f)
		}
		if f.Detail == "" || (f.Remedy == "") != (f.Status == finding.OK) {
			t.Errorf("%+v: a detail, and a remedy if and only if it is not ok", f)
		}
		if f.Status != finding.OK {
			got[name] = f.Status
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("not ok (-want +got):\n%s\n%+v", diff, found)
	}
}
