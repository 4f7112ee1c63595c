package request

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const maxReference = 128 // UTF-16 units

// fitsReference reports whether s can be a reference: 1 to 128 UTF-16 units,
// no white space at its ends, no control characters.
func fitsReference(s string) bool {
	if s == "" || len(s) > 3*maxReference || !utf8.ValidString(s) || strings.TrimSpace(s) != s {
		return false
	}
	units := 0
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
		units += utf16.RuneLen(r)
	}
	return units <= maxReference
}

// referenceOf is the reference of a request that was given none: the id where
// it fits, else its hash.
func referenceOf(id string) string {
	if fitsReference(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "qf-" + hex.EncodeToString(sum[:])
}
