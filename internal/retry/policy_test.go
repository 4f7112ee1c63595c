package retry

import (
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

var policy = Policy{Settings{Attempts: 3, First: time.Second, Max: time.Minute, BusyFor: time.Hour}}

func TestDecide(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		attempt Attempt
		outcome job.Outcome
		want    Disposition
	}{
		"delivered": {outcome: job.Outcome{Verdict: job.Delivered}, want: Disposition{Kind: Ack}},
		"duplicate": {outcome: job.Outcome{Verdict: job.Duplicate}, want: Disposition{Kind: Ack}},
		"dropped":   {outcome: job.Outcome{Verdict: job.Dropped}, want: Disposition{Kind: Ack}},
		"rejected":  {outcome: job.Reject(job.NotFound, ""), want: Disposition{Kind: DeadLetter, Reason: job.NotFound, Counts: true}},
		"rejected for no reason": {
			outcome: job.Outcome{Verdict: job.Rejected}, want: Disposition{Kind: DeadLetter, Reason: job.RejectedByTarget, Counts: true},
		},
		"unavailable": {outcome: job.Outcome{Verdict: job.Unavailable}, want: Disposition{Kind: Hold}},
		"unavailable after the last attempt": {
			attempt: Attempt{Spent: 99, BreakerClosed: true}, outcome: job.Outcome{Verdict: job.Unavailable}, want: Disposition{Kind: Hold},
		},
		"deferred, first": {outcome: job.Outcome{Verdict: job.Deferred}, want: Disposition{Kind: Nak, Delay: time.Second, Counts: true}},
		"deferred, second": {
			attempt: Attempt{Spent: 1}, outcome: job.Outcome{Verdict: job.Deferred}, want: Disposition{Kind: Nak, Delay: 2 * time.Second, Counts: true},
		},
		"deferred, last": {
			attempt: Attempt{Spent: 2}, outcome: job.Outcome{Verdict: job.Deferred}, want: Disposition{Kind: DeadLetter, Reason: job.AttemptsExhausted, Counts: true},
		},
		"forbidden, last": {
			attempt: Attempt{Spent: 2}, outcome: job.Outcome{Verdict: job.Deferred, Reason: job.Forbidden}, want: Disposition{Kind: DeadLetter, Reason: job.Forbidden, Counts: true},
		},
		"panic, last": {
			attempt: Attempt{Spent: 2}, outcome: job.Outcome{Verdict: job.Deferred, Reason: job.Panicked}, want: Disposition{Kind: DeadLetter, Reason: job.Panicked, Counts: true},
		},
		"unknown while all is well": {
			attempt: Attempt{BreakerClosed: true}, want: Disposition{Kind: Nak, Delay: time.Second, Counts: true},
		},
		"unknown in an outage": {attempt: Attempt{Spent: 2}, want: Disposition{Kind: Nak, Delay: 2 * time.Second}},
		"unknown, last": {
			attempt: Attempt{Spent: 2, BreakerClosed: true}, want: Disposition{Kind: DeadLetter, Reason: job.AttemptsExhausted, Counts: true},
		},
		"nobody can tell": {
			outcome: job.Outcome{Reason: job.UnknownOutcome}, want: Disposition{Kind: DeadLetter, Reason: job.UnknownOutcome},
		},
		"busy, first":      {outcome: job.Outcome{Verdict: job.Busy}, want: Disposition{Kind: Nak, Delay: time.Second}},
		"busy for a while": {attempt: Attempt{BusyFor: 10 * time.Second}, outcome: job.Outcome{Verdict: job.Busy}, want: Disposition{Kind: Nak, Delay: 10 * time.Second}},
		"busy for long":    {attempt: Attempt{BusyFor: 59 * time.Minute}, outcome: job.Outcome{Verdict: job.Busy}, want: Disposition{Kind: Nak, Delay: time.Minute}},
		"busy too long":    {attempt: Attempt{BusyFor: time.Hour}, outcome: job.Outcome{Verdict: job.Busy}, want: Disposition{Kind: DeadLetter, Reason: job.BusyTooLong}},
		"no such verdict":  {outcome: job.Outcome{Verdict: 99}, want: Disposition{Kind: Leave}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.attempt.Random = 0.5
			if got := policy.Decide(c.attempt, c.outcome); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// An outage spends no attempt, whatever comes of a call, and however often.
func TestDecideSpendsNothingInAnOutage(t *testing.T) {
	t.Parallel()
	for _, verdict := range []job.Verdict{job.Unknown, job.Unavailable} {
		for spent := range 20 {
			got := policy.Decide(Attempt{Spent: spent, Random: 0.5}, job.Outcome{Verdict: verdict})
			if got.Counts || got.Kind == DeadLetter || got.Kind == Ack {
				t.Fatalf("%v after %d attempts: %+v", verdict, spent, got)
			}
		}
	}
}
