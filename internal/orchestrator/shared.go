package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// ErrAlone is the error of a shared try that has to wait longer than for its
// turn, and needs a goroutine for that: no call was made, and [Connection.Do] is
// to be asked.
var ErrAlone = errors.New("orchestrator: the try has to wait by itself")

// PanicError is the error of a shared try whose own function panicked, or the
// connector in its call.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("orchestrator: panic: %v", e.Value) }

// caught takes what recover returned; nil: nothing.
func caught(value any) *PanicError {
	if value == nil {
		return nil
	}
	return &PanicError{value, debug.Stack()}
}

// Shared is a try that waits for its turn, or for the end of its call. It is
// safe for concurrent use.
type Shared struct {
	member
	own Try
}

// Share has a try wait for its turn, and go with others, without a goroutine:
// done is called once, with what [Connection.Do] would return, or with a
// [*PanicError] or [ErrAlone]. It is the goroutine that made the call for all
// which calls it, and the try's own functions: neither may wait for anything. The
// try's Held is not called. Nil is returned, and nothing is done, for a try that
// shares no call, and while the gate is shut.
func (c *Connection) Share(ctx context.Context, t Try, done func(Result, error)) *Shared {
	key, ok := c.batchKey(&t)
	if open, _ := c.gate.watch(); !ok || !open {
		return nil
	}
	s := &Shared{own: t, member: member{ctx: ctx, key: key, since: time.Now(), done: done, former: &c.former}}
	s.try = &s.own
	c.former.enter(&s.member)
	return s
}

// Excuse ends the wait of a try whose turn has not come: it ends with [ErrAlone].
func (s *Shared) Excuse() {
	f, m := s.former, &s.member
	f.mu.Lock()
	c := m.crowd
	i := slices.Index(c.waiting, m)
	if i < 0 { // it has been taken, or excused
		f.mu.Unlock()
		return
	}
	f.remove(c, i)
	idle := f.callOff(c)
	f.forget(c)
	f.mu.Unlock()
	waitFor(idle)
	m.done(Result{}, ErrAlone)
}

// excuseAll sends all away for whom nobody waits: the gate is shut. It may be
// one of the crowd's own callers that calls it.
func (f *former) excuseAll(c *crowd) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var excused []*member
	c.waiting = slices.DeleteFunc(c.waiting, func(m *member) bool {
		if m.done == nil {
			return false
		}
		excused = append(excused, m)
		c.bytes -= m.key.Size
		return true
	})
	f.connection.gate.together.Add(-int64(len(excused)))
	f.callOff(c)
	f.forget(c)
	for _, m := range excused {
		go m.done(Result{}, ErrAlone)
	}
}

// begin asks a shared try whether the call shall be made for it.
func (m *member) begin() {
	defer func() {
		m.panicked = caught(recover())
		if !m.begun {
			m.call.left.Add(1)
		}
		m.call.answers.Done()
	}()
	m.begun = m.try.Begin == nil || m.try.Begin(m.ctx, m.try)
}

// tell tells the shared tries what came of them.
func (k *call) tell() {
	for _, m := range k.members {
		switch {
		case m.done == nil:
		case m.panicked != nil:
			m.done(Result{}, m.panicked)
		case !m.begun:
			m.done(Result{}, ErrNotBegun)
		default:
			m.done(*m.result, nil)
		}
	}
}
