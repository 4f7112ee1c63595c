package deadletter

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
)

// The headers that a dead letter bears. Names are written exactly like this:
// NATS tells upper from lower case.
const (
	HeaderRoute     = "Queueferry-Route"
	HeaderReason    = "Queueferry-Reason"
	HeaderDetail    = "Queueferry-Detail"
	HeaderStatus    = "Queueferry-Status"
	HeaderErrorCode = "Queueferry-Error-Code"
	HeaderAttempts  = "Queueferry-Attempts"
	HeaderStream    = "Queueferry-Stream"
	HeaderSequence  = "Queueferry-Sequence"
	HeaderSubject   = "Queueferry-Subject"
	// HeaderRequestID is left out if the id could not be read back from it as it
	// is: too long, or with control characters. It is then found where it came
	// from: in the payload, or among the original headers.
	HeaderRequestID = "Queueferry-Request-Id"
	HeaderFirstTry  = "Queueferry-First-Try"
	HeaderFailedAt  = "Queueferry-Failed-At"
	// HeaderUnknownSince is when the last call ended that may have carried the
	// request out: a replay has it looked for before it is sent again. It is
	// "never" where calls were made and all of them certainly failed.
	HeaderUnknownSince = "Queueferry-Unknown-Since"
	// HeaderEncoding is "gzip" where the payload is compressed; else it is not there.
	HeaderEncoding = "Queueferry-Encoding"
	// OriginalPrefix stands before the rest of the name of an inbound Nats-*
	// header, which would otherwise command the server.
	OriginalPrefix = "Queueferry-Original-"
)

const (
	natsPrefix = "Nats-"
	never      = "never"
	ownHeaders = 17 // at most, with those that command the server
	ownPrefix  = "Queueferry-"
	maxDetail  = 1024 // bytes
	maxValue   = 4096 // bytes, of any other header of ours
)

// header is what the dead letter bears: the message's own headers, and ours.
func (l Letter) header() nats.Header {
	h := make(nats.Header, len(l.Header)+ownHeaders)
	for name, values := range l.Header {
		if kept := inbound(name); kept != "" { // a header without a name is none
			h[kept] = append(h[kept], values...)
		}
	}
	put := func(name, value string) {
		if value = clean(value, maxValue); value != "" {
			h[name] = []string{value}
		}
	}
	put(HeaderRoute, l.Route)
	put(HeaderReason, string(l.Reason))
	put(HeaderDetail, clean(l.Detail, maxDetail))
	if l.Status != 0 {
		put(HeaderStatus, strconv.Itoa(l.Status))
	}
	put(HeaderErrorCode, l.ErrorCode)
	put(HeaderAttempts, strconv.Itoa(l.Attempts))
	put(HeaderStream, l.Stream)
	put(HeaderSequence, strconv.FormatUint(l.Sequence, 10))
	put(HeaderSubject, l.Subject)
	if clean(l.RequestID, maxValue) == l.RequestID {
		put(HeaderRequestID, l.RequestID)
	}
	put(HeaderFirstTry, timestamp(l.FirstTry))
	put(HeaderFailedAt, timestamp(l.FailedAt))
	put(HeaderUnknownSince, timestamp(l.UnknownSince))
	if l.UnknownSince.IsZero() && !l.FirstTry.IsZero() {
		put(HeaderUnknownSince, never)
	}
	return h
}

// inbound is the name under which a header of the message is kept. Nats-Msg-Id
// becomes Queueferry-Original-Msg-Id. A header that bears our prefix is not
// ours: Queueferry-Reason becomes Queueferry-Original-Queueferry-Reason, so that
// a publisher can forge nothing. Both prefixes count in any case. Characters
// that the library refuses to write in a name are percent-encoded.
func inbound(name string) string {
	switch {
	case hasPrefixFold(name, natsPrefix):
		name = OriginalPrefix + name[len(natsPrefix):]
	case hasPrefixFold(name, ownPrefix):
		name = OriginalPrefix + name
	}
	return escapeName(name)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// refusedInNames are the printable characters that nats.go takes in no name.
const refusedInNames = "\"()/,:;<=>?@[\\]{}"

func escapeName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; c > ' ' && c < 0x7f && strings.IndexByte(refusedInNames, c) < 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// clean makes a header's value of any text: one line, valid UTF-8, no control
// characters, no space at either end, at most limit bytes.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || (r >= 0x7f && r < 0xa0) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.Trim(s, " ")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return strings.TrimRight(s[:limit], " ")
}

func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
