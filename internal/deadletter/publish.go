package deadletter

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// publishLimit bounds one Publish.
const publishLimit = 5 * time.Second

var (
	// ErrTooBig means that the server takes no message as large as this dead
	// letter, although it is compressed. It cannot be stored until the server's
	// limit is raised.
	ErrTooBig = errors.New("too big for the server even when compressed: raise max_payload of the NATS server, " +
		"and max_msg_size of the dead-letter stream if it has one")
	// ErrDisconnected means that there is no connection: nothing was sent.
	ErrDisconnected = errors.New("not connected to NATS")
)

// Publisher puts letters on the dead-letter stream. It is safe for concurrent use.
type Publisher struct {
	js              jetstream.JetStream
	stream, subject string
	limit           time.Duration
}

// New publishes to <subject>.<route>.<hash>, which must be stored by the named
// stream: a letter that another stream would take is refused.
func New(js jetstream.JetStream, stream, subject string) *Publisher {
	return &Publisher{js: js, stream: stream, subject: subject, limit: publishLimit}
}

// Publish returns nil once the letter is stored, whether by this call or by one
// before. It tries once and takes at most 5 seconds; after an error, which wraps
// [ErrTooBig] or [ErrDisconnected] where it is one of these, the letter may be
// stored or not, and publishing it again is safe.
func (p *Publisher) Publish(ctx context.Context, l Letter) error {
	m, err := p.message(l)
	if err != nil {
		return fmt.Errorf("deadletter: message %d of %s: %w", l.Sequence, l.Stream, err)
	}
	// A letter in the library's buffer would be stored at some later time.
	if !p.js.Conn().IsConnected() {
		return fmt.Errorf("deadletter: message %d of %s: %w", l.Sequence, l.Stream, ErrDisconnected)
	}
	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	// The answer to a duplicate is a good one, and needs no look at it.
	_, err = p.js.PublishMsg(ctx, m)
	switch {
	case err == nil || storedAlready(err):
		return nil
	case errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum):
		err = fmt.Errorf("%w: %w", ErrTooBig, err)
	}
	return fmt.Errorf("deadletter: message %d of %s to %s: %w", l.Sequence, l.Stream, m.Subject, err)
}

// message is the letter as it is stored. Two things keep it from being stored
// twice: its id inside the stream's duplicate window, and after it the
// condition that its subject, which is its alone, has no message yet.
func (p *Publisher) message(l Letter) (*nats.Msg, error) {
	hash := l.Hash()
	m := &nats.Msg{Subject: p.subject + "." + l.Route + "." + hash, Header: l.header(), Data: l.Data}
	m.Header[jetstream.MsgIDHeader] = []string{hash}
	m.Header[jetstream.ExpectedLastSubjSeqHeader] = []string{"0"}
	m.Header[jetstream.ExpectedStreamHeader] = []string{p.stream}
	limit := p.js.Conn().MaxPayload()
	if limit <= 0 || size(m) <= limit { // not known before the first connection
		return m, nil
	}
	data, err := compress(l.Data)
	if err != nil {
		return nil, err
	}
	m.Data = data
	m.Header[HeaderEncoding] = []string{"gzip"}
	if n := size(m); n > limit {
		return nil, fmt.Errorf("%d bytes, the limit is %d: %w", n, limit, ErrTooBig)
	}
	return m, nil
}

// size is what the server counts: the headers as they go over the wire, and the
// payload.
func size(m *nats.Msg) int64 {
	return int64(m.Size() - len(m.Subject) - len(m.Reply))
}

func compress(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return b.Bytes(), nil
}

// storedAlready knows both codes by which a server says that the subject has a
// message; replicated streams have one of their own.
func storedAlready(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}
