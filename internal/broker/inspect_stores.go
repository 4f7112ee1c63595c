package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/finding"
)

// store is a stream that is looked at: of requests, of dead letters, of outcomes,
// or the ledger's.
type store struct {
	subject string
	at      place
	want    jetstream.StreamConfig
	check   func(have jetstream.StreamConfig) (notes, error)
	// more looks at what this store has beside the others; nil: nothing.
	more func(info *jetstream.StreamInfo) []finding.Finding
}

func (i inspector) stores() []store {
	t := i.t
	at, want := t.work()
	work := store{subject: at.what, at: at, want: want,
		check: func(have jetstream.StreamConfig) (notes, error) { return t.checkWork(at, want, have) }}
	dead := t.deadLetters()
	ledgerAt, ledgerWant := t.bucket()
	ledger := store{subject: "ledger " + t.Bucket, at: ledgerAt, want: ledgerWant,
		check: func(have jetstream.StreamConfig) (notes, error) { return checkBucket(ledgerAt, ledgerWant, have) }}
	all := []store{work, {subject: dead.at.what, at: dead.at, want: dead.want, check: dead.check, more: letters}, ledger}
	if t.Outcomes != nil {
		o := t.outcomes()
		all = append(all, store{subject: o.at.what, at: o.at, want: o.want, check: o.check})
	}
	return all
}

// notYet is said of what a worker makes.
const notYet = "it does not exist yet; a worker makes it when it starts (stream.manage: create)"

func (i inspector) store(ctx context.Context, s store) []finding.Finding {
	var sent, received time.Time
	info, err := ask(ctx, i.c, askLimit, func(ctx context.Context) (*jetstream.StreamInfo, error) {
		sent = time.Now()
		found, err := i.c.JetStream().Stream(ctx, s.want.Name)
		received = time.Now()
		if err != nil {
			return nil, err
		}
		return found.CachedInfo(), nil
	})
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return []finding.Finding{i.absent(ctx, s)}
	case err != nil:
		return []finding.Finding{unanswered(s.subject, "existence", finding.Error, err)}
	}
	have := info.Config
	n, err := s.check(have)
	observed := []finding.Finding{
		group(s.subject, info.Cluster),
		redundancy(s.subject, have, i.o.Embedded),
		fullness(s.subject, info),
	}
	if s.want.Name == i.t.Stream.Name {
		observed = append(observed, skew(leastAckWait(i.t.Consumers), sent, received, info.TimeStamp))
	}
	found := judge(s.subject, s.at, observed, streamFacts(have), n, err)
	if s.more != nil {
		found = append(found, s.more(info)...)
	}
	return found
}

// absent judges what does not exist: a worker makes it, unless it may not or cannot.
func (i inspector) absent(ctx context.Context, s store) finding.Finding {
	if !i.t.Create {
		return refusal(s.subject, s.at, s.at.missing())
	}
	if err := i.unmakeable(ctx, s); err != nil {
		return refusal(s.subject, s.at, err)
	}
	return finding.Bad(finding.Unknown, s.subject, "existence", notYet, "start a worker once, then check again")
}

// streamFacts are what the checks of streams judge.
func streamFacts(have jetstream.StreamConfig) []fact {
	facts := []fact{
		{"subjects", fmt.Sprintf("stores %v", have.Subjects)},
		{"storage", have.Storage.String()},
		{"persist mode", "a publisher is answered when the message is written"},
		{"retention", have.Retention.String()},
		{"discard", discardText(have)},
		{"max age", orNone(have.MaxAge > 0, have.MaxAge)},
		{"max bytes", orNone(have.MaxBytes > 0, have.MaxBytes)},
		{"duplicate window", have.Duplicates.String()},
	}
	if have.AllowMsgTTL {
		facts = append(facts, fact{"marker TTL", "single keys can expire"})
	}
	return facts
}

func discardText(c jetstream.StreamConfig) string {
	if c.Discard == jetstream.DiscardNew {
		return "when it is full, new messages are refused"
	}
	return "when it is full, old messages go"
}

func orNone(set bool, value any) string {
	if !set {
		return "none"
	}
	return fmt.Sprint(value)
}

// letters tells of what waits for a person.
func letters(info *jetstream.StreamInfo) []finding.Finding {
	subject := "dead-letter stream " + info.Config.Name
	if n := info.State.Msgs; n > 0 {
		return []finding.Finding{finding.Bad(finding.Warning, subject, "letters",
			setAside(n), "see why, and what to do with them: worker deadletter list")}
	}
	return []finding.Finding{finding.Good(subject, "letters", "none")}
}

func setAside(n uint64) string {
	if n == 1 {
		return "1 request was set aside"
	}
	return fmt.Sprintf("%d requests were set aside", n)
}
