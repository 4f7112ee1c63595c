package admin

import "time"

// Readiness is the answer of /readyz.
type Readiness struct {
	// Ready is true once the worker can take messages: then the status is 200,
	// else 503. A shut gate, a tripped guard or a refused credential do not
	// change it, because a restart would not help.
	Ready bool `json:"ready"`
	// Problems are what someone should know, ready or not, the worst first.
	Problems []Problem `json:"problems"`
}

// Problem is one thing that is not as it should be.
type Problem struct {
	// What is at fault: "nats", "gate acme", "route invoices", "credential acme/1".
	What string `json:"what"`
	// Since when it has been so. Zero: it is not known, and left out.
	Since time.Time `json:"since,omitzero"`
	// For is how long that is, such as 12m30s. It follows from Since and need not
	// be set.
	For string `json:"for,omitempty"`
	// Reason is one word, as in the log.
	Reason string `json:"reason,omitempty"`
	// Detail is a sentence for a person. It holds no secret.
	Detail string `json:"detail,omitempty"`
	// Remedy is what to do about it.
	Remedy string `json:"remedy,omitempty"`
	// NextTry is when the worker tries by itself whether it is over. Zero: it is
	// not known, or at any moment; one that has passed is left out.
	NextTry time.Time `json:"next_try,omitzero"`
	// Waiting is how many messages wait because of it: those that this worker has in
	// hand, and those in the stream that were never delivered. What was put off for
	// a later try, and what other workers have in hand, is not in it. Nil: nobody
	// knows.
	Waiting *int `json:"waiting,omitempty"`
}

// printed is r as it is shown at the time now: the list is never null, the times
// are in UTC and to the second.
func (r Readiness) printed(now time.Time) Readiness {
	problems := make([]Problem, len(r.Problems))
	for i, p := range r.Problems {
		if !p.Since.IsZero() {
			p.For = Span(now.Sub(p.Since))
		}
		p.Since = p.Since.UTC().Truncate(time.Second)
		if p.NextTry.After(now) {
			p.NextTry = p.NextTry.UTC().Truncate(time.Second)
		} else {
			p.NextTry = time.Time{} // at any moment
		}
		problems[i] = p
	}
	r.Problems = problems
	return r
}

// Span is how long something lasts, for people: whole seconds, never negative,
// such as 12m30s.
func Span(d time.Duration) string { return max(d, 0).Truncate(time.Second).String() }
