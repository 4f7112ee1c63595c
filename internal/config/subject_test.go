package config

import (
	"slices"
	"strings"
	"testing"
)

func TestSubjectsOverlap(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want bool
	}{
		{"a", "a", true},
		{"a", "b", false},
		{"a", "a.b", false},
		{"a.b", "a.b", true},
		{"a.*", "a.b", true},
		{"a.*", "a.b.c", false},
		{"a.*", "*.b", true},
		{"a.*", "b.*", false},
		{"a.*.c", "a.b.*", true},
		{"a.*.c", "a.b.d", false},
		{"a.>", "a", false},
		{"a.>", "a.b", true},
		{"a.>", "a.b.c", true},
		{"a.>", "a.*", true},
		{"a.>", "a.>", true},
		{"a.>", "*.b.c", true},
		{"a.>", "b.>", false},
		{"a.b.>", "a.>", true},
		{"a.b.>", "a.*", false},
		{"*.b.>", "a.>", true},
		{">", "a", true},
		{">", ">", true},
		{"*", ">", true},
		{"*.*", "*", false},
		{"ab", "a", false},
		{"A", "a", false},
	}
	for _, tt := range tests {
		t.Run(tt.a+" "+tt.b, func(t *testing.T) {
			t.Parallel()
			if subjectsOverlap(tt.a, tt.b) != tt.want || subjectsOverlap(tt.b, tt.a) != tt.want {
				t.Errorf("overlap of %s and %s is not %t both ways", tt.a, tt.b, tt.want)
			}
		})
	}
}

func TestSubjectCovers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		wide, narrow string
		want         bool
	}{
		{"a", "a", true},
		{"a", "b", false},
		{"a", "*", false},
		{"*", "a", true},
		{"*", "*", true},
		{"*", ">", false},
		{"*", "a.b", false},
		{">", "a", true},
		{">", "*.*", true},
		{">", ">", true},
		{"a.>", "a", false},
		{"a.>", "a.b", true},
		{"a.>", "a.*.c", true},
		{"a.>", "a.>", true},
		{"a.>", "a.b.>", true},
		{"a.>", "*.b", false},
		{"a.>", ">", false},
		{"a.*", "a.>", false},
		{"a.*", "a.*", true},
		{"a.*.c", "a.b.c", true},
		{"a.*.c", "a.b.*", false},
		{"a.b.>", "a.>", false},
		{"*.b.>", "a.b.*", true},
		{"a.b", "a", false},
		{"*.>", "a.>", true},
	}
	for _, tt := range tests {
		t.Run(tt.wide+" "+tt.narrow, func(t *testing.T) {
			t.Parallel()
			if subjectCovers(tt.wide, tt.narrow) != tt.want {
				t.Errorf("%s covers %s is not %t", tt.wide, tt.narrow, tt.want)
			}
		})
	}
}

// TestSubjectsAgainstEverySubject compares both functions with what they mean,
// for every pattern of up to three parts.
func TestSubjectsAgainstEverySubject(t *testing.T) {
	t.Parallel()
	subjects := combinations([]string{"a", "b", "c"}, 4)
	patterns := slices.DeleteFunc(combinations([]string{"a", "b", "*", ">"}, 3), func(p string) bool {
		return strings.Contains(p, ">.")
	})
	for _, p := range patterns {
		for _, q := range patterns {
			overlap, covers := false, true
			for _, s := range subjects {
				inP, inQ := matches(p, s), matches(q, s)
				overlap = overlap || inP && inQ
				covers = covers && (inP || !inQ)
			}
			if got := subjectsOverlap(p, q); got != overlap {
				t.Errorf("subjectsOverlap(%s, %s) = %t", p, q, got)
			}
			if got := subjectCovers(p, q); got != covers {
				t.Errorf("subjectCovers(%s, %s) = %t", p, q, got)
			}
		}
	}
}

// combinations is every subject of one to length of the parts.
func combinations(parts []string, length int) []string {
	if length == 1 {
		return parts
	}
	out := slices.Clone(parts)
	for _, rest := range combinations(parts, length-1) {
		for _, part := range parts {
			out = append(out, part+"."+rest)
		}
	}
	return out
}

// matches is what a pattern means, told the slow way.
func matches(pattern, subject string) bool {
	first, rest, more := strings.Cut(pattern, ".")
	head, tail, longer := strings.Cut(subject, ".")
	switch {
	case first == ">":
		return true
	case first != "*" && first != head:
		return false
	case more != longer:
		return false
	}
	return !more || matches(rest, tail)
}

func TestSubjectFault(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{"jobs", "jobs.>", "jobs.*.a", "a-b.c_d.ü", "a$b", "*.a", "*"} {
		if fault := subjectFault(subject); fault != "" {
			t.Errorf("%q: %s", subject, fault)
		}
	}
	bad := []string{
		"", ".", "a.", ".a", "a..b", "a b", "a\tb", "a\x00", "a\u00a0b", "a.>.b", ">.a", "a.b*", "**", ">>", "a.*>",
		"$JS.API.>", "$KV.a", "$SYS", "$", ">", "*.>", "*.*.*", "*.API.>",
	}
	for _, subject := range bad {
		if subjectFault(subject) == "" {
			t.Errorf("%q is taken for a subject to use", subject)
		}
	}
}

func TestClosest(t *testing.T) {
	t.Parallel()
	keys := []string{"max_in_flight", "max_ack_pending", "ack_wait", "retry", "url", "on_unknown"}
	tests := map[string]string{
		"max_inflight": "max_in_flight", "maxInFlight": "max_in_flight", "max-in-flight": "max_in_flight", "MAX_IN_FLIGHT": "max_in_flight",
		"ackwait": "ack_wait", "rety": "retry", "uri": "url", "ulr": "url", "onunknown": "on_unknown", "reply": "",
		"": "", "x": "", "timeout": "", "colour": "", strings.Repeat("x", 1000): "",
	}
	for key, want := range tests {
		if got := closest(key, keys); got != want {
			t.Errorf("closest(%.20q) = %q, want %q", key, got, want)
		}
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"localhost", "LOCALHOST:80", "127.0.0.1", "127.1.2.3:4222", "[::1]:80", "::1", "[::1]", "a.localhost:1", "[::ffff:127.0.0.1]:1"} {
		if !loopback(host) {
			t.Errorf("%s is not taken for this machine", host)
		}
	}
	for _, host := range []string{"", ":80", "0.0.0.0:80", "[::]:80", "10.0.0.1", "example.com:80", "localhost.example.com", "127.0.0.1.example.com", "128.0.0.1"} {
		if loopback(host) {
			t.Errorf("%s is taken for this machine", host)
		}
	}
}

func TestRouteTakes(t *testing.T) {
	t.Parallel()
	r := Route{Subjects: []string{"jobs.invoices.>", "jobs.*.urgent"}}
	for subject, want := range map[string]bool{
		"jobs.invoices.new": true, "jobs.invoices.a.b": true, "jobs.orders.urgent": true, "jobs.invoices.a*b": true,
		"jobs.invoices": false, "jobs.orders.new": false, "other": false, "": false,
		"jobs.invoices.>": false, "jobs.*.urgent": false, "jobs.invoices.": false, "jobs..urgent": false,
		"jobs.invoices.a b": false, "jobs.invoices.\x1b": false,
	} {
		if got := r.Takes(subject); got != want {
			t.Errorf("%q: %v", subject, got)
		}
	}
}
