package orchestrator

import (
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// LookUp is what a look-up found of one request.
type LookUp string

// The results of a look-up.
const (
	Found   LookUp = "found"
	Absent  LookUp = "absent"  // it is certainly not there
	Unclear LookUp = "unclear" // the answer does not tell
	Failed  LookUp = "failed"  // there was no answer
)

// Later is the result of a try that made no call and shall be made again after
// wait, or soon.
func Later(reason job.Reason, wait time.Duration, detail string) Result {
	return Result{Outcome: job.Outcome{
		Verdict: job.Unavailable, Reason: reason, Detail: detail, Wait: max(wait, time.Millisecond),
	}}
}

// Settling is how long it is still too early to believe that what may have been
// carried out was not: settle is how late the product may still carry it out. It
// is 0 or less where it is not.
func (t Try) Settling(settle time.Duration) time.Duration {
	return time.Until(t.UnknownSince.Add(settle))
}
