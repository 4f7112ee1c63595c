package broker

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// unlimited is what the server makes of a limit that is not set.
const unlimited = -1

// ensureWork makes or checks the work-queue stream.
func (t Topology) ensureWork(ctx context.Context, js jetstream.JetStream) ([]string, error) {
	at, want := t.work()
	have, made, err := ensureStream(ctx, js, at, want, t.Create)
	if err != nil {
		return nil, err
	}
	if made {
		return nil, t.checkRouted(at, have)
	}
	n, err := t.checkWork(at, want, have)
	return n.texts(), err
}

// work is the stream of requests as it is made.
func (t Topology) work() (place, jetstream.StreamConfig) {
	at := place{key: "stream.name", what: "stream " + t.Stream.Name}
	return at, jetstream.StreamConfig{
		Name:       t.Stream.Name,
		Subjects:   t.Stream.Subjects,
		Retention:  jetstream.WorkQueuePolicy,
		Discard:    jetstream.DiscardNew,
		Storage:    jetstream.FileStorage,
		MaxMsgs:    unlimited,
		MaxBytes:   limit(t.Stream.MaxBytes),
		Replicas:   t.replicas(),
		Duplicates: t.Stream.DuplicateWindow,
	}
}

func (t Topology) checkWork(at place, want, have jetstream.StreamConfig) (notes, error) {
	if err := refuseWork(at, have); err != nil {
		return nil, err
	}
	n := append(workWarnings(at, want, have), durability(at, want.Replicas, have)...)
	return n, t.checkRouted(at, have)
}

func limit(bytes int64) int64 {
	if bytes <= 0 {
		return unlimited
	}
	return bytes
}

// refuseWork finds what would lose messages or keep the worker from working.
func refuseWork(at place, have jetstream.StreamConfig) error {
	switch {
	case have.Retention == jetstream.InterestPolicy:
		return refused("retention", "%s: %s has interest retention, which drops messages that no consumer waits for: "+
			"use a stream with work-queue retention", at.key, at.what)
	case have.Mirror != nil:
		return refused("mirror", "%s: %s is a mirror, from which nothing can be taken: name its origin", at.key, at.what)
	case have.Sealed:
		return refused("sealed", "%s: %s is sealed: messages cannot be removed from it: use another stream", at.key, at.what)
	}
	return nil
}

// workWarnings tell where the stream that exists is not as the file wants it.
func workWarnings(at place, want, have jetstream.StreamConfig) notes {
	var n notes
	capped := have.MaxBytes > 0 || have.MaxMsgs > 0 || have.MaxMsgsPerSubject > 0
	n.when("retention", have.Retention == jetstream.LimitsPolicy, "%s has limits retention: messages stay after they are settled, "+
		"and a consumer that is deleted and made again delivers all of them once more: work-queue retention is safer", at.what)
	n.when("max age", have.MaxAge > 0, "%s drops messages after %v: an outage that lasts longer loses them: set its max_age to 0", at.what, have.MaxAge)
	n.when("discard", capped && have.Discard == jetstream.DiscardOld, "%s drops its oldest messages when it is full: set its discard to new", at.what)
	n.when("publish acks", have.NoAck, "%s does not acknowledge what is published: publishers cannot know what is stored: set its no_ack to false", at.what)
	n.told("max bytes", have.MaxBytes != want.MaxBytes && (have.MaxBytes > 0 || want.MaxBytes > 0), agree,
		"%s has max_bytes %d, not the %d of stream.max_bytes: what exists is not changed", at.what, have.MaxBytes, max(want.MaxBytes, 0))
	n.told("duplicate window", want.Duplicates > 0 && have.Duplicates != want.Duplicates, agree,
		"%s has a duplicate window of %v, not the %v of stream.duplicate_window: what exists is not changed", at.what, have.Duplicates, want.Duplicates)
	if missing := without(want.Subjects, have.Subjects); len(missing) > 0 {
		n.when("subjects", true, "%s does not store %v of stream.subjects: what exists is not changed: add them to the stream", at.what, missing)
	}
	return n
}

