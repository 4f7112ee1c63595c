package broker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/finding"
)

// unrouted looks for messages that would wait for ever: those of a consumer that
// no route has, and those that no consumer takes.
func (i inspector) unrouted(ctx context.Context) []finding.Finding {
	name := i.t.Stream.Name
	subject := "stream " + name
	config, all, err := i.population(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil // said of the stream already
	}
	if err != nil {
		return []finding.Finding{unanswered(subject, "consumers", finding.Warning, err)}
	}
	var found []finding.Finding
	ours := 0
	for _, info := range all {
		if i.routed(info.Name) {
			ours++
		} else {
			found = append(found, i.leftover(info, config.Retention))
		}
	}
	found = append(found, idle(subject, config.Subjects, i.t.Consumers))
	if ours < len(i.t.Consumers) {
		return found // what waits, waits for their consumers
	}
	return append(found, i.orphans(ctx, subject))
}

// population is the stream's configuration and all its consumers.
func (i inspector) population(ctx context.Context) (config jetstream.StreamConfig, all []*jetstream.ConsumerInfo, err error) {
	all, err = ask(ctx, i.c, askLimit, func(ctx context.Context) ([]*jetstream.ConsumerInfo, error) {
		s, err := i.c.JetStream().Stream(ctx, i.t.Stream.Name)
		if err != nil {
			return nil, err
		}
		config = s.CachedInfo().Config
		list := s.ListConsumers(ctx)
		var all []*jetstream.ConsumerInfo
		for info := range list.Info() {
			all = append(all, info)
		}
		if err := list.Err(); err != nil && !errors.Is(err, jetstream.ErrEndOfData) {
			return nil, err
		}
		return all, nil
	})
	return config, all, err
}

func (i inspector) routed(consumer string) bool {
	return slices.ContainsFunc(i.t.Consumers, func(c Consumer) bool { return c.Name == consumer })
}

// leftover is a consumer that no route has. A work queue makes no other for its
// subjects while it is there.
func (i inspector) leftover(info *jetstream.ConsumerInfo, retention jetstream.RetentionPolicy) finding.Finding {
	takes, waiting := filters(info.Config), info.NumPending+uint64(max(info.NumAckPending, 0))
	status, detail := finding.Warning, fmt.Sprintf("no route has it: %d messages of %v wait for it, and so will all that come", waiting, takes)
	if waiting > 0 {
		status = finding.Error
	}
	for _, c := range i.t.Consumers {
		if retention == jetstream.WorkQueuePolicy && anyOverlap(takes, c.Subjects) {
			status = finding.Error
			detail += fmt.Sprintf("; the consumer of route %s, which takes some of them, cannot be made", c.Name)
		}
	}
	return finding.Bad(status, "consumer "+info.Name, "route", detail, fmt.Sprintf("if it is left over from a route that was renamed or removed, "+
		"delete it: nats consumer rm %s %s (its messages stay in the stream)", i.t.Stream.Name, info.Name))
}

// idle finds subjects of the stream of which no route takes anything.
func idle(subject string, stored []string, routes []Consumer) finding.Finding {
	const check = "unrouted subjects"
	var taken []string
	for _, c := range routes {
		taken = append(taken, c.Subjects...)
	}
	none := slices.DeleteFunc(slices.Clone(stored), func(s string) bool { return anyOverlap([]string{s}, taken) })
	switch partly := without(stored, taken); {
	case len(none) > 0:
		return finding.Bad(finding.Warning, subject, check,
			fmt.Sprintf("%v is stored and no route takes any of it: what is published there waits for ever", none),
			"add a route for it, or take it from the stream")
	case len(partly) > 0:
		return finding.Good(subject, check, fmt.Sprintf("routes may take parts of %v only: what else is published there would wait for ever", partly))
	}
	return finding.Good(subject, check, "none")
}

// A busy stream shows a few orphans for a moment. What is there at every one of
// so many looks waits indeed.
const (
	looks     = 10
	lookPause = 100 * time.Millisecond
)

// lasting is the least of some counts, taken one after the other until one is 0.
func lasting(ctx context.Context, count func() (uint64, error)) (uint64, error) {
	var least uint64 = math.MaxUint64
	for range looks {
		n, err := count()
		if err != nil || n == 0 {
			return 0, err
		}
		least = min(least, n)
		select {
		case <-time.After(lookPause):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return least, nil
}

func (i inspector) orphans(ctx context.Context, subject string) finding.Finding {
	const check = "unrouted messages"
	n, err := lasting(ctx, func() (uint64, error) {
		return ask(ctx, i.c, askLimit, func(ctx context.Context) (uint64, error) {
			return Orphans(ctx, i.c.JetStream(), i.t.Stream.Name)
		})
	})
	switch {
	case err != nil:
		return unanswered(subject, check, finding.Warning, err)
	case n > 0:
		return finding.Bad(finding.Error, subject, check,
			fmt.Sprintf("%d messages wait for ever: no consumer delivers them", n), "add a route for their subjects, or purge them")
	}
	return finding.Good(subject, check, "none")
}
