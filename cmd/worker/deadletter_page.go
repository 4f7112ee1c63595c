package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/remedy"
)

const (
	pageWidth  = 100 // of running text, at most
	labelWidth = 12
)

// letterPages shows each letter on a page of its own, for reading.
type letterPages struct {
	l     *letterCommand
	shown bool
}

func (p *letterPages) close() error { return nil }

func (p *letterPages) write(s deadletter.Stored) error {
	var b strings.Builder
	if p.shown {
		b.WriteString("\n\n")
	}
	p.shown = true
	fmt.Fprintf(&b, "Dead letter %s\n\n", plain(s.Hash, ""))
	p.facts(&b, s)
	b.WriteString("\n")
	for _, line := range p.l.commands(s) {
		b.WriteString(strings.Repeat(" ", labelWidth) + line + "\n")
	}
	writeHeaders(&b, s.Header)
	fmt.Fprintf(&b, "\nPayload (%s)\n\n%s", counted(len(s.Data), "byte"), payload(s.Data, p.l.outTTY))
	_, err := io.WriteString(p.l.out, b.String())
	return err
}

// facts are what happened, when, to what, and what to do about it.
func (p *letterPages) facts(b *strings.Builder, s deadletter.Stored) {
	width := pageWidth
	if p.l.outTTY {
		width = min(width, p.l.width())
	}
	say := func(label, text string) {
		for i, line := range wrapped(plain(text, ""), max(width-labelWidth, leastWidth)) {
			if i > 0 {
				label = ""
			}
			fmt.Fprintf(b, "%-*s%s\n", labelWidth, label, line)
		}
	}
	say("What", strings.TrimSuffix(orNone(string(s.Reason))+": "+s.Detail, ": "))
	if s.Status != 0 {
		say("", strings.TrimSuffix(fmt.Sprintf("HTTP status %d, error code %s", s.Status, s.ErrorCode), ", error code "))
	}
	say("When", when(s, time.Now()))
	say("Request", orNone(s.RequestID))
	say("Came from", fmt.Sprintf("subject %s, message %d of stream %s, route %s", orNone(s.Subject), s.Sequence, orNone(s.Stream), orNone(s.Route)))
	say("What to do", remedy.OfDeadLetter(s.Reason))
}

func orNone(s string) string {
	if s == "" {
		return "(not known)"
	}
	return s
}

func when(s deadletter.Stored, now time.Time) string {
	text := clock(s.Failed()) + " (" + ago(now.Sub(s.Failed())) + ")"
	if s.Attempts > 0 {
		text += ", after " + counted(s.Attempts, "attempt")
	}
	switch {
	case firstTryKnown(s):
		text += "; first sent " + clock(s.FirstTry)
	case s.FirstTry.IsZero() && s.UnknownSince.IsZero() && s.Reason != job.UnknownOutcome:
		text += "; never sent"
	default:
		text += "; first sent at an unknown time"
	}
	return text
}

// firstTryKnown is false also where a replay noted that it may have been at any
// time, for which the first moment of 1970 stands.
func firstTryKnown(s deadletter.Stored) bool { return s.FirstTry.Unix() > 0 }

// ago is how long something is past, as one says it.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return counted(int(d/time.Minute), "minute") + " ago"
	case d < 2*day:
		return counted(int(d/time.Hour), "hour") + " ago"
	}
	return counted(int(d/day), "day") + " ago"
}

// commands are the lines that replay or purge this one letter, to be copied.
func (l *letterCommand) commands(s deadletter.Stored) []string {
	options := " --id " + quoted(plain(s.Hash, ""))
	if l.inboxPrefix != "" {
		options = " --inbox-prefix " + quoted(l.inboxPrefix) + options
	}
	if l.file != "" {
		options = " --config " + quoted(l.file) + options
	}
	replay := "worker deadletter replay" + options
	switch s.Reason {
	case job.UnknownOutcome:
		return []string{replay, replay + " --resend  # only if you looked, and it is not there", "worker deadletter purge" + options}
	case job.UnsupportedAction:
		return []string{replay + " --to-route NAME", "worker deadletter purge" + options}
	}
	return []string{replay, "worker deadletter purge" + options}
}

// quoted is a word as a shell takes it.
func quoted(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("-_./:=@%+,", r) && (r > '~' || !isAlphanumeric(r))
	}) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}

func writeHeaders(b *strings.Builder, header map[string][]string) {
	if len(header) == 0 {
		b.WriteString("\nNo headers\n")
		return
	}
	b.WriteString("\nHeaders\n\n")
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			b.WriteString(plain(name, "") + ": " + plain(value, "") + "\n")
		}
	}
}

// payload is a message's data as it can be read; JSON is laid out if pretty.
func payload(data []byte, pretty bool) string {
	text := ""
	switch {
	case len(data) == 0:
		return "(empty)\n"
	case !utf8.Valid(data):
		return hex.Dump(data)
	case pretty && json.Valid(data):
		var b bytes.Buffer
		if err := json.Indent(&b, bytes.TrimSpace(data), "", "  "); err == nil {
			text = string(plainJSON(b.Bytes()))
		}
	}
	if text == "" {
		text = plain(string(data), "\n\t")
	}
	return strings.TrimSuffix(text, "\n") + "\n"
}
