package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Topology is what must exist on the server.
type Topology struct {
	// Create makes what is missing. What exists is never changed: not by this
	// package, whatever Create says.
	Create     bool
	Stream     Stream
	DeadLetter DeadLetter
	Outcomes   *Outcomes // nil: none
	Bucket     string    // of the ledger
	Consumers  []Consumer
}

// Stream is the work-queue stream that requests are published to.
type Stream struct {
	Name            string
	Subjects        []string
	Replicas        int           // also of the other streams and the bucket; 0: 1
	MaxBytes        int64         // 0: no limit
	DuplicateWindow time.Duration // 0: the server's default, 2 minutes
}

// DeadLetter is the stream of messages set aside, at <Subject>.<route>.<hash>.
type DeadLetter struct {
	Stream, Subject string
	MaxAge          time.Duration // 0: kept until purged
}

// Outcomes is the stream of outcome events, at <Subject>.<route>.
type Outcomes struct {
	Stream, Subject string
	MaxAge          time.Duration // 0: kept for ever
}

// Consumer is the durable pull consumer of one route.
type Consumer struct {
	Name          string // of the route, too
	Subjects      []string
	AckWait       time.Duration
	MaxAckPending int
}

// Ensure makes what is missing, if t.Create says so, and checks what is there.
// It may be called again at any time, and by many processes at once. Warnings
// are what works, but not as it should. The error holds every [*ConfigError]
// that was found; any other error means that the server did not answer as it
// should, and that Ensure is to be called again.
func Ensure(ctx context.Context, js jetstream.JetStream, t Topology) (warnings []string, err error) {
	if !js.Conn().IsConnected() {
		return nil, ErrDisconnected
	}
	warnings, err = run(t.stores(ctx, js))
	if err != nil {
		return warnings, err // consumers need their stream
	}
	more, err := run(t.consumers(ctx, js))
	return append(warnings, more...), err
}

type step func() (warnings []string, err error)

// run does one step after the other, past those that find a [*ConfigError].
func run(steps []step) (warnings []string, err error) {
	var faults []error
	for _, step := range steps {
		w, err := step()
		warnings = append(warnings, w...)
		if err != nil {
			faults = append(faults, err)
		}
		if err != nil && !isConfigError(err) {
			break
		}
	}
	return warnings, errors.Join(faults...)
}

func (t Topology) stores(ctx context.Context, js jetstream.JetStream) []step {
	// The stream comes first: publishers must have somewhere to publish.
	steps := []step{
		func() ([]string, error) { return checkVersion(js.Conn().ConnectedServerVersion()) },
		func() ([]string, error) { return t.ensureWork(ctx, js) },
		func() ([]string, error) { return t.ensureKept(ctx, js, t.deadLetters()) },
		func() ([]string, error) { return t.ensureBucket(ctx, js) },
	}
	if t.Outcomes != nil {
		steps = append(steps, func() ([]string, error) { return t.ensureKept(ctx, js, t.outcomes()) })
	}
	return steps
}

func (t Topology) consumers(ctx context.Context, js jetstream.JetStream) []step {
	var steps []step
	for _, c := range t.Consumers {
		steps = append(steps, func() ([]string, error) { return EnsureConsumer(ctx, js, t.Stream.Name, c, t.Create) })
	}
	return steps
}

func (t Topology) replicas() int { return max(t.Stream.Replicas, 1) }

// place says where in the configuration a stream is named, and what it is.
type place struct {
	key  string // of the configuration, such as stream.name
	what string // such as "stream JOBS"
}

func (at place) missing() error {
	return refused("existence", "%s: there is no %s, and stream.manage is never: "+
		"make it on the server, or set stream.manage to create and start once with the permission to make it", at.key, at.what)
}

// ensureStream returns the stream as it is on the server, made by want if it is
// missing and create says so. made tells that it was: there is nothing to check.
func ensureStream(ctx context.Context, js jetstream.JetStream, at place, want jetstream.StreamConfig, create bool) (have jetstream.StreamConfig, made bool, err error) {
	s, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if !create {
			return have, false, at.missing()
		}
		_, err = js.CreateStream(ctx, want)
		if err == nil {
			return want, true, nil
		}
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return have, false, creationError(at, want, err)
		}
		// Another process made it just now.
		s, err = js.Stream(ctx, want.Name)
	}
	if err != nil {
		return have, false, fmt.Errorf("broker: %s: %w", at.what, err)
	}
	return s.CachedInfo().Config, false, nil
}

// The server's codes for a stream or a consumer that can never be made as it is
// configured. The library names none of these.
const (
	codeNoReplicas      jetstream.ErrorCode = 10074
	codeSubjectOverlap  jetstream.ErrorCode = 10065
	codeInvalidStream   jetstream.ErrorCode = 10052
	codeNotUniqueFilter jetstream.ErrorCode = 10100
	codeManyUnfiltered  jetstream.ErrorCode = 10099
	codeFilterNotSubset jetstream.ErrorCode = 10093
)

const noReplicas = "stream.replicas: %s cannot have %d replicas on a server that is alone: set stream.replicas to 1, or connect to a cluster"

func creationError(at place, want jetstream.StreamConfig, err error) error {
	api, ok := errors.AsType[*jetstream.APIError](err)
	if !ok {
		return fmt.Errorf("broker: make %s: %w", at.what, err)
	}
	switch api.ErrorCode {
	case codeNoReplicas:
		return misconfiguredBy(err, noReplicas, at.what, want.Replicas)
	case codeSubjectOverlap:
		return misconfiguredBy(err, "%s: %s cannot be made: a stream that exists already stores some of the subjects %v: "+
			"name that stream, or choose other subjects", at.key, at.what, want.Subjects)
	case codeInvalidStream:
		return misconfiguredBy(err, "%s: the server refuses to make %s", at.key, at.what)
	}
	return fmt.Errorf("broker: make %s: %w", at.what, err)
}
