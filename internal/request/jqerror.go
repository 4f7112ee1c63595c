package request

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/itchyny/gojq"
)

// jq's own messages show the beginning of the value at fault. That is content,
// which must not reach a log, so only the words and the types are kept.
const jqType = `(null|boolean|number|string|array|object)`

var jqMessages = []struct {
	shape *regexp.Regexp
	keep  string
}{
	{regexp.MustCompile(`(?s)^(cannot \w+): ` + jqType + `(?: \(.*\))? and ` + jqType + `(?: \(.*\))?$`), "$1: $2 and $3"},
	{regexp.MustCompile(`(?s)^(cannot \w+) ` + jqType + `(?: \(.*\))? by: ` + jqType + `(?: \(.*\))?$`), "$1 $2 by: $3"},
	{regexp.MustCompile(`(?s)^(@?\w+)(?:\(.*\))? cannot be applied to: ` + jqType + `(?: \(.*\))?$`), "$1 cannot be applied to: $2"},
	{regexp.MustCompile(`(?s)^(@?\w+)(?:\(.*\))? cannot be applied to .*$`), "$1 cannot be applied to this input"},
	{regexp.MustCompile(`(?s)^([^("\[{]*?): ` + jqType + `(?: \(.*\))?$`), "$1: $2"},
}

var jqContent = regexp.MustCompile(`[("\[{]| -?[0-9]`)

// jqMessage is what went wrong in a transform. A text that the program gave to
// error is shown: it is the program's author who chose it.
func jqMessage(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "it did not end in time"
	}
	if raised, ok := errors.AsType[gojq.ValueError](err); ok {
		if text, ok := raised.Value().(string); ok {
			return text
		}
		return "it raised an error of type " + gojq.TypeOf(raised.Value())
	}
	text := err.Error()
	if text == "break" { // what input says behind the one value that there is
		return "there is no other input"
	}
	for _, m := range jqMessages {
		if m.shape.MatchString(text) {
			return m.shape.ReplaceAllString(text, m.keep)
		}
	}
	if at := jqContent.FindStringIndex(text); at != nil {
		text = strings.TrimRight(text[:at[0]], " :")
	}
	return text
}
