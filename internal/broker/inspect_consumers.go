package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/finding"
)

// consumers looks at those of the routes, and at what no route takes.
func (i inspector) consumers(ctx context.Context) []finding.Finding {
	var found []finding.Finding
	for _, c := range i.t.Consumers {
		found = append(found, i.consumer(ctx, c)...)
	}
	return append(found, i.unrouted(ctx)...)
}

func (i inspector) consumer(ctx context.Context, c Consumer) []finding.Finding {
	subject := "consumer " + c.Name
	at := place{key: "routes", what: fmt.Sprintf("consumer %s of stream %s", c.Name, i.t.Stream.Name)}
	info, err := ask(ctx, i.c, askLimit, func(ctx context.Context) (*jetstream.ConsumerInfo, error) {
		have, err := i.c.JetStream().Consumer(ctx, i.t.Stream.Name, c.Name)
		if err != nil {
			return nil, err
		}
		return have.CachedInfo(), nil
	})
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrConsumerNotFound) && i.t.Create:
		if !i.t.Create {
			return []finding.Finding{finding.Bad(finding.Unknown, subject, "existence",
				"it was not looked for, as its stream is missing", "make the stream and the consumer on the server, then check again")}
		}
		return []finding.Finding{finding.Bad(finding.Unknown, subject, "existence",
			notYet, "start a worker once, then check again")}
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		return []finding.Finding{refusal(subject, at, c.missing(at.what))}
	case errors.Is(err, jetstream.ErrNotPullConsumer):
		return []finding.Finding{refusal(subject, at, pushed(at.what))}
	case err != nil:
		return []finding.Finding{unanswered(subject, "existence", finding.Error, err)}
	}
	n, err := checkConsumer(at.what, c, info)
	observed := []finding.Finding{
		group(subject, info.Cluster),
		backlog(subject, info),
	}
	// Where the server has the route's ack_wait, the file tells it all.
	if limit, ok := i.o.CallLimits[c.Name]; ok && info.Config.AckWait != c.AckWait {
		observed = append(observed, callLimit(subject, limit, info.Config.AckWait))
	}
	return judge(subject, at, observed, consumerFacts(info.Config), n, err)
}

func consumerFacts(have jetstream.ConsumerConfig) []fact {
	return []fact{
		{"filter", fmt.Sprintf("takes %v", filters(have))},
		{"ack policy", have.AckPolicy.String()},
		{"max deliver", "no limit"},
		{"backoff", "none"},
		{"ack wait", have.AckWait.String()},
		{"max ack pending", fmt.Sprint(have.MaxAckPending)},
		{"paused", "no"},
	}
}

// backlog says how much waits, and whether more can be in hand.
func backlog(subject string, info *jetstream.ConsumerInfo) finding.Finding {
	detail := fmt.Sprintf("%d wait, %d are in hand or put off", info.NumPending, info.NumAckPending)
	if most := info.Config.MaxAckPending; most > 0 && info.NumAckPending >= most {
		return finding.Bad(finding.Warning, subject, "backlog",
			fmt.Sprintf("%s: max_ack_pending is reached, and nothing further is delivered until one is settled", detail),
			"see why they are not settled (worker's log, the orchestrator), or raise max_ack_pending")
	}
	return finding.Good(subject, "backlog", detail)
}

// callLimit compares how long a call may last with how long the server waits for
// a sign of life.
func callLimit(subject string, limit, ackWait time.Duration) finding.Finding {
	if limit >= ackWait {
		return finding.Bad(finding.Warning, subject, "call time",
			fmt.Sprintf("a call may last %v, and ack_wait is %v: in-progress acks alone keep the message of a long call from another worker", limit, ackWait),
			"raise the route's ack_wait above the connection's timeout, here and on the server, or lower the timeout")
	}
	return finding.Good(subject, "call time", fmt.Sprintf("a call lasts %v at most, less than ack_wait", limit))
}
