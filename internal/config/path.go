package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// join is the path of key in the mapping at path.
func join(path, key string) string {
	if !plainKey.MatchString(key) {
		key = shorten(strconv.Quote(key))
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// index is the path of element i of the list at path.
func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// parentOf is the path of what holds the value at path; the root's is empty.
func parentOf(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// plainKey needs no quotes in a path.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9_<-]{1,64}$`)

func shorten(s string) string {
	const limit = 64
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return s
}

// insideSecret finds what stands below a secret: somebody who writes
// {client_secret: {abc}} has made a key of it.
var insideSecret = regexp.MustCompile(`(\b(?:client_secret|password|api_key|refresh_token|token|totp_secret))[.\[].*`)

// shown is path as it may be printed.
func shown(path string) string { return insideSecret.ReplaceAllString(path, "$1") }
