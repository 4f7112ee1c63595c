package integration

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// onceEach checks that each of n requests has one job.
func (r *rig) onceEach(n int) {
	r.t.Helper()
	for i := range n {
		if id := fmt.Sprintf("inv-%d", i); r.jobsOf(id) != 1 {
			r.t.Errorf("%d jobs of %s", r.jobsOf(id), id)
		}
	}
}

// Many starts whose answers are lost at once need few look-ups, and each ends as
// one job: those that were made are found, the others are made again.
func TestManyLostStartsNeedFewLookUps(t *testing.T) {
	t.Parallel()
	r := newJobRig(t)
	w := r.startJobs(settings{connection: doubting + "\nmax_concurrent: 64\nlook_ups_per_minute: 100", route: quickly + "\nmax_in_flight: 512"})
	r.publish(jobRequest("proof"))
	r.settledAll()
	const n = 200
	fault := uipath.CommitThenDrop(uipath.StartJobs)
	r.uipath.AddFault(times(fault, n/2))
	fault.Commit = uipath.NoCommit
	r.uipath.AddFault(times(fault, n/2))
	r.publishEach("inv", n, jobRequest)
	r.settledAll()
	w.end()
	r.noDeadLetters()
	r.onceEach(n)
	counts := r.uipath.Counts()
	got := counts.Total(uipath.ListJobs)
	if got < n/18 || got > 60 || counts.Calls[uipath.ListJobs][http.StatusTooManyRequests] > 0 {
		t.Errorf("%d look-ups: %v", got, counts.Calls[uipath.ListJobs])
	}
	t.Logf("%d look-ups", got)
}

// Where the API asks for fewer look-ups, all wait and none is lost or made twice.
func TestManyLostStartsMeetAThrottle(t *testing.T) {
	t.Parallel()
	r := newJobRig(t)
	w := r.startJobs(settings{connection: doubting + "\nmax_concurrent: 64\nlook_ups_per_minute: 600", route: quickly + "\nmax_in_flight: 512"})
	r.publish(jobRequest("proof"))
	r.settledAll()
	const n = 60
	throttled := r.uipath.AddFault(times(uipath.Throttled("2", uipath.ListJobs), 1))
	r.uipath.AddFault(times(uipath.CommitThenDrop(uipath.StartJobs), n))
	r.publishEach("inv", n, jobRequest)
	r.settledAll()
	w.end()
	r.noDeadLetters()
	r.onceEach(n)
	if throttled.Hits() != 1 || w.settledAs("unavailable", "look_ups_limited") == 0 {
		t.Errorf("throttled %d times", throttled.Hits())
	}
	if shut := w.log.events("gate.changed"); len(shut) > 0 {
		t.Errorf("the gate was shut: %v", shut)
	}
}
