package consumer

import (
	"context"
	"sync"

	"github.com/queueferry/queueferry/internal/orchestrator"
)

// stay is the time that a delivery waits to be begun: until the consumer stops,
// or until it is given up because the message may be someone else's.
type stay struct {
	waiting context.Context // nil while the delivery shares a call, and waits for nothing else

	mu     sync.Mutex
	cause  error // why it was given up; nil: it was not
	end    context.CancelCauseFunc
	shared *orchestrator.Shared
}

// begin makes the context for a delivery that has a goroutine from now on.
func (s *stay) begin(parent context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting, s.end = context.WithCancelCause(parent)
	if s.cause != nil {
		s.end(s.cause)
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

// giveUp has what has not begun not begin any more.
func (s *stay) giveUp(cause error) {
	s.mu.Lock()
	if s.cause == nil {
		s.cause = cause
	}
	end := s.end
	s.mu.Unlock()
	if end != nil {
		end(cause)
	}
	s.excuse()
}

// excuse has the delivery wait by itself, if it waits for others.
func (s *stay) excuse() {
	s.mu.Lock()
	shared := s.shared
	s.mu.Unlock()
	if shared != nil {
		shared.Excuse()
	}
}

// over ends it: there is nothing to wait for any more.
func (s *stay) over() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shared = nil
	if s.end != nil {
		s.end(nil)
	}
}

// givenUp is why the delivery was given up; nil: it was not.
func (s *stay) givenUp() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}
