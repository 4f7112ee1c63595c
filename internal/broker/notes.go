package broker

import (
	"fmt"
	"strings"
)

// agree is what to do where the server and the file say different things.
const agree = "change one of them, on the server or in the file, so that they agree"

// note is a warning about one thing that was looked at.
type note struct {
	check        string
	text, remedy string
}

// notes collects warnings.
type notes []note

// when notes a text that says after its last colon what to do.
func (n *notes) when(check string, condition bool, format string, args ...any) {
	if condition {
		text := fmt.Sprintf(format, args...)
		_, remedy := advice(text)
		*n = append(*n, note{check, text, remedy})
	}
}

// told notes a text that does not say what to do.
func (n *notes) told(check string, condition bool, remedy, format string, args ...any) {
	if condition {
		*n = append(*n, note{check, fmt.Sprintf(format, args...), remedy})
	}
}

func (n notes) texts() []string {
	var all []string
	for _, one := range n {
		all = append(all, one.text)
	}
	return all
}

// advice splits a text into what is so and, after the last colon, what to do.
func advice(text string) (detail, remedy string) {
	i := strings.LastIndex(text, ": ")
	if i < 0 {
		return text, ""
	}
	return text[:i], text[i+len(": "):]
}
