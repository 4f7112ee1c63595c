package broker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Note feeds the result of a request to the server into NoteTimeout or
// NoteAnswer. Errors that are neither an answer nor a time-out count as nothing.
func (c *Conn) Note(err error) {
	switch {
	case errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded):
		c.NoteTimeout()
	case err == nil || answered(err):
		c.NoteAnswer()
	}
}

// NoteTimeout counts a request that the server did not answer in time, nor any
// other meanwhile. After two in a row the connection is dropped and made anew, to another server if several
// are known: a frozen server keeps its connections open. That happens once in 5
// seconds at most.
func (c *Conn) NoteTimeout() {
	if !c.nc.IsConnected() || !c.silent.timeout(time.Now()) {
		return
	}
	// The only error is that the connection is closed, which Closed tells.
	_ = c.nc.ForceReconnect()
}

// NoteAnswer counts a request that the server answered.
func (c *Conn) NoteAnswer() { c.silent.answer(time.Now()) }

func answered(err error) bool {
	_, ok := errors.AsType[*jetstream.APIError](err)
	return ok
}

const (
	timeoutsInARow = 2
	reconnectPause = 5 * time.Second
	// slow is how long after an answer a time-out tells of a server that is slow,
	// not silent: no request times out sooner than that.
	slow = 2 * time.Second
)

// silence counts time-outs. The pause is there because the time-outs of many
// requests come at once, some of them after the new connection is up.
type silence struct {
	mu       sync.Mutex
	count    int
	last     time.Time // of the last time that it said so
	answered time.Time // the last answer; zero: there was none
}

// timeout reports whether the connection should be dropped. It never should
// because of requests to a server that answered others meanwhile: what is on the
// way to the worker would be lost with the connection, for an ack wait.
func (s *silence) timeout(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.answered) < slow {
		return false
	}
	s.count++
	if s.count < timeoutsInARow || (!s.last.IsZero() && now.Sub(s.last) < reconnectPause) {
		return false
	}
	s.count, s.last = 0, now
	return true
}

func (s *silence) answer(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count, s.answered = 0, now
}
