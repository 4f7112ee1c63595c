package values

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// IsGUID reports whether a text looks like a key.
func IsGUID(text string) bool { return len(text) == 36 && guid.MatchString(text) }

// Kind is the type of a field.
type Kind int

// The kinds.
const (
	Text     Kind = iota
	Flag          // true or false
	Number        // a whole number of 32 bits
	Big           // a whole number of 64 bits
	Key           // a GUID
	Choice        // one of some words, in any case
	Object        // with the members of a table
	Texts         // an object of texts by names of any kind
	Time          // RFC 3339
	TextID        // a positive whole number, or its digits as text; sent as text
	NumberID      // as TextID; sent as a number
)

// Field is what is known of a field. Enumerations to which versions of a product
// add are not held in tables: they are text.
type Field struct {
	Kind    Kind
	Many    bool // a list of them
	Limit   int  // of text, in UTF-16 units; 0: none
	Least   int64
	Most    int64 // 0: the type's
	Choices []string
	Members Table
	Must    string // of an object: the member that it cannot do without
}

// Table has the fields of an object by the API's names.
type Table map[string]Field

// Read checks a value, and gives it as it shall be sent: nil for null. wrong says
// what is not right, and quotes no value.
func (t Table) Read(name string, value json.RawMessage) (written json.RawMessage, wrong string) {
	f, known := t[name]
	switch {
	case !known:
		return nil, "unknown; there are " + strings.Join(slices.Sorted(maps.Keys(t)), ", ")
	case First(value) == 'n':
		return nil, ""
	case !f.Many:
		return f.read(value)
	}
	var all []json.RawMessage
	if json.Unmarshal(value, &all) != nil {
		return nil, "must be a list"
	}
	for i, one := range all {
		if all[i], wrong = f.read(one); wrong != "" {
			return nil, fmt.Sprintf("element %d: %s", i+1, wrong)
		}
	}
	written, err := json.Marshal(all)
	if err != nil {
		return nil, "must be a list"
	}
	return written, ""
}

// read checks one value. Of a choice it gives the API's own spelling.
func (f Field) read(value json.RawMessage) (written json.RawMessage, wrong string) {
	switch f.Kind {
	case Flag:
		if c := First(value); c != 't' && c != 'f' {
			return nil, "must be true or false"
		}
		return value, ""
	case Number, Big:
		return value, f.checkNumber(value)
	case Object:
		return f.object(value)
	case Texts:
		var texts map[string]string
		if First(value) != '{' || json.Unmarshal(value, &texts) != nil {
			return nil, "must be an object of texts"
		}
		return value, ""
	case TextID, NumberID:
		return f.id(value)
	}
	var text string
	if First(value) != '"' || json.Unmarshal(value, &text) != nil {
		return nil, "must be text"
	}
	if f.Kind == Choice {
		return f.choose(text)
	}
	return value, f.checkText(text)
}

func (f Field) id(value json.RawMessage) (written json.RawMessage, wrong string) {
	var id Code
	if json.Unmarshal(value, &id) != nil || !id.Positive() {
		return nil, "must be an id: digits, as a number or as text"
	}
	if f.Kind == TextID {
		return json.RawMessage(strconv.Quote(string(id))), ""
	}
	return json.RawMessage(id), ""
}

func (f Field) checkNumber(value json.RawMessage) (wrong string) {
	least, most := f.Least, f.Most
	switch {
	case f.Kind == Big:
		least, most = math.MinInt64, math.MaxInt64
	case most == 0:
		most = math.MaxInt32
	}
	var n int64
	if json.Unmarshal(value, &n) != nil || n < least || n > most {
		return fmt.Sprintf("must be a whole number from %d to %d", least, most)
	}
	return ""
}

func (f Field) checkText(text string) (wrong string) {
	switch f.Kind {
	case Key:
		if !IsGUID(text) {
			return "must be a GUID, as 883749b2-5a9c-4c38-a6b5-3f1e6f5d3c2a"
		}
	case Time:
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return "must be a date and time with its zone, as 2026-01-31T06:00:00Z"
		}
	default:
		if f.Limit > 0 && Units(text) > f.Limit {
			return fmt.Sprintf("longer than %d characters", f.Limit)
		}
	}
	return ""
}

func (f Field) choose(text string) (json.RawMessage, string) {
	for _, c := range f.Choices {
		if strings.EqualFold(c, text) {
			return json.RawMessage(strconv.Quote(c)), ""
		}
	}
	return nil, "must be one of " + strings.Join(f.Choices, ", ")
}

func (f Field) object(value json.RawMessage) (json.RawMessage, string) {
	var members map[string]json.RawMessage
	if First(value) != '{' || json.Unmarshal(value, &members) != nil {
		return nil, "must be an object"
	}
	written := make(map[string]json.RawMessage, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		v, wrong := f.Members.Read(name, members[name])
		if wrong != "" {
			return nil, Clip(name) + ": " + wrong
		}
		if v != nil {
			written[name] = v
		}
	}
	if f.Must != "" && written[f.Must] == nil {
		return nil, f.Must + ": missing"
	}
	b, err := json.Marshal(written)
	if err != nil {
		return nil, "must be an object"
	}
	return b, ""
}
