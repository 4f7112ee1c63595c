package consumer

import (
	"context"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/orchestrator"
)

// stay is the time in which a delivery may still be begun: until it is given up,
// because the consumer stops, or the message may be someone else's. It is a
// context of its own: one of the library's for each message costs more, above all
// to tell all of them of the stop.
type stay struct {
	mu     sync.Mutex
	cause  error         // why it was given up; nil: it was not
	done   chan struct{} // nil until somebody waits for the end
	shared *orchestrator.Shared
}

var _ context.Context = (*stay)(nil)

// Deadline is none.
func (s *stay) Deadline() (at time.Time, ok bool) { return time.Time{}, false }

// Value is none.
func (s *stay) Value(any) any { return nil }

// Done is closed when the delivery is given up.
func (s *stay) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		s.done = make(chan struct{})
		if s.cause != nil {
			close(s.done)
		}
	}
	return s.done
}

// Err is context.Canceled once the delivery is given up.
func (s *stay) Err() error {
	if s.givenUp() == nil {
		return nil
	}
	return context.Canceled
}

// givenUp is why the delivery was given up; nil: it was not.
func (s *stay) givenUp() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

// giveUp has what has not begun not begin any more. The first cause stays.
func (s *stay) giveUp(cause error) {
	s.mu.Lock()
	first := s.cause == nil
	if first {
		s.cause = cause
		if s.done != nil {
			close(s.done)
		}
	}
	shared := s.shared
	s.mu.Unlock()
	if first && shared != nil {
		shared.Excuse()
	}
}

// share is for a delivery that shares a call; nil: it does not.
func (s *stay) share(with *orchestrator.Shared) bool {
	s.mu.Lock()
	s.shared = with
	late := s.cause != nil
	s.mu.Unlock()
	if with != nil && late {
		with.Excuse()
	}
	return with != nil
}
