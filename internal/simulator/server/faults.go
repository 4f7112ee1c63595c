package server

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// ActiveFault is a fault at work.
type ActiveFault struct {
	fault   Fault
	owner   *Server
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
	mu     sync.RWMutex
	active []*ActiveFault // never changed in place
	seed   uint64
}

// AddFault puts a fault to work beside the others. When it returns, a port that
// is to refuse connections does.
func (s *Server) AddFault(f Fault) *ActiveFault {
	return s.change(func(*ActiveFault) bool { return false }, &f)
}

// SetFault puts a fault to work in place of all others.
func (s *Server) SetFault(f Fault) *ActiveFault {
	return s.change(func(*ActiveFault) bool { return true }, &f)
}

// ClearFault takes all faults away. When it returns, a shut port is open again.
// Effects that are still to appear will.
func (s *Server) ClearFault() {
	s.change(func(*ActiveFault) bool { return true }, nil)
}

// change removes faults and adds one in a single step. added may be nil.
func (s *Server) change(remove func(*ActiveFault) bool, added *Fault) *ActiveFault {
	a := s.faults.swap(s, remove, added)
	s.site.Reconcile()
	return a
}

func (f *faults) swap(owner *Server, remove func(*ActiveFault) bool, added *Fault) *ActiveFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var active []*ActiveFault
	for _, a := range f.active {
		if remove(a) {
			close(a.removed)
			continue
		}
		active = append(active, a)
	}
	f.active = active
	if added == nil {
		return nil
	}
	f.seed++
	a := &ActiveFault{
		fault: *added, owner: owner, removed: make(chan struct{}), left: added.Calls,
		rand: rand.New(rand.NewPCG(f.seed, 0)),
	}
	if a.left == 0 {
		a.left = -1
	}
	f.active = append(f.active, a)
	return a
}

func (f *faults) all() []*ActiveFault {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return slices.Clone(f.active)
}

// refusing reports whether the port is to refuse connections.
func (f *faults) refusing() bool {
	return slices.ContainsFunc(f.all(), func(a *ActiveFault) bool { return a.fault.Kind == RefuseConnections })
}

// meet bends a call, and gives the latencies that it meets and the fault that
// ends it, if there is one. Faults older than that one count, younger ones do not.
func (f *faults) meet(c *Call) (latencies []*ActiveFault, end *ActiveFault) {
	for _, a := range f.all() {
		if a.fault.Kind == RefuseConnections || !a.fault.applies(c) || !a.take() {
			continue
		}
		switch {
		case a.fault.Kind >= LagLookUps:
			c.bend(&a.fault)
		case a.fault.Kind == Latency:
			latencies = append(latencies, a)
		default:
			return latencies, a
		}
	}
	return latencies, nil
}

func (f *Fault) applies(c *Call) bool {
	return (len(f.Operations) == 0 || slices.Contains(f.Operations, c.Operation)) && (f.Match == nil || f.Match(c))
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
