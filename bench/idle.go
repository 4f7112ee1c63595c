package main

import (
	"context"
	"errors"
	"time"
)

// Between two requests to an idle worker, and before the first.
const (
	idlePause = 20 * time.Millisecond
	idleStart = time.Second
)

// measureIdle publishes one request at a time and times its way to the mock.
func (s *stage) measureIdle(ctx context.Context, t trial) (f figures, err error) {
	s.mock.release()
	time.Sleep(idleStart)
	var took []float64
	for n := range t.requests {
		began := time.Now()
		if _, err := s.js.Publish(ctx, subject(n%t.routes), message(s.trials, n)); err != nil {
			return f, err
		}
		at, err := s.awaitArrival(ctx, n)
		if err != nil {
			return f, err
		}
		took = append(took, at.Sub(began).Seconds()*1000)
		time.Sleep(idlePause)
	}
	if err := s.audit(ctx, t.requests); err != nil {
		return f, err
	}
	b := s.mock.now()
	return figures{IdleMS: spreadOf(took).Median, Connections: b.connections, Calls: b.calls}, nil
}

func (s *stage) awaitArrival(ctx context.Context, number int) (time.Time, error) {
	late := time.After(stuck)
	for {
		if at := s.mock.arrival(number); !at.IsZero() {
			return at, nil
		}
		select {
		case <-s.mock.changed:
		case <-late:
			return time.Time{}, errors.New("a request to an idle worker did not arrive")
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}
