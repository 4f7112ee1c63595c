package config

import (
	"fmt"
	"slices"
	"strings"
)

// section is one mapping while it is read: typed access that notes what is
// wrong, and at the end the keys that nobody asked for.
type section struct {
	*reader
	n     *node // the mapping; empty where the file has none
	path  string
	asked []string
}

// missing stands for a mapping that is not in the file.
var missing = &node{kind: mapping}

// read gives the mapping at path to fn, and notes the keys that fn left.
func (r *reader) read(n *node, path string, fn func(*section)) {
	s := &section{reader: r, n: n, path: path}
	switch {
	case n == nil || n.kind == null:
		s.n = missing
	case n.kind == broken:
		s.n = n
	case n.kind != mapping:
		r.problem(path, "must be a mapping: lines of key: value")
		s.n = &node{kind: broken}
	}
	fn(s)
	s.leftOver()
}

// leftOver notes the keys that were not asked for.
func (s *section) leftOver() {
	for _, e := range s.n.entries {
		if slices.Contains(s.asked, e.key) {
			continue
		}
		advice := "known here: " + strings.Join(s.asked, ", ")
		if near := closest(e.key, s.asked); near != "" {
			advice = "did you mean " + near + "?"
			s.notMissing(s.at(near))
		}
		s.problemAt(e.at, s.at(e.key), "is not a known key; %s", advice)
	}
}

// absent begins the text of a problem with a key that is not there.
const absent = "is missing; "

// notMissing takes back that the key at path is missing: it is there, mistyped.
func (r *reader) notMissing(path string) {
	r.problems = slices.DeleteFunc(r.problems, func(p Problem) bool {
		return p.Key == path && strings.HasPrefix(p.Text, absent)
	})
}

// at is the path of key.
func (s *section) at(key string) string { return join(s.path, key) }

// has reports whether the file gives key a value, be it a faulty one.
func (s *section) has(key string) bool {
	s.ask(key)
	n := s.n.lookup(key)
	return n != nil && n.kind != null
}

func (s *section) ask(key string) {
	if !slices.Contains(s.asked, key) {
		s.asked = append(s.asked, key)
	}
}

// get is the value of key, or nil where there is none that can be read.
func (s *section) get(key string) *node {
	if !s.has(key) {
		return nil
	}
	if n := s.n.lookup(key); n.kind != broken {
		return n
	}
	return nil
}

// require notes that key is missing, and what to write, and reports whether it
// is there.
func (s *section) require(key, advice string) bool {
	if s.has(key) {
		return true
	}
	if s.n.kind != broken {
		s.problem(s.at(key), absent+"%s", advice)
	}
	return false
}

// requireText is require for text that must not be empty either.
func (s *section) requireText(key, advice string) bool {
	if !s.empty(key) {
		return s.require(key, advice)
	}
	s.wrong(key, "is empty; %s", advice)
	return false
}

// empty reports whether key has a text without a letter in it.
func (s *section) empty(key string) bool {
	n := s.get(key)
	return n != nil && n.kind == scalar && n.text == ""
}

// wrong notes what is wrong with the value of key.
func (s *section) wrong(key, format string, args ...any) {
	s.problem(s.at(key), "%s%s", fmt.Sprintf(format, args...), origin(s.n.lookup(key)))
}

// origin tells which variables a value was expanded from.
func origin(n *node) string {
	if n == nil || len(n.variables) == 0 {
		return ""
	}
	return " (its value is made from $" + strings.Join(n.variables, ", $") + ")"
}

// section reads the mapping under key; one that is not there reads as empty.
func (s *section) section(key string, fn func(*section)) {
	s.ask(key)
	s.read(s.n.lookup(key), s.at(key), fn)
}

// list calls fn with each element of the list under key, and its path.
func (s *section) list(key string, fn func(i int, n *node, path string)) {
	n := s.get(key)
	if n == nil {
		return
	}
	if n.kind != sequence {
		s.wrong(key, "must be a list; write [a, b] or lines that begin with -")
		return
	}
	for i, item := range n.items {
		fn(i, item, index(s.at(key), i))
	}
}
