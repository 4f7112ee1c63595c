package lookup

import (
	"hash/maphash"
	"strings"
	"sync"

	"github.com/queueferry/queueferry/internal/job"
)

// Owners remembers to which request each job, or item, belongs: which one was
// answered with it, or found it. Two requests of one reference are not taken for
// each other then. The zero value is empty. It is safe for concurrent use.
type Owners struct {
	mu     sync.Mutex
	of     map[digest]digest // of the request's id, by that of a name of what it owns
	order  []digest          // of the names; once it is full, a ring
	oldest int               // in the ring
}

// digest stands for a text, of which it takes a fraction of the memory. Two texts
// have the same one once in 10¹⁹ times, and nobody can choose them so: the seed is
// the process's own. An item would then be taken for another request's, and its
// own be sent again after a lost answer.
type digest uint64

var seed = maphash.MakeSeed()

func digestOf(text string) digest { return digest(maphash.String(seed, text)) }

// maxOwners bounds what is remembered.
const maxOwners = 65_536

// Named is what can be owned. It has a name, or several: the first is remembered.
type Named interface{ Names() []string }

// NamesOf are the names of what a receipt is of.
func NamesOf(r job.Receipt) []string {
	names := make([]string, 0, 2)
	for _, name := range [...]string{r.ID, strings.ToLower(r.Key)} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Take notes that all belong to a request, unless one belongs to another.
func Take[T Named](o *Owners, request string, all ...T) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := digestOf(request)
	firsts := make([]digest, 0, 1)
	for _, one := range all {
		names := one.Names()
		if o.others(id, names) {
			return false
		}
		if len(names) > 0 {
			firsts = append(firsts, digestOf(names[0]))
		}
	}
	for _, first := range firsts {
		o.own(id, first)
	}
	return true
}

// NotOfOthers leaves out what belongs to another request.
func NotOfOthers[T Named](o *Owners, request string, all []T) (left []T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := digestOf(request)
	for _, one := range all {
		if !o.others(id, one.Names()) {
			left = append(left, one)
		}
	}
	return left
}

// others needs the lock.
func (o *Owners) others(request digest, names []string) bool {
	for _, name := range names {
		if owner, ok := o.of[digestOf(name)]; ok && owner != request {
			return true
		}
	}
	return false
}

// own needs the lock.
func (o *Owners) own(request, name digest) {
	if _, ok := o.of[name]; ok {
		return
	}
	if o.of == nil {
		o.of = map[digest]digest{}
	}
	o.of[name] = request
	if len(o.order) < maxOwners {
		o.order = append(o.order, name)
		return
	}
	delete(o.of, o.order[o.oldest])
	o.order[o.oldest] = name
	o.oldest = (o.oldest + 1) % maxOwners
}
