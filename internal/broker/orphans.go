package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Orphans counts the messages of a work-queue stream that no consumer will
// deliver: their subject belongs to no route, or a consumer's max_deliver hid
// them. Stream and consumers are asked one after the other, so that a busy
// stream may show a few for a moment. For other kinds of retention it is 0.
func Orphans(ctx context.Context, js jetstream.JetStream, stream string) (uint64, error) {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("broker: stream %s: %w", stream, err)
	}
	before := s.CachedInfo()
	if before.Config.Retention != jetstream.WorkQueuePolicy {
		return 0, nil
	}
	var waiting uint64
	list := s.ListConsumers(ctx)
	for info := range list.Info() {
		waiting += info.NumPending + uint64(max(info.NumAckPending, 0))
	}
	if err := list.Err(); err != nil && !errors.Is(err, jetstream.ErrEndOfData) {
		return 0, fmt.Errorf("broker: consumers of stream %s: %w", stream, err)
	}
	after, err := s.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("broker: stream %s: %w", stream, err)
	}
	// What came or went in between must not count: the smaller number stands.
	kept := min(before.State.Msgs, after.State.Msgs)
	return kept - min(kept, waiting), nil
}
