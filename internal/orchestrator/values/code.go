package values

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Code is a number that some servers write as text, or a word.
type Code string

// UnmarshalJSON takes a number, text, or null.
func (c *Code) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case 'n':
		return nil
	case '"':
		var text string
		err := json.Unmarshal(b, &text)
		*c = Code(strings.TrimSpace(text))
		return err
	case 't', 'f', '{', '[':
		return errNoCode
	}
	*c = Code(b)
	return nil
}

var errNoCode = errors.New("values: neither a number nor text")

// Positive reports whether it is a whole number of 63 bits above 0, in digits
// without a zero or a sign before them: an id.
func (c Code) Positive() bool {
	id, err := strconv.ParseInt(string(c), 10, 64)
	return err == nil && id > 0 && strconv.FormatInt(id, 10) == string(c)
}
