package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// EnsureConsumer makes the durable pull consumer of a route if it is missing and
// create says so, and checks the one that is there. Warnings and errors are as
// those of [Ensure]. It may be called alone when a consumer has vanished: its
// messages are still in the stream.
func EnsureConsumer(ctx context.Context, js jetstream.JetStream, stream string, c Consumer, create bool) (warnings []string, err error) {
	what := fmt.Sprintf("consumer %s of stream %s", c.Name, stream)
	have, err := js.Consumer(ctx, stream, c.Name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		if !create {
			return nil, c.missing(what)
		}
		_, err = js.CreateConsumer(ctx, stream, c.config())
		if err == nil {
			return nil, nil
		}
		if !errors.Is(err, jetstream.ErrConsumerExists) {
			return nil, consumerError(ctx, js, stream, what, c, err)
		}
		// Another process made it just now.
		have, err = js.Consumer(ctx, stream, c.Name)
	}
	if errors.Is(err, jetstream.ErrNotPullConsumer) {
		return nil, pushed(what)
	}
	if err != nil {
		return nil, fmt.Errorf("broker: %s: %w", what, err)
	}
	n, err := checkConsumer(what, c, have.CachedInfo())
	return n.texts(), err
}

func (c Consumer) missing(what string) error {
	return refused("existence", "routes: there is no %s, and stream.manage is never: make it on the server "+
		"(durable, pull, ack explicit, max deliver -1, filter %v), or set stream.manage to create", what, c.Subjects)
}

func pushed(what string) error {
	return refused("pull", "routes: %s is a push consumer: delete it (its messages stay in the stream), or rename the route", what)
}

func (c Consumer) config() jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:        c.Name,
		FilterSubjects: c.Subjects,
		DeliverPolicy:  jetstream.DeliverAllPolicy,
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        c.AckWait,
		MaxAckPending:  c.MaxAckPending,
		MaxDeliver:     -1,
	}
}

// consumerError explains the one refusal that operators meet: a work queue gives
// no subject to two consumers, and a route that was renamed leaves its old one.
func consumerError(ctx context.Context, js jetstream.JetStream, stream, what string, c Consumer, err error) error {
	api, ok := errors.AsType[*jetstream.APIError](err)
	if !ok {
		return fmt.Errorf("broker: make %s: %w", what, err)
	}
	switch api.ErrorCode {
	case codeNotUniqueFilter, codeManyUnfiltered:
		return misconfiguredBy(err, "routes: %s cannot be made: another consumer of the stream takes some of %v already%s: "+
			"if it is left over from a route that was renamed or removed, delete it (its messages stay in the stream)",
			what, c.Subjects, others(ctx, js, stream, c.Name))
	case codeFilterNotSubset:
		return misconfiguredBy(err, "routes: %s cannot be made: the stream does not store all of %v", what, c.Subjects)
	}
	return fmt.Errorf("broker: make %s: %w", what, err)
}

// others lists the other consumers and what they take, as far as they can be
// asked for.
func others(ctx context.Context, js jetstream.JetStream, stream, except string) string {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return ""
	}
	var found []string
	for info := range s.ListConsumers(ctx).Info() {
		if info.Name != except {
			found = append(found, fmt.Sprintf("%s takes %v", info.Name, filters(info.Config)))
		}
	}
	if len(found) == 0 {
		return ""
	}
	slices.Sort(found)
	return " (" + strings.Join(found, ", ") + ")"
}

func filters(c jetstream.ConsumerConfig) []string {
	switch {
	case len(c.FilterSubjects) > 0:
		return slices.Sorted(slices.Values(c.FilterSubjects))
	case c.FilterSubject != "":
		return []string{c.FilterSubject}
	}
	return []string{">"}
}

func checkConsumer(what string, want Consumer, info *jetstream.ConsumerInfo) (notes, error) {
	have := info.Config
	if err := refuseConsumer(what, want, have); err != nil {
		return nil, err
	}
	var n notes
	n.when("max deliver", have.MaxDeliver != -1, "%s has max_deliver %d: a message delivered that often stays in the stream, invisible, for ever: set it to -1",
		what, have.MaxDeliver)
	n.when("backoff", len(have.BackOff) > 0, "%s has a backoff, which replaces ack_wait and delays redeliveries: remove it", what)
	n.told("ack wait", have.AckWait != want.AckWait, agree,
		"%s has ack_wait %v, not the %v of the route: %v is used", what, have.AckWait, want.AckWait, have.AckWait)
	n.told("max ack pending", want.MaxAckPending != 0 && have.MaxAckPending != want.MaxAckPending, agree,
		"%s has max_ack_pending %d, not the %d of the route: what exists is not changed", what, have.MaxAckPending, want.MaxAckPending)
	n.when("inactive threshold", have.InactiveThreshold > 0, "%s is deleted by the server when it is not used for %v: set its inactive threshold to 0", what, have.InactiveThreshold)
	n.when("deliver policy", have.DeliverPolicy != jetstream.DeliverAllPolicy, "%s does not deliver all messages of the stream: set its deliver policy to all", what)
	n.when("rate", have.ReplayPolicy != jetstream.ReplayInstantPolicy || have.RateLimit > 0, "%s delivers at a limited rate: set its replay policy to instant and no rate limit", what)
	n.told("storage", have.MemoryStorage, "delete the consumer (its messages stay in the stream) and have it made again with its state in files",
		"%s keeps its state in memory: a restart of the server forgets which messages are in hand", what)
	n.when("pull limits", have.MaxRequestBatch > 0 || have.MaxRequestMaxBytes > 0 || have.MaxRequestExpires > 0,
		"%s limits how much is pulled at a time, and how long a pull waits: remove these limits", what)
	n.told("paused", info.Paused, fmt.Sprintf("resume it (nats consumer resume %s %s), or wait: a worker goes on by itself", info.Stream, info.Name),
		"%s is paused until %s, for another %v: nothing is delivered before", what, pausedUntil(info), info.PauseRemaining.Round(time.Second))
	return n, nil
}

// pausedUntil is when the server delivers again by itself.
func pausedUntil(info *jetstream.ConsumerInfo) string {
	if until := info.Config.PauseUntil; until != nil {
		return until.UTC().Format(time.RFC3339)
	}
	return info.TimeStamp.Add(info.PauseRemaining).UTC().Format(time.RFC3339)
}

// refuseConsumer finds what would take another route's messages, or lose them.
func refuseConsumer(what string, want Consumer, have jetstream.ConsumerConfig) error {
	const remedy = "delete the consumer (its messages stay in the stream) to have it made anew, or rename the route"
	switch got := filters(have); {
	case !slices.Equal(got, slices.Sorted(slices.Values(want.Subjects))):
		return refused("filter", "routes: %s takes %v, and the route says %v: what exists is not changed: %s", what, got, want.Subjects, remedy)
	case have.AckPolicy != jetstream.AckExplicitPolicy:
		return refused("ack policy", "routes: %s does not have the ack policy explicit: messages would be lost: %s", what, remedy)
	case have.HeadersOnly:
		return refused("headers only", "routes: %s delivers headers only: %s", what, remedy)
	case have.PriorityPolicy != jetstream.PriorityPolicyNone:
		return refused("priority policy", "routes: %s has a priority policy, so that a plain pull gets nothing: %s", what, remedy)
	}
	return nil
}
