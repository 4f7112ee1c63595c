package broker

import (
	"strings"
	"testing"
)

func TestCovers(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"jobs.> jobs.invoices.>":   true,
		"jobs.> jobs.a":            true,
		"jobs.> jobs":              false,
		"jobs.> jobs.*":            true,
		"jobs.* jobs.a":            true,
		"jobs.* jobs.a.b":          false,
		"jobs.* jobs.>":            false,
		"jobs.a jobs.*":            false,
		"jobs.*.b jobs.a.b":        true,
		"jobs.*.b jobs.*.b":        true,
		"jobs.*.b jobs.a.*":        false,
		"> jobs.a":                 true,
		"> >":                      true,
		"* >":                      false,
		"jobs.a jobs.a":            true,
		"jobs.a jobs.a.b":          false,
		"jobs.a.b jobs.a":          false,
		"jobs.invoices.> jobs.>":   false,
		"jobs.*.> jobs.invoices.>": true,
		"jobs.*.> jobs.>":          false,
	}
	for pair, want := range tests {
		t.Run(pair, func(t *testing.T) {
			t.Parallel()
			outer, inner, _ := strings.Cut(pair, " ")
			if got := covers(outer, inner); got != want {
				t.Errorf("covers(%q, %q) = %v, want %v", outer, inner, got, want)
			}
		})
	}
}

// FuzzCovers compares covers with the meaning of a wildcard: what inner matches
// is matched by outer.
func FuzzCovers(f *testing.F) {
	f.Add("jobs.>", "jobs.*", "jobs.a")
	f.Add("jobs.*", "jobs.>", "jobs.a.b")
	f.Add("*.b", "a.b", "a.b")
	f.Fuzz(func(t *testing.T, outer, inner, subject string) {
		if strings.ContainsAny(subject, "*>") {
			return
		}
		if covers(outer, inner) && covers(inner, subject) && !covers(outer, subject) {
			t.Errorf("%q covers %q, which covers %q, but not that itself", outer, inner, subject)
		}
	})
}
