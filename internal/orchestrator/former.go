package orchestrator

import (
	"context"
	"slices"
	"sync"
	"time"
)

// former has tries that wait for a call go together. It is safe for concurrent
// use.
type former struct {
	connection *Connection

	mu     sync.Mutex
	crowds map[crowdKey]*crowd // those of which anything waits or is under way
}

type crowdKey struct{ route, group string }

// crowd is the tries that may share a call. The former's lock guards it.
type crowd struct {
	key     crowdKey
	batch   Batch
	waiting []*member // in order of arrival
	bytes   int       // of those that wait
	callers []*caller // who wait for a turn to call, or linger
	calls   int       // under way
}

// member is a try on its way through a crowd. Its functions are called by the
// goroutine that brought it and waits, so that none delays or harms another's; or
// by the caller, where they need no time and nobody waits.
type member struct {
	ctx   context.Context
	try   *Try
	key   BatchKey
	since time.Time
	taken chan struct{} // closed when call is set

	// done is told what came of it; nil: a goroutine waits for that.
	done func(Result, error)

	former   *former // of a shared try
	crowd    *crowd  // likewise; the former's lock guards it
	call     *call
	begun    bool        // its Begin said yes; final once it has answered
	result   *Result     // set when the call is done
	panicked *PanicError // nil: nothing has
}

// do is [Connection.Do] for a try that may share its call.
func (f *former) do(ctx, hold context.Context, t *Try, key BatchKey) (Result, error) {
	if hold.Err() != nil {
		return Result{}, context.Cause(hold)
	}
	m := &member{ctx: ctx, try: t, key: key, since: time.Now(), taken: make(chan struct{})}
	c := f.enter(m)
	defer func() {
		if !m.begun { // also on a panic
			f.leave(c, m)
		}
	}()
	if err := f.await(hold, m); err != nil {
		return Result{}, err
	}
	if t.Begin != nil && !t.Begin(ctx, t) {
		return Result{}, ErrNotBegun
	}
	m.begun = true
	m.call.answers.Done()
	<-m.call.done
	if m.panicked != nil {
		panic(m.panicked.Value)
	}
	return *m.result, nil
}

// enter puts a try at the end of its crowd.
func (f *former) enter(m *member) *crowd {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.join(m)
}

// join needs the lock.
func (f *former) join(m *member) *crowd {
	key := crowdKey{m.try.Batch.Route, m.key.Group}
	c := f.crowds[key]
	if c == nil {
		c = &crowd{key: key, batch: m.try.Batch}
		if f.crowds == nil {
			f.crowds = map[crowdKey]*crowd{}
		}
		f.crowds[key] = c
	}
	m.crowd = c
	c.waiting = append(c.waiting, m)
	c.bytes += m.key.Size
	f.connection.gate.together.Add(1)
	f.call(c)
	return c
}

// await returns nil when the try was taken into a call. It tells the try that it
// is held while the gate is shut.
func (f *former) await(hold context.Context, m *member) error {
	for taken := false; !taken; {
		open, changed := f.connection.gate.watch()
		if !open && m.try.Held != nil {
			held := m.try.Held
			m.try.Held = nil
			held()
		}
		select {
		case <-m.taken:
			taken = true
		case <-changed:
		case <-hold.Done():
			return context.Cause(hold)
		}
	}
	if hold.Err() != nil { // both at the same moment
		return context.Cause(hold)
	}
	return nil
}

// leave takes a try out of its crowd, or out of the call that has taken it.
func (f *former) leave(c *crowd, m *member) {
	f.mu.Lock()
	i := slices.Index(c.waiting, m)
	var idle []*caller
	if i >= 0 {
		f.remove(c, i)
		idle = f.callOff(c)
		f.forget(c)
	}
	f.mu.Unlock()
	if i < 0 {
		m.call.leave()
	}
	waitFor(idle)
}

// remove needs the lock.
func (f *former) remove(c *crowd, i int) {
	c.bytes -= c.waiting[i].key.Size
	c.waiting = slices.Delete(c.waiting, i, i+1)
	f.connection.gate.together.Add(-1)
}

// call has as many callers ask for a turn as there shall be: one while few calls
// are under way, and one for each call that would be full. It needs the lock.
func (f *former) call(c *crowd) {
	full := max(len(c.waiting)/c.batch.Max, c.bytes/longestBatch)
	for len(c.callers) < full || len(c.callers) < c.loads() && len(c.callers)+c.calls < max(c.batch.Calls, 1) {
		a := &caller{former: f, crowd: c, since: c.waiting[0].since, full: make(chan struct{}), done: make(chan struct{})}
		// Not a member's context: it asks for whoever is there when its turn comes.
		a.ctx, a.cancel = context.WithCancel(context.Background())
		c.callers = append(c.callers, a)
		f.connection.gate.together.Add(-1)
		go a.run()
	}
	for _, a := range c.callers[:min(full, len(c.callers))] {
		a.hurry()
	}
}

// loads is how many calls it takes for all who wait. The lock is held.
func (c *crowd) loads() int {
	return max((len(c.waiting)+c.batch.Max-1)/c.batch.Max, (c.bytes+longestBatch-1)/longestBatch)
}

// callOff gives the callers that nobody is left for. It needs the lock.
func (f *former) callOff(c *crowd) (idle []*caller) {
	for n := len(c.callers); n > c.loads(); n-- {
		idle = append(idle, c.callers[n-1])
		f.dismiss(c, n-1)
	}
	for _, a := range idle {
		a.cancel()
	}
	return idle
}

// dismiss needs the lock.
func (f *former) dismiss(c *crowd, i int) {
	c.callers = slices.Delete(c.callers, i, i+1)
	f.connection.gate.together.Add(1)
}

// forget drops a crowd in which nothing goes on. It needs the lock.
func (f *former) forget(c *crowd) {
	if len(c.waiting)+len(c.callers)+c.calls == 0 {
		delete(f.crowds, c.key)
	}
}

// take puts those who come first into a call, as many as fit. There is none for
// a caller that was called off.
func (f *former) take(a *caller) (k *call, idle []*caller) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := a.crowd
	i := slices.Index(c.callers, a)
	if i < 0 {
		return nil, nil
	}
	f.dismiss(c, i)
	k = &call{batch: c.batch, done: make(chan struct{})}
	most := min(len(c.waiting), c.batch.Max)
	bytes, names, ids := 0, make(map[string]bool, most), make(map[string]bool, most)
	k.members = make([]*member, 0, most)
	c.waiting = slices.DeleteFunc(c.waiting, func(m *member) bool {
		full := len(k.members) > 0 && (len(k.members) >= c.batch.Max || bytes+m.key.Size > longestBatch)
		if full || names[m.key.Name] || ids[m.try.Request.ID] {
			return false
		}
		names[m.key.Name], ids[m.try.Request.ID] = m.key.Name != "", m.try.Request.ID != ""
		k.members = append(k.members, m)
		bytes += m.key.Size
		return true
	})
	c.bytes -= bytes
	f.connection.gate.together.Add(-int64(len(k.members)))
	c.calls++
	idle = f.callOff(c)
	f.call(c)
	k.take()
	return k, idle
}

// returned tells that a call has come to its end: others may go.
func (f *former) returned(c *crowd) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.calls--
	f.call(c)
	f.forget(c)
}
