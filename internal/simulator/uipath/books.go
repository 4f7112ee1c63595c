package uipath

import (
	"maps"
	"net/http"
	"slices"
	"sync"
)

// maxViolations bounds the list of violations; what comes after is counted only.
const maxViolations = 1000

// books is what happened so far. Nothing is done under its lock but writing it
// down.
type books struct {
	mu         sync.Mutex
	counts     Counts
	acting     int
	running    int
	violations []string
	last       map[Operation]http.Header
	log        []*Call // a ring of the latest, next is where the next one goes
	keep, next int
}

// Counts is the sum of what happened so far.
type Counts struct {
	// Calls by operation and status; status 0 is a call that got no answer, or
	// has none yet if it is in Running.
	Calls map[Operation]map[int]int
	// Effects are the items and jobs made, by operation, late ones included.
	Effects map[Operation]int
	// LogIns that were answered with a token, and RefusedLogIns that were judged and
	// refused, legacy ones included. What a fault did to a log-in is in Calls.
	LogIns, RefusedLogIns int
	// LogOuts are the revocations that ended a token, LiveTokens the tokens that
	// work now.
	LogOuts, LiveTokens int
	// Unauthorized are the answers of the API with 401.
	Unauthorized int
	// Connections that were opened to the API and to the identity server.
	Connections, IdentityConnections int
	// OpenConnections to the API now.
	OpenConnections int
	// Running are the calls of the API that are under way now.
	Running int
	// Peak is the most calls of the API that were under way at once since
	// ResetPeak; PeakActing counts the acting ones alone.
	Peak, PeakActing int
	// Violations seen, also those beyond what the list holds.
	Violations int
}

// Total is how many calls of an operation there were, whatever the status.
func (c Counts) Total(op Operation) int {
	total := 0
	for _, n := range c.Calls[op] {
		total += n
	}
	return total
}

func newBooks(keep int) *books {
	return &books{
		counts: Counts{Calls: map[Operation]map[int]int{}, Effects: map[Operation]int{}},
		last:   map[Operation]http.Header{},
		keep:   keep,
	}
}

func (b *books) enter(c *call) {
	if c.op.identity() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running++
	b.counts.Peak = max(b.counts.Peak, b.running)
	if c.route.acting {
		b.acting++
		b.counts.PeakActing = max(b.counts.PeakActing, b.acting)
	}
}

// leave is called with the status that was answered, 0 for none.
func (b *books) leave(c *call, status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	byStatus := b.counts.Calls[c.op]
	if byStatus == nil {
		byStatus = map[int]int{}
		b.counts.Calls[c.op] = byStatus
	}
	byStatus[status]++
	b.last[c.op] = c.header
	if c.record != nil {
		c.record.Status = status
	}
	if c.op.identity() {
		return
	}
	b.running--
	if c.route.acting {
		b.acting--
	}
	if status == http.StatusUnauthorized {
		b.counts.Unauthorized++
	}
}

// effect writes down what a call has made.
func (b *books) effect(c *call) {
	if c.effects == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Effects[c.op] += c.effects
	if c.record != nil {
		c.record.Committed = true
	}
}

func (b *books) countLogIn(granted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if granted {
		b.counts.LogIns++
	} else {
		b.counts.RefusedLogIns++
	}
}

func (b *books) countLogOut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.LogOuts++
}

func (b *books) violate(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Violations++
	if len(b.violations) < maxViolations {
		b.violations = append(b.violations, what)
	}
}

// Counts gives a copy of the sums.
func (o *Orchestrator) Counts() Counts {
	opened, open := o.api.Connections()
	identity, _ := o.identity.Connections()
	live := o.tokens.live()
	o.books.mu.Lock()
	defer o.books.mu.Unlock()
	sums := o.books.counts
	sums.Calls = make(map[Operation]map[int]int, len(sums.Calls))
	for op, byStatus := range o.books.counts.Calls {
		sums.Calls[op] = maps.Clone(byStatus)
	}
	sums.Effects = maps.Clone(sums.Effects)
	sums.Connections, sums.OpenConnections, sums.IdentityConnections = opened, open, identity
	sums.Running = o.books.running
	sums.LiveTokens = live
	return sums
}

// ResetPeak begins the search for the peaks anew, from what is under way now.
func (o *Orchestrator) ResetPeak() {
	o.books.mu.Lock()
	defer o.books.mu.Unlock()
	o.books.counts.Peak, o.books.counts.PeakActing = o.books.running, o.books.acting
}

// Violations are the things that a worker must never do, as a sentence each with
// the operation before it: an idempotency key, Source, a query option that the
// operation does not know, no User-Agent, a secret in the URL, several folder
// headers, a plus sign in a query. At most 1,000 are kept.
func (o *Orchestrator) Violations() []string {
	o.books.mu.Lock()
	defer o.books.mu.Unlock()
	return slices.Clone(o.books.violations)
}

// LastHeaders are the headers of the latest finished call of an operation, nil
// if there was none.
func (o *Orchestrator) LastHeaders(op Operation) http.Header {
	o.books.mu.Lock()
	defer o.books.mu.Unlock()
	return o.books.last[op].Clone()
}
