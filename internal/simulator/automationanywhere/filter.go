package automationanywhere

import (
	"regexp"
	"slices"
	"strings"
)

// filter is a condition, or several. Every value is a text.
type filter struct {
	Operator string   `json:"operator"`
	Field    string   `json:"field"`
	Value    string   `json:"value"`
	Operands []filter `json:"operands"`
}

var comparisons = []string{"eq", "ne", "lt", "le", "gt", "ge", "substring"}

// fits reports whether a filter can be judged: an operator that there is, with
// what belongs to it and nothing else, on fields that permit it. An empty filter
// asks for all, and so does NONE.
func (f *filter) fits(permits func(field, operator string) bool) bool {
	single := f.Field != "" || f.Value != ""
	switch f.Operator {
	case "NONE":
		return true
	case "":
		return !single && len(f.Operands) == 0
	case "and", "or", "not":
		if single || len(f.Operands) == 0 || f.Operator == "not" && len(f.Operands) > 1 {
			return false
		}
		return !slices.ContainsFunc(f.Operands, func(one filter) bool { return !one.fits(permits) })
	}
	return slices.Contains(comparisons, f.Operator) && len(f.Operands) == 0 && permits(f.Field, f.Operator)
}

// matches reports whether a row passes a filter that fits.
func (f *filter) matches(get func(field string) string) bool {
	switch f.Operator {
	case "and":
		return !slices.ContainsFunc(f.Operands, func(one filter) bool { return !one.matches(get) })
	case "or":
		return slices.ContainsFunc(f.Operands, func(one filter) bool { return one.matches(get) })
	case "not":
		return !f.Operands[0].matches(get)
	case "", "NONE":
		return true
	}
	return f.holds(get(f.Field))
}

// holds compares one value. Whether letters count is not documented: they do not
// here, so that a caller has to compare by itself.
func (f *filter) holds(value string) bool {
	value, wanted := strings.ToLower(value), strings.ToLower(f.Value)
	order := compare(value, wanted)
	switch f.Operator {
	case "eq":
		return value == wanted
	case "ne":
		return value != wanted
	case "lt":
		return order < 0
	case "le":
		return order <= 0
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "like":
		return like(value, wanted)
	default:
		return strings.Contains(value, wanted)
	}
}

// asPatterns gives a filter whose substrings are patterns of SQL, as of a server that
// hands them to its database unchanged.
func (f filter) asPatterns() filter {
	if f.Operator == "substring" {
		f.Operator = "like"
	}
	f.Operands = slices.Clone(f.Operands)
	for i := range f.Operands {
		f.Operands[i] = f.Operands[i].asPatterns()
	}
	return f
}

// like reports whether a pattern is somewhere in a text: % stands for any number
// of characters, _ for one.
func like(text, pattern string) bool {
	expression := "(?s)" + strings.NewReplacer("%", ".*", "_", ".").Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile(expression).MatchString(text)
}
