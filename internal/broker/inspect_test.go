package broker

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/natstest"
)

// single is what is true of a server that is alone, and no fault of ours.
var single = map[string]finding.Status{
	"stream JOBS/redundancy":                  finding.Warning,
	"dead-letter stream JOBS_DEAD/redundancy": finding.Warning,
	"outcomes stream JOBS_OUTCOME/redundancy": finding.Warning,
	"ledger JOBS_LEDGER/redundancy":           finding.Warning,
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
