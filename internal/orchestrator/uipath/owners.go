package uipath

import (
	"strings"
	"sync"

	"github.com/queueferry/queueferry/internal/job"
)

// owners remembers to which request each job, or item, belongs: which one was
// answered with it, or found it. Two requests of one reference are not taken for
// each other then. The zero value is empty. It is safe for concurrent use.
type owners struct {
	mu    sync.Mutex
	of    map[string]string // the id of the request, by a name of what it owns
	order []string          // of the names, oldest first
}

// maxOwners bounds what is remembered.
const maxOwners = 65_536

// named is what can be owned. It has a name, or several: the first is remembered.
type named interface{ names() []string }

// namesOf are the names of what a receipt is of.
func namesOf(r job.Receipt) (names []string) {
	for _, name := range [...]string{r.ID, strings.ToLower(r.Key)} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// take notes that all belong to a request, unless one belongs to another.
func take[T named](o *owners, request string, all ...T) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, one := range all {
		if o.others(request, one.names()) {
			return false
		}
	}
	for _, one := range all {
		if names := one.names(); len(names) > 0 {
			o.own(request, names[0])
		}
	}
	return true
}

// notOfOthers leaves out what belongs to another request.
func notOfOthers[T named](o *owners, request string, all []T) (left []T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, one := range all {
		if !o.others(request, one.names()) {
			left = append(left, one)
		}
	}
	return left
}

// others needs the lock.
func (o *owners) others(request string, names []string) bool {
	for _, name := range names {
		if owner, ok := o.of[name]; ok && owner != request {
			return true
		}
	}
	return false
}

// own needs the lock.
func (o *owners) own(request, name string) {
	if _, ok := o.of[name]; ok {
		return
	}
	if o.of == nil {
		o.of = map[string]string{}
	}
	o.of[name] = request
	if o.order = append(o.order, name); len(o.order) > maxOwners {
		delete(o.of, o.order[0])
		o.order = o.order[1:]
	}
}
