package broker

import "strings"

// covers reports whether every subject that inner matches is matched by outer,
// too. Both may have wildcards.
func covers(outer, inner string) bool {
	o, i := strings.Split(outer, "."), strings.Split(inner, ".")
	for n, token := range o {
		if token == ">" {
			return n < len(i)
		}
		if n >= len(i) || i[n] == ">" {
			return false
		}
		if token != "*" && token != i[n] {
			return false
		}
	}
	return len(o) == len(i)
}

func anyCovers(outer []string, inner string) bool {
	for _, o := range outer {
		if covers(o, inner) {
			return true
		}
	}
	return false
}

// without returns the subjects that none of the others covers.
func without(subjects, others []string) []string {
	var rest []string
	for _, s := range subjects {
		if !anyCovers(others, s) {
			rest = append(rest, s)
		}
	}
	return rest
}

// overlap reports whether there is a subject that both match. Both may have
// wildcards.
func overlap(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for n := range min(len(x), len(y)) {
		if x[n] == ">" || y[n] == ">" {
			return true
		}
		if x[n] != "*" && y[n] != "*" && x[n] != y[n] {
			return false
		}
	}
	return len(x) == len(y)
}

func anyOverlap(some, others []string) bool {
	for _, a := range some {
		for _, b := range others {
			if overlap(a, b) {
				return true
			}
		}
	}
	return false
}
