package deadletter

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/job"
)

// mostUnpacked bounds a payload once it is decompressed, in bytes: no server
// took a message as large.
const mostUnpacked = 64 << 20

// ErrPayload means that a letter's payload cannot be had back. It concerns that
// letter alone.
var ErrPayload = errors.New("the payload cannot be decompressed")

// headersOnlySize is the server's own header where it leaves the payload out.
const headersOnlySize = "Nats-Msg-Size"

// read is the letter as far as it can be read: one of an earlier version, or
// written by hand, may lack anything.
func read(subject string, header nats.Header, data []byte) Stored {
	s := Stored{Raw: header, Size: len(data)}
	if tokens := strings.Split(subject, "."); len(tokens) > 1 {
		s.Route, s.Hash = tokens[len(tokens)-2], tokens[len(tokens)-1]
	}
	get := func(name string) string { return strings.TrimSpace(first(header, name)) }
	s.Reason, s.Detail, s.ErrorCode = job.Reason(get(HeaderReason)), get(HeaderDetail), get(HeaderErrorCode)
	s.Status, s.Attempts = number(get(HeaderStatus)), number(get(HeaderAttempts))
	s.Stream, s.Subject = get(HeaderStream), get(HeaderSubject)
	s.Sequence, _ = strconv.ParseUint(get(HeaderSequence), 10, 64)
	s.RequestID = first(header, HeaderRequestID)
	s.FirstTry, s.FailedAt, s.UnknownSince = moment(get(HeaderFirstTry)), moment(get(HeaderFailedAt)), moment(get(HeaderUnknownSince))
	s.Header = make(nats.Header, len(header))
	for name, values := range header {
		if original := outbound(name); original != "" {
			s.Header[original] = append(s.Header[original], values...)
		}
	}
	if n, err := strconv.Atoi(get(headersOnlySize)); err == nil && n >= 0 && len(data) == 0 {
		s.Size = n
	}
	return s
}

func first(h nats.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// outbound is the name that a header had as it came, the reverse of inbound;
// empty: it is the server's or ours. What inbound encoded stays encoded.
func outbound(name string) string {
	switch {
	case hasPrefixFold(name, OriginalPrefix):
		rest := name[len(OriginalPrefix):]
		if rest == "" || hasPrefixFold(rest, ownPrefix) {
			return rest
		}
		return natsPrefix + rest
	case hasPrefixFold(name, ownPrefix) || hasPrefixFold(name, natsPrefix):
		return ""
	}
	return name
}

// number is zero where there is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// moment is zero where there is none.
func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// unpack is the payload as it came. Its error wraps [ErrPayload].
func unpack(header nats.Header, data []byte) ([]byte, error) {
	if first(header, HeaderEncoding) != "gzip" {
		return data, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, mostUnpacked+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	if len(plain) > mostUnpacked {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrPayload, mostUnpacked)
	}
	return plain, nil
}

// stored is a letter as a consumer delivers it. The error is [ErrPayload]; the
// rest of the letter is good all the same.
func stored(m jetstream.Msg, meta *jetstream.MsgMetadata, payload bool) (Stored, error) {
	s := read(m.Subject(), m.Headers(), m.Data())
	s.Place, s.At = meta.Sequence.Stream, meta.Timestamp
	if !payload {
		s.Header = nil
		return s, nil
	}
	var err error
	if s.Data, err = unpack(m.Headers(), m.Data()); err != nil {
		return s, fmt.Errorf("deadletter: letter %s: %w", s.Hash, err)
	}
	return s, nil
}
