package retry

import (
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// Kind is what is done with a message.
type Kind int

// The dispositions. The zero value is the cautious one: nothing is settled, and
// the server delivers the message again when its ack wait has passed.
const (
	Leave Kind = iota
	Ack
	Nak
	Hold
	DeadLetter
)

var kindNames = [...]string{"leave", "ack", "nak", "hold", "dead_letter"}

// String is the name used in logs.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "invalid"
	}
	return kindNames[k]
}

// Disposition says what becomes of a message.
type Disposition struct {
	Kind   Kind
	Delay  time.Duration // of a Nak
	Reason job.Reason    // of a DeadLetter
	Counts bool          // the try counts as an attempt
}

// Attempt is what the decision needs to know of the tries so far.
type Attempt struct {
	Spent         int           // tries that counted before this one
	BusyFor       time.Duration // since the product first said "not now"; 0: this is the first time
	BreakerClosed bool          // the circuit stayed closed from the call to now
	Random        float64       // in [0, 1), for the spread of the delay
}

// Policy decides what becomes of a message. It is a value without state and
// safe for concurrent use.
type Policy struct {
	Settings
}

// Decide is the one place where an outcome becomes a disposition. Only a
// Rejected, a Deferred, and an Unknown under a closed circuit count as attempts:
// an outage never does.
func (p Policy) Decide(a Attempt, o job.Outcome) Disposition {
	switch o.Verdict {
	case job.Delivered, job.Duplicate, job.Dropped:
		return Disposition{Kind: Ack}
	case job.Rejected:
		return Disposition{Kind: DeadLetter, Reason: orElse(o.Reason, job.RejectedByTarget), Counts: true}
	case job.Unavailable:
		if o.Wait > 0 {
			return Disposition{Kind: Nak, Delay: o.Wait}
		}
		return Disposition{Kind: Hold}
	case job.Busy:
		return p.busy(a)
	case job.Deferred:
		return p.again(a, o, true)
	case job.Unknown:
		if o.Reason == job.UnknownOutcome {
			return Disposition{Kind: DeadLetter, Reason: job.UnknownOutcome}
		}
		return p.again(a, o, a.BreakerClosed)
	default:
		return Disposition{}
	}
}

// busy waits as long as it has waited so far, which doubles the wait each time.
func (p Policy) busy(a Attempt) Disposition {
	if a.BusyFor > 0 && a.BusyFor >= p.BusyFor {
		return Disposition{Kind: DeadLetter, Reason: job.BusyTooLong}
	}
	nominal := min(max(a.BusyFor, p.First), p.Max)
	return Disposition{Kind: Nak, Delay: min(Spread(nominal, a.Random), p.Max)}
}

func (p Policy) again(a Attempt, o job.Outcome, counts bool) Disposition {
	spent := a.Spent
	if counts {
		spent++
	}
	if counts && spent >= p.Attempts {
		return Disposition{Kind: DeadLetter, Reason: exhausted(o.Reason), Counts: true}
	}
	return Disposition{Kind: Nak, Delay: Backoff(p.First, p.Max, spent, a.Random), Counts: counts}
}

// exhausted names the dead letter after the last attempt: by what kept failing,
// where that has a name of its own.
func exhausted(last job.Reason) job.Reason {
	if last == job.Forbidden || last == job.Panicked {
		return last
	}
	return job.AttemptsExhausted
}

func orElse(r, otherwise job.Reason) job.Reason {
	if r == "" {
		return otherwise
	}
	return r
}
