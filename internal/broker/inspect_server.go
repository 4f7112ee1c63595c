package broker

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/finding"
)

const (
	subjectNATS = "nats"
	// nearlyFull is the share of a limit, in percent, from which on it is warned of.
	nearlyFull = 80
)

// server looks at the server and the account. Without answers there is no more
// to look at.
func (i inspector) server(ctx context.Context) (found []finding.Finding, usable bool) {
	nc := i.c.NATS()
	found = []finding.Finding{
		versionFinding(nc.ConnectedServerVersion()),
		clusterFinding(nc.ConnectedClusterName()),
		payloadFinding(i.c.MaxPayload()),
	}
	answers, ok := i.inbox(ctx)
	found = append(found, answers)
	if !ok {
		return found, false
	}
	account, ok := i.account(ctx)
	return append(found, account...), ok
}

func versionFinding(text string) finding.Finding {
	warnings, err := checkVersion(text)
	switch {
	case err != nil:
		f := refusal(subjectNATS, place{}, err)
		f.Check = "version"
		return f
	case len(warnings) > 0:
		detail, remedy := advice(warnings[0])
		return finding.Bad(finding.Warning, subjectNATS, "version", detail, remedy)
	}
	return finding.Good(subjectNATS, "version", text)
}

func clusterFinding(name string) finding.Finding {
	if name == "" {
		return finding.Good(subjectNATS, "cluster", "none: the server is alone")
	}
	return finding.Good(subjectNATS, "cluster", name)
}

// smallPayload is a size in bytes that requests of some content soon reach.
const smallPayload = 64 << 10

func payloadFinding(most int64) finding.Finding {
	detail := fmt.Sprintf("a message may have %d bytes", most)
	if most < smallPayload {
		return finding.Bad(finding.Warning, subjectNATS, "max payload",
			detail+": a larger request is refused to its publisher, and one close to it cannot be set aside",
			"raise max_payload on the server")
	}
	return finding.Good(subjectNATS, "max payload", detail)
}

// inbox finds out whether answers reach us: a subscription that is refused is
// refused once, and every request after it would wait in vain.
func (i inspector) inbox(ctx context.Context) (finding.Finding, bool) {
	subject := i.c.NATS().NewInbox() + ".*" // as the library's own
	sub, err := i.c.NATS().SubscribeSync(subject)
	if err != nil {
		return unanswered(subjectNATS, "answers", finding.Error, err), false
	}
	defer func() { _ = sub.Unsubscribe() }()
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	if err := i.c.Flush(ctx); err != nil {
		return unanswered(subjectNATS, "answers", finding.Error, err), false
	}
	// The library keeps a refusal before it takes the answer to the flush.
	if err := i.c.NATS().LastError(); deniedSubject(err) == "subscribe to "+permission(subject) {
		return unanswered(subjectNATS, "answers", finding.Error, err), false
	}
	return finding.Good(subjectNATS, "answers", "reach this user"), true
}

// account looks at JetStream in the account.
func (i inspector) account(ctx context.Context) (found []finding.Finding, usable bool) {
	info, err := ask(ctx, i.c, askLimit, i.c.JetStream().AccountInfo)
	if deniedSubject(err) != "" {
		return []finding.Finding{finding.Good(subjectNATS, "jetstream", "this user may not ask for the account's limits, and need not")}, true
	}
	if err != nil {
		f := unanswered(subjectNATS, "jetstream", finding.Unknown, err)
		return []finding.Finding{f}, f.Status != finding.Error
	}
	found = append(found, finding.Good(subjectNATS, "jetstream", "enabled for the account"))
	if len(info.Tiers) == 0 {
		return append(found, limits("", info.Tier)...), true
	}
	for name, tier := range info.Tiers {
		found = append(found, limits(" "+name, tier)...)
	}
	return found, true
}

// limits compares what the account uses with what it may.
func limits(tier string, t jetstream.Tier) []finding.Finding {
	const remedy = "raise the account's limit on the server"
	storage := finding.Good(subjectNATS, "account storage"+tier, fmt.Sprintf("%d bytes, no limit", t.Store))
	if most := t.Limits.MaxStore; most > 0 {
		storage.Detail = fmt.Sprintf("%d of %d bytes", t.Store, most)
		if share(t.Store, uint64(most)) >= nearlyFull {
			storage = finding.Bad(finding.Warning, subjectNATS, storage.Check,
				storage.Detail+": when it is full, nothing more can be published, set aside or noted", remedy)
		}
	}
	return []finding.Finding{
		storage,
		countLimit("account streams"+tier, t.Streams, t.Limits.MaxStreams, remedy),
		countLimit("account consumers"+tier, t.Consumers, t.Limits.MaxConsumers, remedy),
	}
}

func countLimit(check string, used, most int, remedy string) finding.Finding {
	switch {
	case most <= 0:
		return finding.Good(subjectNATS, check, fmt.Sprintf("%d, no limit", used))
	case used >= most:
		return finding.Bad(finding.Warning, subjectNATS, check, fmt.Sprintf("%d of %d: no further one can be made", used, most), remedy)
	}
	return finding.Good(subjectNATS, check, fmt.Sprintf("%d of %d", used, most))
}

// share is how much of the whole is used, in percent.
func share(used, whole uint64) int {
	if whole == 0 {
		return 0
	}
	return int(float64(used) / float64(whole) * 100)
}
