package uipath

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decode reads the body of an acting call into a struct. Members are matched
// letter by letter; unknown and repeated ones are refused, and so is every
// value of another type than the model's.
func (c *call) decode(into any, parameter string) *answer {
	refuse := func(a answer) *answer { return &a }
	switch {
	case c.tooLarge:
		return refuse(page(http.StatusRequestEntityTooLarge))
	case c.cut:
		return refuse(c.modelError("", "Unexpected end of request content."))
	case !c.isJSON():
		return refuse(c.unsupportedMedia())
	case len(c.body) == 0:
		return refuse(c.mustNotBeNull(parameter))
	}
	err := json.Unmarshal(c.body, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return refuse(c.modelError(dotted(syntactic.JSONPointer), "The input was not valid JSON."))
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok && errors.Is(semantic, json.ErrUnknownName) {
		name := semantic.JSONPointer.LastToken()
		return refuse(c.modelError(dotted(semantic.JSONPointer),
			"The property '"+name+"' does not exist on the type or is not present in the metadata."))
	}
	return refuse(c.mustNotBeNull(parameter))
}

// dotted turns a JSON pointer into the way that model errors name a field.
func dotted(p jsontext.Pointer) string {
	return strings.Join(slices.Collect(p.Tokens()), ".")
}

// units counts UTF-16 code units, by which the product measures text.
func units(text string) int {
	n := utf8.RuneCountInString(text)
	for _, r := range text {
		if r > 0xffff {
			n++
		}
	}
	return n
}

// longer reports whether a text has more than limit UTF-16 units.
func longer(text string, limit int) bool { return len(text) > limit && units(text) > limit }