// durability warns of what a crash or a power failure would take.
func durability(at place, replicas int, have jetstream.StreamConfig) notes {
	var n notes
	n.when("storage", have.Storage == jetstream.MemoryStorage, "%s is kept in memory: a restart of the server loses it: use file storage", at.what)
	n.when("persist mode", have.PersistMode == jetstream.AsyncPersistMode, "%s has persist_mode async: a crash of the server loses the latest messages: use the default", at.what)
	n.told("replicas", have.Replicas != replicas, agree, "%s has %d replicas, not the %d of stream.replicas: what exists is not changed", at.what, have.Replicas, replicas)
	return n
}

// checkRouted sees to it that the stream stores what the routes take. That it
// stores more is no fault until such a message comes; see [Orphans]. A stream that
// is fed by others has no subjects of its own to compare.
func (t Topology) checkRouted(at place, have jetstream.StreamConfig) error {
	if len(have.Sources) > 0 {
		return nil
	}
	for _, c := range t.Consumers {
		if lost := without(c.Subjects, have.Subjects); len(lost) > 0 {
			return refused("routed subjects", "routes: %s takes %v, which %s does not store (it stores %v): "+
				"add them to the stream, or correct the route", c.Name, lost, at.what, have.Subjects)
		}
	}
	return nil
}

// kept is a stream that keeps what is published to it.
type kept struct {
	at     place
	want   jetstream.StreamConfig
	ageKey string // of the configuration
}

func (t Topology) deadLetters() kept {
	d := t.DeadLetter
	at := place{key: "dead_letter.stream", what: "dead-letter stream " + d.Stream}
	return kept{at, keptStream(d.Stream, d.Subject, d.MaxAge, t.replicas(), jetstream.DiscardNew), "dead_letter.max_age"}
}

func (t Topology) outcomes() kept {
	o := t.Outcomes
	at := place{key: "outcomes.stream", what: "outcomes stream " + o.Stream}
	return kept{at, keptStream(o.Stream, o.Subject, o.MaxAge, t.replicas(), jetstream.DiscardOld), "outcomes.max_age"}
}

func keptStream(name, subject string, maxAge time.Duration, replicas int, discard jetstream.DiscardPolicy) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        name,
		Subjects:    []string{subject + ".>"},
		Retention:   jetstream.LimitsPolicy,
		Discard:     discard,
		Storage:     jetstream.FileStorage,
		MaxMsgs:     unlimited,
		MaxBytes:    unlimited,
		MaxAge:      maxAge,
		Replicas:    replicas,
		AllowDirect: true,
	}
}

// ensureKept makes or checks a stream that keeps what is published to it.
func (t Topology) ensureKept(ctx context.Context, js jetstream.JetStream, k kept) ([]string, error) {
	have, made, err := ensureStream(ctx, js, k.at, k.want, t.Create)
	if err != nil || made {
		return nil, err
	}
	n, err := k.check(have)
	return n.texts(), err
}

func (k kept) check(have jetstream.StreamConfig) (notes, error) {
	at, want := k.at, k.want
	switch {
	case have.Mirror != nil || len(without(want.Subjects, have.Subjects)) > 0:
		return nil, refused("subjects", "%s: %s does not store %v (it stores %v): add it to the stream, or name another",
			at.key, at.what, want.Subjects, have.Subjects)
	case have.Retention == jetstream.InterestPolicy:
		return nil, refused("retention", "%s: %s has interest retention, which drops what no consumer waits for: use limits retention", at.key, at.what)
	case have.Sealed || have.NoAck:
		return nil, refused("sealed", "%s: %s is sealed or does not acknowledge what is published: use another stream", at.key, at.what)
	}
	var n notes
	n.when("retention", have.Retention == jetstream.WorkQueuePolicy, "%s has work-queue retention: whoever consumes from it removes its messages: use limits retention", at.what)
	n.told("max age", have.MaxAge != want.MaxAge, agree, "%s keeps messages for %v, not the %v of %s (0s: for ever): what exists is not changed",
		at.what, have.MaxAge, want.MaxAge, k.ageKey)
	capped := have.MaxBytes > 0 || have.MaxMsgs > 0 || have.MaxMsgsPerSubject > 0
	n.when("discard", capped && have.Discard == jetstream.DiscardOld && want.Discard == jetstream.DiscardNew,
		"%s drops its oldest messages when it is full: set its discard to new", at.what)
	n.when("message size", have.MaxMsgSize > 0, "%s takes messages of no more than %d bytes: larger ones cannot be stored: set its max_msg_size to -1", at.what, have.MaxMsgSize)
	return append(n, durability(at, want.Replicas, have)...), nil
}
