package veeam

import (
	"strings"
	"sync"
	"time"
)

// plansInHand has one request of this worker at a time work with a plan, and
// remembers whose the last call was. Other workers are kept apart by the plan's
// state alone. The zero value is empty. It is safe for concurrent use.
type plansInHand struct {
	mu   sync.Mutex
	busy map[string]bool
	last map[string]lastCall
}

// lastCall is the last call to a plan that was carried out, or may have been.
type lastCall struct {
	request string
	began   time.Time
}

// maxCalled bounds what is remembered. It is far more than a server has plans.
const maxCalled = 10_000

// enter reports false if another request works with the plan; it does not wait.
func (p *plansInHand) enter(id string) (leave func(), free bool) {
	id = strings.ToLower(id)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[id] {
		return nil, false
	}
	if p.busy == nil {
		p.busy, p.last = map[string]bool{}, map[string]lastCall{}
	}
	p.busy[id] = true
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.busy, id)
	}, true
}

// called notes a call.
func (p *plansInHand) called(id, request string, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil || len(p.last) >= maxCalled {
		p.last = map[string]lastCall{}
	}
	p.last[strings.ToLower(id)] = lastCall{request, began}
}

// others reports whether the last call to the plan was another request's, and came
// after that time: then how the plan is says nothing of this one.
func (p *plansInHand) others(id, request string, since time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, ok := p.last[strings.ToLower(id)]
	return ok && last.request != request && last.began.After(since)
}
