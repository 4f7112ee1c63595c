package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with the file, and where.
type Problem struct {
	File string // empty where the configuration does not come from a file
	// Line and Column count from 1, in characters. A key that is missing points
	// at the mapping that should hold it. Both are 0 where the file as a whole
	// is meant.
	Line, Column int
	// Key is the dotted path, such as routes[0].retry.first; empty where the
	// whole document is meant.
	Key string
	// Text says what is wrong and what to do. It names keys, connections and
	// variables, but never quotes a text of the file or of a variable: either
	// may be a secret in the wrong place.
	Text string
}

// String is file:line:column: key: text, less the parts that are not known.
func (p Problem) String() string {
	at := p.File
	if at != "" && p.Line > 0 {
		at = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
	known := slices.DeleteFunc([]string{at, p.Key, p.Text}, func(s string) bool { return s == "" })
	return strings.Join(known, ": ")
}

// Error lists every problem of a file, in the order of their places.
type Error struct {
	Problems []Problem
	cause    error
}

// Error has one line for each problem.
func (e *Error) Error() string {
	return strings.Join(lines(e.Problems), "\n")
}

// Unwrap is why the file could not be read, or nil where its content is at fault.
func (e *Error) Unwrap() error { return e.cause }

func lines(problems []Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, p.String())
	}
	return out
}

// inOrder sorts by place, then by key and text, so that the same file always
// gives the same list.
func inOrder(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Key, b.Key), cmp.Compare(a.Text, b.Text))
	})
	return problems
}
