package broker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/natstest"
)

func TestSilence(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	at := start.Add

	t.Run("two in a row", func(t *testing.T) {
		t.Parallel()
		var s silence
		if s.timeout(at(0)) {
			t.Error("one time-out is enough, want two")
		}
		if !s.timeout(at(time.Second)) {
			t.Error("two time-outs are not enough")
		}
	})
	t.Run("an answer between", func(t *testing.T) {
		t.Parallel()
		var s silence
		s.timeout(at(0))
		s.answer(at(time.Second))
		if s.timeout(at(10 * time.Second)) {
			t.Error("time-outs count over an answer")
		}
	})
	t.Run("slow, not silent", func(t *testing.T) {
		t.Parallel()
		var s silence
		s.answer(at(0))
		for i := range 100 { // requests that were made before the answer
			if s.timeout(at(time.Duration(i) * 10 * time.Millisecond)) {
				t.Fatal("the connection is dropped, and the server answers")
			}
		}
		if s.timeout(at(slow)) || !s.timeout(at(slow)) {
			t.Error("two time-outs after the answer are not what counts")
		}
	})
	t.Run("a burst counts once", func(t *testing.T) {
		t.Parallel()
		var s silence
		dropped := 0
		for i := range 100 {
			if s.timeout(at(time.Duration(i) * 10 * time.Millisecond)) {
				dropped++
			}
		}
		if dropped != 1 {
			t.Errorf("100 time-outs within a second drop the connection %d times, want once", dropped)
		}
		if !s.timeout(at(6 * time.Second)) {
			t.Error("still silent after the pause, and the connection is not dropped again")
		}
	})
}

func TestNoteTellsTimeoutsFromAnswers(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	dropped := make(chan error, 10)
	back := make(chan struct{}, 10)
	c := connect(t, Settings{
		URL:          s.URL(),
		OnDisconnect: func(err error) { dropped <- err },
		OnReconnect:  func() { back <- struct{}{} },
	})
	timeout := fmt.Errorf("ask: %w", context.DeadlineExceeded)

	for _, answer := range []error{nil, fmt.Errorf("refused: %w", &jetstream.APIError{Code: 400})} {
		c.Note(timeout)
		c.Note(answer)
		c.Note(nats.ErrTimeout)
		c.Note(answer)
	}
	c.Note(errors.New("something else"))
	if n := len(dropped); n != 0 {
		t.Fatalf("the connection was dropped %d times although answers came", n)
	}

	c.silent.answer(time.Now().Add(-slow)) // that long ago
	c.Note(timeout)
	c.Note(nats.ErrTimeout)
	_ = receive(t, dropped, "disconnect after two time-outs")
	receive(t, back, "reconnect")
}
