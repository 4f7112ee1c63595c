package job

import (
	"encoding/json"
	"time"
)

// Action is what a request asks an orchestrator to do. The zero value asks for
// nothing and is never valid in a decoded request.
type Action string

// The two actions. Not every product has both.
const (
	AddQueueItem Action = "add_queue_item"
	StartJob     Action = "start_job"
)

// Valid reports whether a is one of the two actions.
func (a Action) Valid() bool { return a == AddQueueItem || a == StartJob }

// Priority is the importance of a queue item or a job. The zero value leaves
// the choice to the product's own default.
type Priority string

// The priorities that every product understands.
const (
	Low    Priority = "low"
	Normal Priority = "normal"
	High   Priority = "high"
)

// Valid reports whether p is one of the three priorities; the zero value is not.
func (p Priority) Valid() bool { return p == Low || p == Normal || p == High }

// Fields is a JSON object whose values are kept as they were written, so that
// 12.50 stays 12.50 and a large integer loses no digit. Nil is an empty object.
type Fields map[string]json.RawMessage

// Size is about how many bytes names and values have together.
func (f Fields) Size() (n int) {
	for name, value := range f {
		n += len(name) + len(value)
	}
	return n
}

// Request is one job request, decoded, bounded by its route and complete. It is
// read only once it is built and may be shared between goroutines.
type Request struct {
	// ID identifies the request for ever: equal ids are the same request, and
	// it never changes between attempts. Never empty.
	ID string
	// Action is what to do. Always valid.
	Action Action
	// Folder is the product's folder, in the product's own notation; empty
	// where none was given.
	Folder string
	// FolderFromRoute tells that Folder was set by the route (fixed or
	// defaults), not by the publisher: a folder that is refused is then the
	// operator's fault, and holds the route. Of a product without folders it tells
	// so of the queue or process.
	FolderFromRoute bool
	// Queue is the name of the queue; empty unless Action is AddQueueItem.
	Queue string
	// Process is the process, bot or plan; empty unless Action is StartJob.
	Process string
	// Reference is the business key under which the product stores the effect:
	// 1 to 128 UTF-16 units without control characters. Never empty.
	Reference string
	// ReferenceColumn is the field of the content that bears Reference, on a
	// product that has no other place for it; empty: none. It is the route's, and
	// no part of what makes the request the one that it is.
	ReferenceColumn string
	// Priority is optional; the zero value is the product's default.
	Priority Priority
	// DeferUntil and DueBy are in UTC; the zero value means not set.
	DeferUntil, DueBy time.Time
	// Content is the queue item's data.
	Content Fields
	// Arguments is the job's input.
	Arguments Fields
	// Options are product-specific settings under the API's own names.
	Options Fields
}
