package values

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// SameContent reports whether content that the server shows is content that was
// sent, allowing for what the server does to values: it takes annotations off,
// writes numbers and dates in a form of its own, and may leave out what is null.
// Names count letter by letter.
func SameContent(sent, got job.Fields) bool {
	return covers(sent, got) && covers(got, sent)
}

// Annotation is the end of a member that tells an OData server the type of another
// one.
const Annotation = "@odata.type"

// covers reports whether b has everything that is in a.
func covers(a, b job.Fields) bool {
	for name, value := range a {
		if strings.HasSuffix(name, Annotation) || Null(value) {
			continue
		}
		if other := b[name]; Null(other) || !sameValue(value, other) {
			return false
		}
	}
	return true
}

// Null reports whether a value is null, or none at all.
func Null(value json.RawMessage) bool { return First(value) == 0 || First(value) == 'n' }

// Empty reports whether content says nothing: it is then equal to no content.
func Empty(content job.Fields) bool { return covers(content, nil) }

func sameValue(a, b json.RawMessage) bool {
	a, b = bytes.TrimSpace(a), bytes.TrimSpace(b)
	switch {
	case bytes.Equal(a, b):
		return true
	case First(a) == '"' && First(b) == '"':
		return sameText(a, b)
	case isNumber(a) && isNumber(b):
		return sameNumber(string(a), string(b))
	}
	return false
}

func isNumber(value json.RawMessage) bool {
	c := First(value)
	return c == '-' || c >= '0' && c <= '9'
}

// sameText takes two ways to write one instant for the same text: the server
// reads what looks like a date as one.
func sameText(a, b json.RawMessage) bool {
	var s, t string
	if json.Unmarshal(a, &s) != nil || json.Unmarshal(b, &t) != nil {
		return false
	}
	if s == t {
		return true
	}
	at, ok := Instant(s)
	other, also := Instant(t)
	return ok && also && at.Equal(other)
}

// Instant reads a date and time of RFC 3339 as exactly as the server keeps it.
// One without a zone is in UTC.
func Instant(s string) (time.Time, bool) {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(form, s); err == nil {
			return at.UTC().Truncate(100 * time.Nanosecond), true
		}
	}
	return time.Time{}, false
}

// sameNumber compares whole numbers of 64 bits digit by digit, and everything
// else as the doubles that the server makes of them.
func sameNumber(a, b string) bool {
	m, whole := integer(a)
	n, also := integer(b)
	if whole && also {
		return m == n
	}
	x, err := strconv.ParseFloat(a, 64)
	y, otherErr := strconv.ParseFloat(b, 64)
	return err == nil && otherErr == nil && x == y
}

// longestNumber bounds what is compared exactly: 1e999999999 is a small text and
// a very large number.
const longestNumber = 64

// integer reports whether a number, however it is written, is a whole one of 64
// bits.
func integer(s string) (int64, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	_, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	if len(s) > longestNumber || len(exponent) > len("+99") {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return r.Num().Int64(), true
}
