package config

import (
	"slices"
	"strings"
	"unicode"
)

// reserved are the subjects of NATS itself.
var reserved = []string{"$JS.*.>", "$KV.*.>", "$SYS.*.>"}

// subjectFault says why subject cannot be used, or nothing.
func subjectFault(subject string) string {
	if strings.ContainsFunc(subject, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return "has a space or a control character in it; remove it"
	}
	tokens := strings.Split(subject, ".")
	for i, token := range tokens {
		switch {
		case token == "":
			return "has an empty part; write one dot between two parts, and none at the ends"
		case token == ">" && i < len(tokens)-1:
			return "has > before its end; > stands for all the rest, * for one part"
		case len(token) > 1 && strings.ContainsAny(token, "*>"):
			return "has a wildcard inside a part; * and > stand alone between dots"
		}
	}
	if strings.HasPrefix(subject, "$") {
		return "begins with $, which belongs to NATS itself; use another"
	}
	for _, r := range reserved {
		if subjectsOverlap(subject, r) {
			return "takes in the subjects of NATS itself, which begin with $; begin with a part that is no wildcard"
		}
	}
	return ""
}

// subjectsOverlap reports whether some subject matches both a and b.
func subjectsOverlap(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		if as[i] == ">" || bs[i] == ">" {
			return true
		}
		if as[i] != bs[i] && as[i] != "*" && bs[i] != "*" {
			return false
		}
	}
	return len(as) == len(bs)
}

// subjectCovers reports whether every subject that matches narrow matches wide.
func subjectCovers(wide, narrow string) bool {
	ws, ns := strings.Split(wide, "."), strings.Split(narrow, ".")
	for i, w := range ws {
		switch {
		case i >= len(ns):
			return false
		case w == ">":
			return true
		case ns[i] == ">" || w != "*" && w != ns[i]:
			return false
		}
	}
	return len(ws) == len(ns)
}

// subjects is the list under key; each fault is noted.
func (s *section) subjects(key string) []string {
	out := s.strs(key)
	for i, subject := range out {
		if subject == "" {
			continue
		}
		if fault := subjectFault(subject); fault != "" {
			s.problem(index(s.at(key), i), "is not a subject to use: %s", fault)
			out[i] = ""
		}
	}
	if n := s.get(key); n != nil && n.kind == sequence && len(out) == 0 {
		s.wrong(key, "is empty; give at least one subject, such as jobs.invoices.>")
	}
	return out
}

// literalSubject is a subject without wildcards, or def.
func (s *section) literalSubject(key, def string) string {
	subject := s.str(key, def)
	fault := subjectFault(subject)
	if fault == "" && strings.ContainsAny(subject, "*>") {
		fault = "has a wildcard; give a plain subject, the route is added behind it"
	}
	if fault != "" {
		s.wrong(key, "is not a subject to use: %s", fault)
		return def
	}
	return subject
}

// Takes reports whether a message that is published to subject is the route's. A
// subject with wildcards, or one that is none, is no route's.
func (r Route) Takes(subject string) bool {
	for token := range strings.SplitSeq(subject, ".") {
		if token == "" || token == "*" || token == ">" || strings.ContainsFunc(token, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }) {
			return false
		}
	}
	return slices.ContainsFunc(r.Subjects, func(s string) bool { return subjectCovers(s, subject) })
}
