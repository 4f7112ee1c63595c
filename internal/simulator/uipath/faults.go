package uipath

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
)

// ActiveFault is a fault at work.
type ActiveFault struct {
	fault   Fault
	owner   *Orchestrator
	removed chan struct{} // closed when it is taken away

	mu   sync.Mutex // guards the rest
	left int        // calls still to meet, -1: no end
	hits int
	rand *rand.Rand
}

// Hits is how many calls it has met.
func (a *ActiveFault) Hits() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hits
}

// Remove takes the fault away, and ends the waiting of the calls it has met.
func (a *ActiveFault) Remove() {
	a.owner.change(func(other *ActiveFault) bool { return other == a }, nil)
}

// faults is the list of what is at work, oldest first.
type faults struct {
	active atomic.Pointer[[]*ActiveFault] // never nil; the slice is not changed

	mu   sync.Mutex // guards writing, and seed
	seed uint64
}

func newFaults(seed uint64) *faults {
	f := &faults{seed: seed}
	f.active.Store(&[]*ActiveFault{})
	return f
}

// AddFault puts a fault to work beside the others. When it returns, a port that
// is to refuse connections does.
func (o *Orchestrator) AddFault(f Fault) *ActiveFault {
	return o.change(func(*ActiveFault) bool { return false }, &f)
}

// SetFault puts a fault to work in place of all others.
func (o *Orchestrator) SetFault(f Fault) *ActiveFault {
	return o.change(func(*ActiveFault) bool { return true }, &f)
}

// ClearFault takes all faults away. When it returns, shut ports are open again.
// Effects that are still to appear will.
func (o *Orchestrator) ClearFault() {
	o.change(func(*ActiveFault) bool { return true }, nil)
}

// change removes faults and adds one in a single step. added may be nil.
func (o *Orchestrator) change(remove func(*ActiveFault) bool, added *Fault) *ActiveFault {
	a := o.faults.swap(o, remove, added)
	o.reconcile()
	return a
}

func (f *faults) swap(o *Orchestrator, remove func(*ActiveFault) bool, added *Fault) *ActiveFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var active []*ActiveFault
	for _, a := range *f.active.Load() {
		if remove(a) {
			close(a.removed)
			continue
		}
		active = append(active, a)
	}
	var a *ActiveFault
	if added != nil {
		f.seed++
		a = &ActiveFault{fault: *added, owner: o, removed: make(chan struct{}), left: added.Calls, rand: rand.New(rand.NewPCG(f.seed, 0))}
		if a.left == 0 {
			a.left = -1
		}
		active = append(active, a)
	}
	f.active.Store(&active)
	return a
}

func (o *Orchestrator) reconcile() {
	o.api.Reconcile()
	o.identity.Reconcile()
}

// refusing reports whether a port is to refuse connections.
func (f *faults) refusing(identity bool) bool {
	return slices.ContainsFunc(*f.active.Load(), func(a *ActiveFault) bool {
		return a.fault.Kind == RefuseConnections && slices.ContainsFunc(a.fault.Operations, Operation.identity) == identity
	})
}

// meet bends a call by the faults that meet it, and gives the latencies and the
// fault that ends it, if there is one. Faults older than that one count, younger
// ones do not.
func (o *Orchestrator) meet(c *call) (latencies []*ActiveFault, end *ActiveFault) {
	for _, a := range *o.faults.active.Load() {
		if a.fault.Kind == RefuseConnections || !o.applies(&a.fault, c) || !a.take() {
			continue
		}
		switch a.fault.Kind {
		case LagLookUps:
			c.lens.lag = max(c.lens.lag, a.fault.Delay)
		case IgnoreFilter:
			c.lens.ignoreFilter = true
		case PartialJobs:
			c.lens.partial = true
		case FailItems:
			c.lens.failures = append(c.lens.failures, a)
		case NullOrdinals:
			c.lens.nullOrdinals = true
		case NoFailedItems:
			c.lens.noFailedItems = true
		case Latency:
			latencies = append(latencies, a)
		default:
			return latencies, a
		}
	}
	return latencies, nil
}

// applies reports whether a call is one of those that a fault is for.
func (o *Orchestrator) applies(f *Fault, c *call) bool {
	if len(f.Operations) == 0 && c.op.identity() || len(f.Operations) > 0 && !slices.Contains(f.Operations, c.op) {
		return false
	}
	if f.Folder != "" && !o.isIn(c, f.Folder) {
		return false
	}
	return f.Match == nil || slices.ContainsFunc(c.refs(), f.Match)
}

func (o *Orchestrator) isIn(c *call, path string) bool {
	o.tenant.mu.RLock()
	defer o.tenant.mu.RUnlock()
	f, missing := o.tenant.folderOf(c.header)
	return missing == nil && fold(f.Path) == fold(path)
}

// take decides whether a fault meets one more call.
func (a *ActiveFault) take() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left == 0 || a.fault.Probability > 0 && a.rand.Float64() >= a.fault.Probability {
		return false
	}
	if a.left > 0 {
		a.left--
	}
	a.hits++
	return true
}

// failing is the refusal that a fault has for an item, if one has.
func (c *call) failing(reference string) *refusal {
	for _, a := range c.lens.failures {
		f := &a.fault
		if f.Match != nil && !f.Match(reference) {
			continue
		}
		r := &refusal{status: f.Status, code: f.ErrorCode, name: f.ErrorName, message: f.Message}
		setDefault(&r.status, 400)
		setDefault(&r.name, "Unknown")
		setDefault(&r.message, r.name)
		return r
	}
	return nil
}
