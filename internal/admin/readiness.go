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
	// Reason is one word, as in the log.
	Reason string `json:"reason,omitempty"`
	// Detail is a sentence for a person. It holds no secret.
	Detail string `json:"detail,omitempty"`
}

// printed is r as it is shown: the list is never null, the times are in UTC and
// to the second.
func (r Readiness) printed() Readiness {
	problems := make([]Problem, len(r.Problems))
	for i, p := range r.Problems {
		p.Since = p.Since.UTC().Truncate(time.Second)
		problems[i] = p
	}
	r.Problems = problems
	return r
}
