package uipath

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kind is the type of a property, as far as a filter minds it.
type kind int

const (
	textKind kind = iota
	intKind
	boolKind
	dateKind
	guidKind
	enumKind
	opaqueKind // cannot be filtered or sorted by
)

// checkTypes finds each property that a filter names and holds its literal
// against its type.
func checkTypes(e expression, look func(property string) (kind, []string, bool)) error {
	switch e := e.(type) {
	case logical:
		if err := checkTypes(e.left, look); err != nil {
			return err
		}
		return checkTypes(e.right, look)
	case negation:
		return checkTypes(e.of, look)
	case textTest:
		if k, _, ok := look(e.property); !ok || k != textKind {
			return fmt.Errorf("no text property named '%s' can be found", e.property)
		}
	case comparison:
		k, names, ok := look(e.property)
		if !ok || k == opaqueKind {
			return fmt.Errorf("could not find a property named '%s'", e.property)
		}
		if !e.value.fits(k, names) {
			return fmt.Errorf("a binary operator with incompatible types was detected for '%s'", e.property)
		}
	}
	return nil
}

// fits reports whether a property of a kind can be compared with the literal. An
// enumeration takes its names and their numbers, both in quotes.
func (l literal) fits(k kind, names []string) bool {
	if l.kind == nullLiteral {
		return true
	}
	switch k {
	case textKind:
		return l.kind == textLiteral
	case intKind:
		return l.kind == numberLiteral
	case boolKind:
		return l.kind == boolLiteral
	case dateKind:
		return l.kind == dateLiteral
	case guidKind:
		return l.kind == guidLiteral
	case enumKind:
		return l.kind == textLiteral && enumName(l.text, names) != ""
	default:
		return false
	}
}

// enumName gives the name that a literal stands for, or nothing.
func enumName(text string, names []string) string {
	if slices.Contains(names, text) {
		return text
	}
	if number, err := strconv.Atoi(text); err == nil && number >= 0 && number < len(names) {
		return names[number]
	}
	return ""
}

// match reports whether a row is one that the filter lets through. get gives a
// property's value: string, int64, bool, time.Time or nil.
func match(e expression, get func(property string) any, enum func(property string) []string) bool {
	switch e := e.(type) {
	case logical:
		left := match(e.left, get, enum)
		if left == (e.operator == "or") {
			return left
		}
		return match(e.right, get, enum)
	case negation:
		return !match(e.of, get, enum)
	case textTest:
		text, _ := get(e.property).(string)
		return e.holds(text)
	case comparison:
		value := e.value
		if names := enum(e.property); names != nil && value.kind == textLiteral {
			value.text = enumName(value.text, names)
		}
		return holds(e.operator, get(e.property), value)
	default:
		return true
	}
}

// holds folds case, as the product's database does.
func (t textTest) holds(text string) bool {
	switch t.function {
	case "contains":
		return strings.Contains(fold(text), fold(t.text))
	case "startswith":
		return strings.HasPrefix(fold(text), fold(t.text))
	default:
		return strings.HasSuffix(fold(text), fold(t.text))
	}
}

func holds(operator string, value any, l literal) bool {
	order, ok := compare(value, l)
	switch operator {
	case "eq":
		return ok && order == 0
	case "ne":
		return !ok || order != 0
	case "gt":
		return ok && order > 0
	case "ge":
		return ok && order >= 0
	case "lt":
		return ok && order < 0
	default:
		return ok && order <= 0
	}
}

// compare orders a value and a literal. Nothing can be compared with null but null.
func compare(value any, l literal) (order int, ok bool) {
	if value == nil || l.kind == nullLiteral {
		return 0, value == nil && l.kind == nullLiteral
	}
	switch value := value.(type) {
	case string:
		return strings.Compare(fold(value), fold(l.text)), true
	case int64:
		if l.number == float64(l.whole) {
			return cmp.Compare(value, l.whole), true
		}
		return cmp.Compare(float64(value), l.number), true
	case bool:
		if value == l.truth {
			return 0, true
		}
		return 1, true
	case time.Time:
		return value.Compare(l.date), true
	default:
		return 0, false
	}
}
