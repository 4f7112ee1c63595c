package request

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/queueferry/queueferry/internal/job"
)

// How much of a publisher's text a detail may show.
const (
	maxQuoted  = 64  // characters of a value or a key
	maxMessage = 256 // characters of a message of jq
)

// The functions below make the outcome that ends the way of a message; nil
// means go on.

func reject(reason job.Reason, format string, args ...any) *job.Outcome {
	out := job.Reject(reason, fmt.Sprintf(format, args...))
	return &out
}

func undecodable(format string, args ...any) *job.Outcome {
	return reject(job.Undecodable, format, args...)
}

func invalid(format string, args ...any) *job.Outcome {
	return reject(job.InvalidRequest, format, args...)
}

func notAllowed(format string, args ...any) *job.Outcome {
	return reject(job.NotAllowed, format, args...)
}

func wrongType(field, want string, kind byte) *job.Outcome {
	return invalid("%s: must be %s, found %s", field, want, kindName(kind))
}

// within says in which part of the message a fault lies.
func within(part string, stop *job.Outcome) *job.Outcome {
	if stop != nil {
		stop.Detail = "in " + part + ": " + stop.Detail
	}
	return stop
}

// kindName names the kind of JSON value that begins with b.
func kindName(b byte) string {
	switch b {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// quote shows a short text from a message, without control characters.
func quote[T ~string | ~[]byte](s T) string {
	return strconv.Quote(clip(string(s), maxQuoted))
}

// shown is a short text from a message as it stands in a sentence: clipped, and
// with spaces for control characters, so that it stays one line.
func shown(s string, limit int) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(clip(s, limit), "\ufffd"))
}

// clip cuts s after limit characters.
func clip(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	for i := range s {
		if limit == 0 {
			return s[:i] + "…"
		}
		limit--
	}
	return s
}

// didYouMean is the end of a sentence that suggests the known key nearest to
// the unknown one, or nothing where none is near.
func didYouMean(unknown string, known []string) string {
	if len(unknown) > 2*maxQuoted {
		return ""
	}
	best, least := "", 3
	for _, k := range known {
		if d := distance(plainKey(unknown), plainKey(k)); d < least && d < len(k)/2 {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + strconv.Quote(best) + "?"
}

// plainKey is a key without what people mix up: case and the sign between words.
func plainKey(s string) string { return signs.Replace(strings.ToLower(s)) }

var signs = strings.NewReplacer("_", "", "-", "")

// distance counts the letters to insert, remove, replace or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
