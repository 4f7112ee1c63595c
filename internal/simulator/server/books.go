package server

import (
	"maps"
	"net/http"
	"slices"
	"sync"
)

// maxViolations bounds the list of violations; what comes after is counted only.
const maxViolations = 1000

// Counts is the sum of what happened so far.
type Counts struct {
	// Calls by operation and status; status 0 is a call that got no answer, or has
	// none yet if it is in Running.
	Calls map[Operation]map[int]int
	// Effects are the things made, by operation, late ones included. Nil: none yet.
	Effects map[Operation]int
	// Unauthorized are the answers with 401.
	Unauthorized int
	// Connections that were opened, and that are open now.
	Connections, OpenConnections int
	// Running are the calls that are under way now, Peak the most at once.
	Running, Peak int
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

// books is what happened so far. Nothing is done under its lock but writing it
// down.
type books struct {
	mu         sync.Mutex
	counts     Counts
	violations []string
	effects    []Effect
	last       map[Operation]http.Header
	log        []*Call // a ring of the latest, next is where the next one goes
	keep, next int
}

func newBooks(keep int) *books {
	return &books{
		counts: Counts{Calls: map[Operation]map[int]int{}},
		last:   map[Operation]http.Header{},
		keep:   keep,
	}
}

func (b *books) enter() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Running++
	b.counts.Peak = max(b.counts.Peak, b.counts.Running)
}

// open puts a call into the log where there is one.
func (b *books) open(c *Call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case len(b.log) < b.keep:
		b.log = append(b.log, c)
	case b.keep > 0:
		b.log[b.next] = c
		b.next = (b.next + 1) % b.keep
	}
}

// leave is called with the status that was answered, 0 for none.
func (b *books) leave(c *Call, status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	byStatus := b.counts.Calls[c.Operation]
	if byStatus == nil {
		byStatus = map[int]int{}
		b.counts.Calls[c.Operation] = byStatus
	}
	byStatus[status]++
	c.Status = status
	b.last[c.Operation] = c.Header
	b.counts.Running--
	if status == http.StatusUnauthorized {
		b.counts.Unauthorized++
	}
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
func (s *Server) Counts() Counts {
	opened, open := s.site.Connections()
	s.books.mu.Lock()
	defer s.books.mu.Unlock()
	sums := s.books.counts
	sums.Calls = make(map[Operation]map[int]int, len(sums.Calls))
	for op, byStatus := range s.books.counts.Calls {
		sums.Calls[op] = maps.Clone(byStatus)
	}
	sums.Effects = maps.Clone(sums.Effects)
	sums.Connections, sums.OpenConnections = opened, open
	return sums
}

// Violations are the things that a worker must never do, as a sentence each with
// the operation before it. At most 1,000 are kept.
func (s *Server) Violations() []string {
	s.books.mu.Lock()
	defer s.books.mu.Unlock()
	return slices.Clone(s.books.violations)
}

// Violate notes a violation that only the product can see.
func (s *Server) Violate(c *Call, what string) { s.books.violate(string(c.Operation) + ": " + what) }

// LastHeaders are the headers of the latest finished call of an operation, nil
// if there was none.
func (s *Server) LastHeaders(op Operation) http.Header {
	s.books.mu.Lock()
	defer s.books.mu.Unlock()
	return s.books.last[op].Clone()
}

// Calls are the calls that Settings.RecordCalls has room for, oldest first. They
// hold the secrets that were sent. Headers and bodies must not be changed.
func (s *Server) Calls() []Call {
	b := s.books
	b.mu.Lock()
	defer b.mu.Unlock()
	calls := make([]Call, 0, len(b.log))
	for i := range b.log {
		calls = append(calls, *b.log[(b.next+i)%len(b.log)])
	}
	return calls
}
