package veeam

import (
	"slices"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// maxAttempts bounds the list of refused attempts; what comes after is counted only.
const maxAttempts = 1000

// library is the plans and what was done with them. What is done to a plan is done
// under one lock from its first look to its last change: so no plan runs twice at
// once, and none is seen between two states.
type library struct {
	mu       sync.Mutex // guards the rest
	plans    []*plan    // in the order of their making
	runs     []*Run     // in the order of their beginnings
	attempts []Attempt
	refused  map[Reason]int
}

func (l *library) add(p *plan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plans = append(l.plans, p)
}

// with calls a function with a plan as it is now, and reports whether there is
// such a plan. The lock is held.
func (l *library) with(id string, do func(p *plan, now time.Time)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, now := l.find(id), time.Now()
	if p == nil {
		return false
	}
	p.settle(now)
	do(p, now)
	return true
}

// each calls a function with every plan as it is now. The lock is held.
func (l *library) each(do func(p *plan, now time.Time)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.settle()
	for _, p := range l.plans {
		do(p, now)
	}
}

// settle brings every plan up to date. The lock is held, as in the ones below.
func (l *library) settle() time.Time {
	now := time.Now()
	for _, p := range l.plans {
		p.settle(now)
	}
	return now
}

func (l *library) find(id string) *plan {
	i := slices.IndexFunc(l.plans, func(p *plan) bool { return p.is(id) })
	if i < 0 {
		return nil
	}
	return l.plans[i]
}

// act carries an action out, or notes why not; "" is that it was. check is whether
// a readiness check follows a reset.
func (l *library) act(a Attempt, check bool) Reason {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.Time = time.Now()
	a.Why = l.carryOut(a, check)
	if a.Why != "" {
		l.note(a)
	}
	return a.Why
}

// deny notes an attempt of an account that may not act.
func (l *library) deny(a Attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.Time, a.Why = time.Now(), Denied
	l.note(a)
}

// byHand is act without a note of what was refused.
func (l *library) byHand(id string, name server.Operation) Reason {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.carryOut(Attempt{Plan: id, Action: name, Time: time.Now()}, false)
}

func (l *library) carryOut(a Attempt, check bool) Reason {
	p := l.find(a.Plan)
	if p == nil {
		return UnknownPlan
	}
	p.settle(a.Time)
	if why := p.refuses(a.Action); why != "" {
		return why
	}
	run := &Run{Plan: p.ID, Action: a.Action, Body: a.Body, Holder: a.Holder, Began: a.Time, Ended: a.Time, End: Finished}
	l.runs = append(l.runs, run)
	switch a.Action {
	case Enable:
		p.Disabled = false
	case Disable:
		p.Disabled = true
	case Halt:
		p.halt(a.Time)
	case ResetState:
		p.reset()
		if check {
			p.begin(run, ReadinessCheck)
		}
	case Continue:
		p.begin(run, p.resumes())
	default:
		p.begin(run, a.Action)
	}
	return ""
}

func (l *library) note(a Attempt) {
	if l.refused == nil {
		l.refused = map[Reason]int{}
	}
	l.refused[a.Why]++
	if len(l.attempts) < maxAttempts {
		l.attempts = append(l.attempts, a)
	}
}
