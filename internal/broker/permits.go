package broker

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/queueferry/queueferry/internal/finding"
)

// permits finds out what the user may do, by requests that the server answers
// without doing anything:
//
//   - a message that names a stream that does not exist as the expected one is
//     refused before it is stored, before it is proposed to replicas too;
//   - a pull whose body is no JSON is refused before anything is delivered;
//   - a sign of life for a sequence that no stream reaches finds no delivery to
//     prolong, and is answered nevertheless.
//
// Whoever has subscribed to the subject of the first, beside the stream, gets an
// empty message. The right to make what is missing is not looked for.
func (i inspector) permits(ctx context.Context) []finding.Finding {
	t := i.t
	found := []finding.Finding{
		i.mayPublish(ctx, "dead-letter stream "+t.DeadLetter.Stream, fmt.Sprintf("%s.%s.%032d", t.DeadLetter.Subject, i.anyRoute(), 0)),
		i.mayPublish(ctx, "ledger "+t.Bucket, bucketSubject+t.Bucket+".m.check"),
		i.mayRead(ctx),
	}
	for _, c := range t.Consumers {
		found = append(found, i.mayPull(ctx, c), i.mayAck(ctx, c))
	}
	return found
}

// mayPublish offers the stream that stores the subject a message that it cannot
// take.
func (i inspector) mayPublish(ctx context.Context, owner, subject string) finding.Finding {
	m := nats.NewMsg(subject)
	m.Header.Set(jetstream.ExpectedStreamHeader, "no-such-stream-"+nuid.Next())
	return i.try(ctx, owner, "may write", m)
}

// mayRead asks the ledger for a key that it does not have.
func (i inspector) mayRead(ctx context.Context) finding.Finding {
	m := nats.NewMsg("$JS.API.STREAM.MSG.GET." + bucketStream + i.t.Bucket)
	m.Data = []byte(`{"last_by_subj":"` + bucketSubject + i.t.Bucket + `.m.check"}`)
	return i.try(ctx, "ledger "+i.t.Bucket, "may read", m)
}

func (i inspector) mayPull(ctx context.Context, c Consumer) finding.Finding {
	m := nats.NewMsg(fmt.Sprintf("$JS.API.CONSUMER.MSG.NEXT.%s.%s", i.t.Stream.Name, c.Name))
	m.Data = []byte("{") // only what begins like this and is no JSON is refused; other text pulls one message
	return i.try(ctx, "consumer "+c.Name, "may pull", m)
}

func (i inspector) mayAck(ctx context.Context, c Consumer) finding.Finding {
	// Delivered once, stream and consumer sequence, time, how many are pending
	// (NATS documentation, JetStream Model Deep Dive). Sequence 0 is not answered.
	m := nats.NewMsg(fmt.Sprintf("$JS.ACK.%s.%s.1.%d.%d.0.0", i.t.Stream.Name, c.Name, math.MaxInt64, math.MaxInt64))
	m.Data = []byte("+WPI")
	return i.try(ctx, "consumer "+c.Name, "may ack", m)
}

// try sends a request that does nothing. Whatever is answered, even that nobody
// is there to answer, the server has let it through.
func (i inspector) try(ctx context.Context, owner, check string, m *nats.Msg) finding.Finding {
	_, err := ask(ctx, i.c, askLimit, func(ctx context.Context) (*nats.Msg, error) {
		return i.c.NATS().RequestMsgWithContext(ctx, m)
	})
	if err != nil && !errors.Is(err, nats.ErrNoResponders) {
		return unanswered(owner, check, finding.Error, err)
	}
	return finding.Good(owner, check, "permitted")
}

// anyRoute is the name of a route, for a subject that must look like one of its.
func (i inspector) anyRoute() string {
	if len(i.t.Consumers) == 0 {
		return "check"
	}
	return i.t.Consumers[0].Name
}
