package deadletter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// requestLimit bounds one question to the server.
const requestLimit = 5 * time.Second

// Store is the dead letters on the server. It is safe for concurrent use. Each
// question to the server takes at most 5 seconds.
type Store struct {
	js              jetstream.JetStream
	stream          jetstream.Stream
	name, subject   string
	pullAt, patient int // letters that List has in hand: with payload, without
	quiet           time.Duration
}

// noStreamError says what to do, where the server's own words say nothing more.
type noStreamError struct {
	stream string
	err    error
}

func (e *noStreamError) Error() string {
	return "deadletter: there is no stream " + e.stream + ": start the worker once, which makes it, or correct dead_letter.stream"
}
func (e *noStreamError) Unwrap() error { return e.err }

// Open is the store of the letters at <subject>.<route>.<hash> in a stream. An
// error says what to do where the stream does not exist.
func Open(ctx context.Context, js jetstream.JetStream, stream, subject string) (*Store, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	s, err := js.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, &noStreamError{stream, err}
	}
	if err != nil {
		return nil, fmt.Errorf("deadletter: open %s: %w", stream, err)
	}
	return &Store{js: js, stream: s, name: stream, subject: subject, pullAt: 16, patient: 256, quiet: 2 * time.Second}, nil
}

// stream is the handle of a stream that exists.
func stream(ctx context.Context, js jetstream.JetStream, name string) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	s, err := js.Stream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("deadletter: stream %s: %w", name, err)
	}
	return s, nil
}

// info is the stream as it is now.
func (s *Store) info(ctx context.Context, opts ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	return streamInfo(ctx, s.stream, s.name, opts...)
}

func streamInfo(ctx context.Context, stream jetstream.Stream, name string, opts ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	info, err := stream.Info(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("deadletter: stream %s: %w", name, err)
	}
	return info, nil
}

// remove deletes one letter. One that is gone already is fine.
func (s *Store) remove(ctx context.Context, place uint64) error {
	_, err := s.delete(ctx, place)
	return err
}

// delete deletes one letter. It reports false without an error where the letter
// was gone already.
func (s *Store) delete(ctx context.Context, place uint64) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	err := s.stream.DeleteMsg(ctx, place)
	if err == nil {
		return true, nil
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if _, lookErr := get(ctx, s.js, s.name, question{Seq: place}); errors.Is(lookErr, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	return false, fmt.Errorf("deadletter: delete letter %d of %s: %w", place, s.name, err)
}

// question asks for one message: that of a sequence, the next at or after it of
// a subject, or the last of a subject.
type question struct {
	Seq     uint64 `json:"seq,omitempty"`
	NextFor string `json:"next_by_subj,omitempty"`
	LastFor string `json:"last_by_subj,omitempty"`
}

// get asks the stream's leader. The library asks any replica where it may, and
// one that lags behind does not know what was stored just now (NATS ADR-8 and
// ADR-31, JetStream direct get).
func get(ctx context.Context, js jetstream.JetStream, stream string, q question) (*jetstream.RawStreamMsg, error) {
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message *struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Header  []byte    `json:"hdrs"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	if err := ask(ctx, js, "STREAM.MSG.GET."+stream, q, &answer); err != nil {
		return nil, err
	}
	switch {
	case answer.Error != nil && answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return nil, jetstream.ErrMsgNotFound
	case answer.Error != nil:
		return nil, answer.Error
	case answer.Message == nil:
		return nil, jetstream.ErrInvalidJetStreamResponse
	}
	found := answer.Message
	raw := &jetstream.RawStreamMsg{Subject: found.Subject, Sequence: found.Seq, Data: found.Data, Time: found.Time}
	if len(found.Header) > 0 {
		header, err := nats.DecodeHeadersMsg(found.Header)
		if err != nil {
			return nil, err
		}
		raw.Header = header
	}
	return raw, nil
}

// ask puts a question to the JetStream API that the library does not offer, or
// whose answer it does not hand on.
func ask(ctx context.Context, js jetstream.JetStream, subject string, question, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	q, err := json.Marshal(question)
	if err != nil {
		return err
	}
	m, err := js.Conn().RequestWithContext(ctx, apiPrefix(js.Options())+subject, q)
	if err != nil {
		return err
	}
	return json.Unmarshal(m.Data, answer)
}

// apiPrefix is what the subjects of the JetStream API begin with.
func apiPrefix(o jetstream.JetStreamOptions) string {
	switch {
	case o.Domain != "":
		return "$JS." + o.Domain + ".API."
	case o.APIPrefix != "":
		return strings.TrimSuffix(o.APIPrefix, ".") + "."
	}
	return jetstream.DefaultAPIPrefix
}
