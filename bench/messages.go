package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/setup"
)

// requestSize is that of every message, in bytes.
const requestSize = 600

// streamName is the stream of every trial; it is made anew for each.
const streamName = "BENCH"

// message is one request. Run tells the requests of one trial from another's.
func message(run, number int) []byte {
	head := fmt.Sprintf(`{"id":"bench-%d-%07d","content":{"BenchItem":"%07d","Text":"`, run, number, number)
	const tail = `"}}`
	return []byte(head + strings.Repeat("x", requestSize-len(head)-len(tail)) + tail)
}

// prepare makes the stream and the consumers anew, as the worker makes them:
// both sides work on the same.
func (s *stage) prepare(ctx context.Context, t trial) error {
	set, err := s.setting(t, 0)
	if err != nil {
		return err
	}
	cfg, err := parseConfig(set.file())
	if err != nil {
		return err
	}
	if err := s.js.DeleteStream(ctx, streamName); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	_, err = broker.Ensure(ctx, s.js, setup.Topology(cfg))
	return err
}

// portion is how many publishes are under way at once.
const portion = 1000

// publish publishes the requests from to below to, and waits until they are stored.
func (s *stage) publish(routes, from, to int) error {
	for ; from < to; from += portion {
		if err := s.publishSome(routes, from, min(from+portion, to)); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) publishSome(routes, from, to int) error {
	futures := make([]jetstream.PubAckFuture, 0, to-from)
	for n := from; n < to; n++ {
		f, err := s.js.PublishAsync(subject(n%routes), message(s.trials, n))
		if err != nil {
			return err
		}
		futures = append(futures, f)
	}
	for _, f := range futures {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			return err
		case <-time.After(time.Minute):
			return errors.New("a publish was not acked within a minute")
		}
	}
	return nil
}

// stored is how many messages the stream has.
func (s *stage) stored(ctx context.Context) (int, error) {
	stream, err := s.js.Stream(ctx, streamName)
	if err != nil {
		return 0, err
	}
	return int(stream.CachedInfo().State.Msgs), nil
}

// awaitStored waits until the acks have left so many messages in the stream.
func (s *stage) awaitStored(ctx context.Context, want int) error {
	for limit := time.Now().Add(20 * time.Second); ; {
		have, err := s.stored(ctx)
		switch {
		case err != nil:
			return err
		case have == want:
			return nil
		case time.Now().After(limit):
			return fmt.Errorf("%d messages are in the stream where %d should be", have, want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
