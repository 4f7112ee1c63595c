package config

import (
	"regexp"
	"strings"
	"unicode"
)

// ourName is the name of a route or a connection.
var ourName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

const ourNameRule = "must be 1 to 64 letters, digits, _ or -"

// streamName is a name that JetStream takes for a stream, or def.
func (s *section) streamName(key, def string) string {
	name := s.str(key, def)
	bad := func(r rune) bool {
		return strings.ContainsRune(`.*>/\`, r) || unicode.IsSpace(r) || !unicode.IsPrint(r)
	}
	if len(name) > 255 || strings.ContainsFunc(name, bad) {
		s.wrong(key, `is not the name of a stream; use up to 255 letters, digits, _ or -, without . * > / \ and spaces`)
		return def
	}
	return name
}

var bucket = regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`)

// bucketName is a name that JetStream takes for a key-value bucket, or def.
func (s *section) bucketName(key, def string) string {
	name := s.str(key, def)
	if !bucket.MatchString(name) {
		s.wrong(key, "is not the name of a bucket; use up to 200 letters, digits, _ or -")
		return def
	}
	return name
}
