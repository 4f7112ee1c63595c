// Package values checks, measures and compares the JSON values that requests bring
// to a product's API. It knows no product.
package values

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/queueferry/queueferry/internal/job"
)

// Clip makes a name that a publisher chose fit for a line of text.
func Clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
	if len(s) <= 64 {
		return s
	}
	return strings.ToValidUTF8(s[:64], "") + "…"
}

// Quoted is a name that a publisher chose, clipped and in quotes.
func Quoted(name string) string { return strconv.Quote(Clip(name)) }

// First is the byte that tells a value's type; 0 where there is none.
func First(value json.RawMessage) byte {
	value = bytes.TrimSpace(value)
	if len(value) == 0 {
		return 0
	}
	return value[0]
}

// Size counts UTF-16 units of the content as JSON that escapes no more than it
// must. It counts bytes first: they are never fewer, and nearly always few enough
// for the limit. Then the size is not exact.
func Size(content job.Fields, limit int) int {
	size := 2
	for name, value := range content {
		size += 6*len(name) + len(value) + 4
	}
	if size <= limit {
		return size
	}
	size = 2 + max(len(content)-1, 0) // braces and commas
	for name, value := range content {
		size += quotedUnits(name) + 1 + valueUnits(value)
	}
	return size
}

func valueUnits(value json.RawMessage) int {
	var text string
	if First(value) == '"' && json.Unmarshal(value, &text) == nil {
		return quotedUnits(text)
	}
	return Units(string(value))
}

// quotedUnits counts text as a JSON string.
func quotedUnits(s string) int {
	n := 2
	for _, r := range s {
		switch {
		case r == '"', r == '\\', r == '\b', r == '\f', r == '\n', r == '\r', r == '\t':
			n += 2
		case r < ' ':
			n += 6
		default:
			n += max(utf16.RuneLen(r), 1)
		}
	}
	return n
}

// Units counts the UTF-16 units of a text.
func Units(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}
