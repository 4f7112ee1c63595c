package uipath

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// property is a member of an entity: what it is called, and how it is read.
type property[T any] struct {
	name   string
	kind   kind
	names  []string // of an enumeration, in the order of their numbers
	fixed  bool     // the results cannot be ordered by it
	get    func(*T) any
	folded string // filled in by newEntitySet
}

// entitySet is the table of a kind of rows: what can be filtered, sorted,
// selected and shown.
type entitySet[T any] struct {
	properties []property[T]
	index      map[string]int // by name in lower case
}

// raw is a value that is JSON already.
type raw []byte

func newEntitySet[T any](properties ...property[T]) *entitySet[T] {
	s := &entitySet[T]{properties: properties, index: map[string]int{}}
	for i := range properties {
		properties[i].folded = strings.ToLower(properties[i].name)
		s.index[properties[i].folded] = i
	}
	return s
}

func (s *entitySet[T]) find(name string) *property[T] {
	if i, ok := s.index[name]; ok {
		return &s.properties[i]
	}
	return nil
}

// names gives the set as that which query options may name.
func (s *entitySet[T]) names() schema { return s }

func (s *entitySet[T]) kindOf(name string) (kind, []string, bool) {
	if p := s.find(name); p != nil {
		return p.kind, p.names, true
	}
	return 0, nil, false
}

func (s *entitySet[T]) sortable(name string) bool {
	p := s.find(name)
	return p != nil && !p.fixed && p.kind != opaqueKind
}

func (s *entitySet[T]) enum(name string) []string { return s.find(name).names }

// matches judges a row by a filter that passed checkTypes.
func (s *entitySet[T]) matches(e expression, row *T) bool {
	if e == nil {
		return true
	}
	return match(e, func(name string) any { return s.find(name).get(row) }, s.enum)
}

// sort puts rows in order. Rows that are equal in it stay as they are.
func sortRows[T any](s *entitySet[T], rows []*T, order []ordering) {
	slices.SortStableFunc(rows, func(a, b *T) int {
		for _, o := range order {
			get := s.find(o.property).get
			if c := compareValues(get(a), get(b)); c != 0 {
				if o.descending {
					return -c
				}
				return c
			}
		}
		return 0
	})
}

// compareValues puts null before everything else.
func compareValues(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	l := literal{}
	switch b := b.(type) {
	case string:
		l = literal{kind: textLiteral, text: b}
	case int64:
		l = literal{kind: numberLiteral, number: float64(b), whole: b}
	case bool:
		l = literal{kind: boolLiteral, truth: b}
	case time.Time:
		l = literal{kind: dateLiteral, date: b}
	}
	c, _ := compare(a, l)
	return c
}

// appendEntity appends a row as JSON, with a context unless that is empty.
func appendEntity[T any](dst []byte, s *entitySet[T], row *T, context string, selected []string) []byte {
	if dst == nil {
		dst = make([]byte, 0, 2048)
	}
	dst = append(dst, '{')
	if context != "" {
		dst = append(dst, `"@odata.context":`...)
		dst = append(appendText(dst, context), ',')
	}
	begin := len(dst)
	for i := range s.properties {
		p := &s.properties[i]
		if len(selected) > 0 && !slices.Contains(selected, p.folded) {
			continue
		}
		if len(dst) > begin {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, p.name...)
		dst = append(dst, '"', ':')
		dst = appendValue(dst, p.get(row))
	}
	return append(dst, '}')
}

func appendRow[T any](dst []byte, i int, s *entitySet[T], row *T, selected []string) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	return appendEntity(dst, s, row, "", selected)
}

func appendValue(dst []byte, value any) []byte {
	switch value := value.(type) {
	case string:
		return appendText(dst, value)
	case int64:
		return strconv.AppendInt(dst, value, 10)
	case bool:
		return strconv.AppendBool(dst, value)
	case time.Time:
		dst = append(dst, '"')
		dst = value.AppendFormat(dst, "2006-01-02T15:04:05.9999999Z")
		return append(dst, '"')
	case raw:
		return append(dst, value...)
	default:
		return append(dst, "null"...)
	}
}

// The getters below say "null" for what is not there.

func text[T any](get func(*T) string) func(*T) any {
	return func(row *T) any {
		if value := get(row); value != "" {
			return value
		}
		return nil
	}
}

func number[T any](get func(*T) int64) func(*T) any {
	return func(row *T) any { return get(row) }
}

func optional[T any](get func(*T) int64) func(*T) any {
	return func(row *T) any {
		if value := get(row); value != 0 {
			return value
		}
		return nil
	}
}

func truth[T any](get func(*T) bool) func(*T) any {
	return func(row *T) any { return get(row) }
}

func date[T any](get func(*T) time.Time) func(*T) any {
	return func(row *T) any {
		if value := get(row); !value.IsZero() {
			return value
		}
		return nil
	}
}

func object[T any](get func(*T) []byte) func(*T) any {
	return func(row *T) any {
		if value := get(row); value != nil {
			return raw(value)
		}
		return nil
	}
}

// always is a value that is the same for every row; nil is null.
func always[T any](value any) func(*T) any {
	return func(*T) any { return value }
}
