package telemetry

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is the longest value in a line of the log, in bytes.
const maxText = 1 << 10

// ellipsis ends a text that was cut.
const ellipsis = "…"

// Text bounds a value that came from outside: at most 1 KiB, valid UTF-8, and
// with spaces for control characters, line separators and invisible formatting
// (which could show a reader something else than what is there). A longer text
// ends in "…".
func Text(s string) string {
	if len(s) <= maxText && isPlain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(min(len(s), maxText))
	cut := 0              // where an ellipsis would still fit
	for _, r := range s { // an invalid byte comes as U+FFFD
		if hidden(r) {
			r = ' '
		}
		if b.Len()+utf8.RuneLen(r) > maxText {
			return b.String()[:cut] + ellipsis
		}
		b.WriteRune(r)
		if b.Len() <= maxText-len(ellipsis) {
			cut = b.Len()
		}
	}
	return b.String()
}

// isPlain reports whether s is printable ASCII, as almost every value is.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}
