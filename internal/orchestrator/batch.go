package orchestrator

import (
	"context"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// Batcher is what a connector has besides whose API takes several requests with
// one call.
type Batcher interface {
	// BatchKey says with which others a request may share a call. It reports false
	// for one that has to go in a call of its own.
	BatchKey(*job.Request) (BatchKey, bool)
	// SubmitBatch makes one try of each request, two at least and of one group,
	// and says of each what became of it. It makes at most one call that acts,
	// and never sleeps. A result that is missing is an Unknown.
	SubmitBatch(context.Context, []*Try) []Result
}

// BatchKey is what decides about a request's company.
type BatchKey struct {
	// Group is the same for requests that may share a call.
	Group string
	// Name is what the product tells requests apart by: no two of one name go in
	// one call. Empty: it has none.
	Name string
	// Size is about how many bytes the request adds to the body.
	Size int
}

// Batch is what a route allows of calls for several requests. The zero value
// allows none.
type Batch struct {
	Route string
	// Max is how many requests may go in one call; less than 2: one.
	Max int
	// Linger is how long a request waits for others before it asks for its turn.
	// 0: not at all; those go together that have to wait anyway.
	Linger time.Duration
	// More, if set, tells whether more requests are about to come: while they are,
	// one waits for them a moment, whatever Linger says. It must be quick.
	More func() bool
	// Calls is how many calls of one group may be under way before requests wait
	// until they fill one; at least 1.
	Calls int
	// Sent, if set, is told right before each call of how many requests it is. It
	// must be quick.
	Sent func(requests int)
}

// moment is how long a request waits for those that are about to come, and glance
// how often it looks whether they still are.
const (
	moment = 10 * time.Millisecond
	glance = time.Millisecond
)

// longestBatch bounds the body of a call for several requests, in bytes. No
// product names a limit; servers and proxies have one of some megabytes.
const longestBatch = 1_000_000

// batchKey reports whether a try may share its call. One that may have been
// carried out before goes alone: what it takes to find that out concerns nobody
// else, and what made the earlier call fail may be the request itself.
func (c *Connection) batchKey(t *Try) (BatchKey, bool) {
	batcher, ok := c.Connector.(Batcher)
	if !ok || t.Batch.Max < 2 || t.Again {
		return BatchKey{}, false
	}
	return batcher.BatchKey(t.Request)
}

// Apart is the result of a try that was certainly not carried out with the
// others, and goes alone next: see [Result.Singly].
func Apart(h Health) Result {
	return Result{Singly: true, Health: h, Outcome: job.Outcome{Verdict: job.Unavailable, Detail: "it goes in a call of its own next"}}
}

// worst is the result that tells the most of the orchestrator's troubles.
func worst(all []Result) (w Result) {
	for _, r := range all {
		if r.Health > w.Health {
			w = r
		}
	}
	return w
}
