package config

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The largest number where nothing else bounds it.
const unbounded = math.MaxInt32

var (
	booleans = map[string]bool{
		"true": true, "True": true, "TRUE": true,
		"false": false, "False": false, "FALSE": false,
	}
	switches = map[string]bool{"on": true, "off": false}
	whole    = regexp.MustCompile(`^[+-]?[0-9]+$`)
	decimal  = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?$`)
)

// written is the text of key's value, if it was written without quotes or comes
// out of a variable: only then it may be a number, a duration or a boolean.
func (s *section) written(key string) (text string, ok bool) {
	n := s.get(key)
	if n == nil || n.kind != scalar || !n.plain && len(n.variables) == 0 {
		return "", false
	}
	return n.text, true
}

// str is the text of key's value, or def. A number counts as its text.
func (s *section) str(key, def string) string {
	text, ok := s.text(key)
	if !ok || text == "" {
		return def
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		s.wrong(key, "has a line break or another control character in it; remove it")
		return def
	}
	return text
}

// text is str with everything that text may hold.
func (s *section) text(key string) (text string, ok bool) {
	n := s.get(key)
	if n == nil {
		return "", false
	}
	if fault := notText(n); fault != "" {
		s.wrong(key, "%s", fault)
		return "", false
	}
	return n.text, true
}

// notText says why n is not text, or nothing.
func notText(n *node) string {
	if n.kind != scalar {
		return "must be text, not a list or a mapping"
	}
	if _, is := booleans[n.text]; is && n.plain && len(n.variables) == 0 {
		return "must be text; put it in quotes"
	}
	return ""
}

// strs is the list of texts under key, none of them empty.
func (s *section) strs(key string) []string {
	var out []string
	s.list(key, func(i int, n *node, path string) {
		text, fault := "", ""
		switch {
		case n.kind == broken:
		case n.kind == null || n.kind == scalar && n.text == "":
			fault = "is empty; remove it"
		default:
			text, fault = n.text, notText(n)
		}
		if fault != "" {
			s.problem(path, "%s%s", fault, origin(n))
		}
		out = append(out, text)
	})
	return out
}

// boolean is true or false, or def.
func (s *section) boolean(key string, def bool) bool {
	if s.get(key) == nil {
		return def
	}
	text, ok := s.written(key)
	if value, is := booleans[text]; ok && is {
		return value
	}
	s.wrong(key, "must be true or false")
	return def
}

// onOff is on or off, or def. It may stand in quotes, because some YAML readers
// take the bare words for true and false, which count as well.
func (s *section) onOff(key string, def bool) bool {
	n := s.get(key)
	if n == nil {
		return def
	}
	if value, is := switches[n.text]; n.kind == scalar && is {
		return value
	}
	if value, is := booleans[n.text]; n.kind == scalar && is {
		return value
	}
	s.wrong(key, "must be on or off")
	return def
}

// integer is a whole number from low to high, or def.
func (s *section) integer(key string, def, low, high int64) int64 {
	if s.get(key) == nil {
		return def
	}
	text, ok := s.written(key)
	if !ok || !whole.MatchString(text) {
		s.wrong(key, "must be a whole number in digits, without quotes or a unit")
		return def
	}
	value, _ := strconv.ParseInt(text, 10, 64) // one that is out of range reads as the nearest
	switch {
	case low <= value && value <= high:
		return value
	case high < unbounded:
		s.wrong(key, "must be from %d to %d", low, high)
	case value < low:
		s.wrong(key, "must be at least %d", low)
	default:
		s.wrong(key, "must be at most %d", high)
	}
	return def
}

// number is a decimal number of at least 0, or def.
func (s *section) number(key string, def float64) float64 {
	if s.get(key) == nil {
		return def
	}
	text, ok := s.written(key)
	value, err := strconv.ParseFloat(text, 64)
	if !ok || !decimal.MatchString(text) || err != nil {
		s.wrong(key, "must be a number such as 5 or 0.5, without quotes or a unit")
		return def
	}
	if value < 0 {
		s.wrong(key, "must be at least 0")
		return def
	}
	return value
}

// duration is at least low, or def.
func (s *section) duration(key string, def, low time.Duration) time.Duration {
	n := s.get(key)
	if n == nil {
		return def
	}
	value, err := time.ParseDuration(n.text)
	if n.kind != scalar || err != nil {
		s.wrong(key, "must be a duration with its unit, such as 500ms, 30s, 5m or 168h")
		return def
	}
	if value < low {
		s.wrong(key, "must be at least %s", brief(low))
		return def
	}
	return value
}

// lasting is duration, or 0 for no end.
func (s *section) lasting(key string, def, low time.Duration) time.Duration {
	if n := s.get(key); n != nil && n.kind == scalar {
		if value, err := time.ParseDuration(n.text); err == nil && value == 0 {
			return 0
		}
	}
	return s.duration(key, def, low)
}

// brief prints d without units that are zero: 24h, not 24h0m0s.
func brief(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// choice is one of all, or def.
func choice[T ~string](s *section, key string, def T, all ...T) T {
	if s.get(key) == nil {
		return def
	}
	var names []string
	text, ok := s.text(key)
	for _, value := range all {
		if ok && text == string(value) {
			return value
		}
		names = append(names, string(value))
	}
	if ok && text != "" {
		s.wrong(key, "must be %s", orList(names))
	}
	return def
}

// orList is "a, b or c".
func orList(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
