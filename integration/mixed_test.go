package integration

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

var (
	seeds    = flag.Int("seeds", 1, "how many seeds TestMixedFaults runs with, from 1 on")
	requests = flag.Int("requests", 300, "how many requests TestMixedFaults makes with each seed")
)

// The times of the mixed runs: what is late and what lags comes before the
// worker believes that it will not come any more.
const (
	late   = 80 * time.Millisecond
	lag    = 80 * time.Millisecond
	settle = 600 * time.Millisecond
)

// Whatever happens to three calls out of ten, nothing is lost and nothing is
// made twice: neither where the orchestrator refuses what it has already, nor
// where it takes everything, as another queue and StartJobs do.
func TestMixedFaults(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= uint64(*seeds); seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			m := newMixed(t, seed, *requests, settle)
			m.usualFaults()
			m.play()
			b := m.balance()
			t.Logf("seed %d: %s", seed, b)
			for _, kind := range kinds {
				for _, wrong := range b[kind].lost {
					t.Errorf("%s: lost: %s", kind, wrong)
				}
				for _, wrong := range b[kind].twice {
					t.Errorf("%s: twice: %s", kind, wrong)
				}
			}
			if parked := b.parked(); parked > *requests/100 {
				t.Errorf("%d requests were parked: nobody could tell what became of them", parked)
			}
			if share := m.faultyShare(); share < 0.2 {
				t.Errorf("only %.0f %% of the calls met a fault", 100*share)
			}
			if v := m.uipath.Violations(); len(v) > 0 {
				t.Errorf("the orchestrator complains: %v", v)
			}
		})
	}
}

// What the documentation says of `settle` is so: an orchestrator that carries a
// call out later than that makes a job, or an item of a queue without unique
// references, twice. Only uniqueness at the target stands that.
func TestWhatIsLaterThanSettleIsMadeTwice(t *testing.T) {
	t.Parallel()
	const tooLate = 3 * time.Second
	m := newMixed(t, 1, 150, time.Millisecond)
	m.batch = 1       // so that many calls meet it
	m.failures = 1000 // a gate that shuts would give the orchestrator the time that settle does not
	m.uipath.AddFault(acting(uipath.Fault{Kind: uipath.Reset, Commit: uipath.CommitLate, CommitDelay: tooLate, Probability: 0.3}))
	// That jobs can be found by their reference is learnt from these.
	m.uipath.AddFault(acting(uipath.Fault{Kind: uipath.Drop, Commit: uipath.CommitFirst, Probability: 0.1}))
	m.play()
	time.Sleep(tooLate) // the last of the late ones
	b := m.balance()
	t.Logf("carried out later than settle: %s", b)
	for _, kind := range kinds {
		twice, lost := len(b[kind].twice), len(b[kind].lost)
		if lost > 0 {
			t.Errorf("%s: lost %d: %v", kind, lost, b[kind].lost)
		}
		if (twice > 0) == (kind == toUnique) {
			t.Errorf("%s: %d were made twice", kind, twice)
		}
	}
}

// Where no list ever shows a job's reference, that a job is not in the list
// tells nothing: what is in doubt is parked, never started again.
func TestJobsThatNobodyCanLookUpAreParked(t *testing.T) {
	t.Parallel()
	m := newMixedWith(t, uipath.Settings{Seed: 1, LookUpsPerMinute: -1, JobsKeepNoReference: true}, 90, settle)
	m.usualFaults()
	m.play()
	b := m.balance()
	t.Logf("without references of jobs: %s", b)
	for _, kind := range kinds {
		if len(b[kind].lost)+len(b[kind].twice) > 0 {
			t.Errorf("%s: lost %v, twice %v", kind, b[kind].lost, b[kind].twice)
		}
		if (b[kind].parked > 0) != (kind == toJobs) {
			t.Errorf("%s: %d were parked", kind, b[kind].parked)
		}
	}
}
