package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// variableName is what may stand between the braces of ${NAME}.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${NAME} and ${NAME:-default} in text, and $${ by ${. A default
// counts where the variable is unset or empty. It returns the variables that
// were used, and a sentence for each fault. No sentence quotes the text or the
// value of a variable.
func expand(text string, env Environment) (expanded string, variables, faults []string) {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "${")
		if !found {
			out.WriteString(text)
			return out.String(), variables, faults
		}
		if literal, escaped := strings.CutSuffix(before, "$"); escaped {
			out.WriteString(literal + "${")
			text = after
			continue
		}
		out.WriteString(before)
		inner, rest, closed := strings.Cut(after, "}")
		if !closed {
			return "", variables, append(faults, "has ${ without }; write $${ if the text itself is meant")
		}
		value, name, fault := resolve(inner, env)
		if fault != "" {
			faults = append(faults, fault)
		} else if !slices.Contains(variables, name) {
			variables = append(variables, name)
		}
		out.WriteString(value)
		text = rest
	}
}

// resolve looks up NAME or NAME:-default.
func resolve(inner string, env Environment) (value, name, fault string) {
	name, fallback, hasFallback := strings.Cut(inner, ":-")
	if !variableName.MatchString(name) {
		return "", "", "has ${…} without the name of a variable in it; write ${NAME} or ${NAME:-default}, or $${ if the text itself is meant"
	}
	if strings.Contains(fallback, "${") {
		return "", "", fmt.Sprintf("has a ${…} inside the default of ${%s}; a default is plain text", name)
	}
	value, set := env(name)
	if hasFallback && value == "" {
		return fallback, name, ""
	}
	if !set {
		return "", "", fmt.Sprintf("needs the environment variable %s, which is not set; set it, or write ${%s:-default}", name, name)
	}
	return value, name, ""
}
