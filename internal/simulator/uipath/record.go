package uipath

import (
	"net/http"
	"time"
)

// Call is one acting call as it came, and what became of it.
type Call struct {
	Time      time.Time // when it had arrived
	Operation Operation
	Path      string
	Query     string // as it came
	Header    http.Header
	// Folder is the form in which the folder was named: encoded, path, key, id, or
	// nothing.
	Folder     string
	Body       []byte
	References []string // of its items, or of the start
	// Status that was answered, 0 for none or none yet.
	Status int
	// Committed tells that it has left something behind, perhaps later.
	Committed bool
}

// open begins the record of an acting call. It gives nil where none is kept.
func (b *books) open(c *call) *Call {
	if b.keep <= 0 || !c.route.acting {
		return nil
	}
	record := c.snapshot()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.log) < b.keep {
		b.log = append(b.log, record)
		return record
	}
	b.log[b.next] = record
	b.next = (b.next + 1) % b.keep
	return record
}

// Calls are the acting calls that Settings.RecordCalls has room for, oldest
// first. Headers, bodies and references must not be changed.
func (o *Orchestrator) Calls() []Call {
	b := o.books
	b.mu.Lock()
	defer b.mu.Unlock()
	calls := make([]Call, 0, len(b.log))
	for i := range b.log {
		calls = append(calls, *b.log[(b.next+i)%len(b.log)])
	}
	return calls
}
