package uipath

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var filterRow = Item{
	ID: 7, Key: "883749b2-0000-4000-8000-000000000000", QueueID: 3, Reference: "Guns N' Roses", Status: "InProgress", Priority: "High",
	Created: time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC),
}

func TestFilters(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"Reference eq 'Guns N'' Roses'": true,
		"reference eq 'guns n'' roses'": true,
		"Reference eq 'Guns N'":         false,
		"Reference ne 'x'":              true,
		"Reference eq null":             false,
		"Reference gt 'a'":              true,
		"Reference lt 'a'":              false,
		"Progress eq null":              true,
		"Progress ne null":              false,
		"Progress gt 'a'":               false,
		"QueueDefinitionId eq 3 and (Reference eq 'a' or Reference eq 'guns n'' roses')": true,
		"QueueDefinitionId eq 4 and (Reference eq 'a' or Reference eq 'guns n'' roses')": false,
		"QueueDefinitionId eq 4 and Reference eq 'a' or Id eq 7":                         true,
		"QueueDefinitionId eq 4 and (Reference eq 'a' or Id eq 7)":                       false,
		"not (Id eq 7)": false,
		"not (Id eq 8) and Id ge 7 and Id le 7 and Id lt 8 and Id gt -1": true,
		"Id gt 6.5":              true,
		"Id eq 6.5":              false,
		"Status eq 'InProgress'": true,
		"Status eq '1'":          true,
		"Status eq 'New'":        false,
		"Key eq 883749b2-0000-4000-8000-000000000000": true,
		"CreationTime ge 2026-01-31T06:00:00Z":        true,
		"CreationTime gt 2026-01-31T07:00:00+01:00":   false,
		"contains(Reference,'n'' r')":                 true,
		"startswith(Reference, 'Guns')":               true,
		"endswith(Reference,'Guns')":                  false,
		"((Id eq 7))":                                 true,
		"  Id  eq  7  ":                               true,
	}
	for filter, want := range tests {
		t.Run(filter, func(t *testing.T) {
			t.Parallel()
			e, err := parseFilter(filter)
			if err != nil {
				t.Fatal(err)
			}
			if err := checkTypes(e, itemSet.kindOf); err != nil {
				t.Fatal(err)
			}
			if got := itemSet.matches(e, &filterRow); got != want {
				t.Errorf("matches: %v, want %v", got, want)
			}
		})
	}
}

func TestFiltersThatAreRefused(t *testing.T) {
	t.Parallel()
	filters := []string{
		"", " ", "Reference", "Reference eq", "Reference eq 'a", "Reference eq 'a''", "Reference eq a", "'a' eq Reference",
		"Reference eq 'Guns N' Roses'", "Reference = 'a'", "Reference EQ 'a'", "Reference eq 'a' AND Id eq 1", "Reference eq 'a' Id eq 1",
		"(Id eq 1", "Id eq 1)", "Id eq '1'", "Reference eq 1", "Nothing eq 1", "SpecificContent eq 'a'", "Status eq 'Old'", "Status eq '9'",
		"Key eq '883749b2-0000-4000-8000-000000000000'", "CreationTime eq '2026-01-31T06:00:00Z'", "Reference in ('a','b')",
		"contains(Id,'1')", "contains(Reference 'a')", "contains('a',Reference)", "tolower(Reference) eq 'a'", "QueueDefinition/Name eq 'a'",
		"Id eq +1", "Id eq 0x10", "Id eq NaN", "Reference eq 'a'or Id eq 1", "not", "and", "Id eq 1 and", "Reference eq \"a\"",
		strings.Repeat("(", 100) + "Id eq 1" + strings.Repeat(")", 100),
	}
	for _, filter := range filters {
		t.Run(filter, func(t *testing.T) {
			t.Parallel()
			e, err := parseFilter(filter)
			if err == nil {
				err = checkTypes(e, itemSet.kindOf)
			}
			if err == nil {
				t.Errorf("accepted as %#v", e)
			}
		})
	}
}

func TestBoundsOfFilters(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"Reference eq 'a'": {"a"},
		"QueueDefinitionId eq 1 and (Reference eq 'a' or reference eq 'b')": {"a", "b"},
		"(Reference eq 'a' or Reference eq 'b') and Id eq 1":                {"a", "b"},
		"Reference eq 'a' or Id eq 1":                                       nil,
		"not (Reference eq 'a')":                                            nil,
		"Reference ne 'a'":                                                  nil,
		"Reference eq null":                                                 nil,
		"Id eq 1":                                                           nil,
	}
	for filter, want := range tests {
		t.Run(filter, func(t *testing.T) {
			t.Parallel()
			e, err := parseFilter(filter)
			if err != nil {
				t.Fatal(err)
			}
			got, bound := bounds(e, "reference")
			if bound != (want != nil) {
				t.Fatalf("bound: %v", bound)
			}
			if diff := cmp.Diff(want, got); bound && diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNodesOfFilters(t *testing.T) {
	t.Parallel()
	e, err := parseFilter("not (Id eq 1) and (Reference eq 'a' or contains(Reference,'b'))")
	if got := nodes(e); err != nil || got != 1+4+1+4+1+4 {
		t.Errorf("%d nodes, %v", got, err)
	}
}

// FuzzParseFilter: whatever comes is parsed or refused, never with a panic; what
// is parsed can be judged, and a row that matches is among those that bounds
// names.
func FuzzParseFilter(f *testing.F) {
	for _, seed := range []string{
		"Name eq 'x'", "QueueDefinitionId eq 1 and (Reference eq 'a' or Reference eq 'b')", "Reference eq 'Guns N'' Roses'",
		"not (Status eq '1')", "contains(Reference,'''')", "CreationTime gt 2026-01-31T07:00:00+01:00", "Id eq -1e5", "((Id eq 7",
		"Key eq 883749b2-0000-4000-8000-000000000000", "Reference eq null or true",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, filter string) {
		e, err := parseFilter(filter)
		if err != nil {
			return
		}
		if nodes(e) < 4 {
			t.Errorf("%q has %d nodes", filter, nodes(e))
		}
		if checkTypes(e, itemSet.kindOf) != nil || !itemSet.matches(e, &filterRow) {
			return
		}
		references, bound := bounds(e, "reference")
		if bound && !strings.Contains("\x00"+strings.Join(foldAll(references), "\x00")+"\x00", "\x00"+fold(filterRow.Reference)+"\x00") {
			t.Errorf("%q matches a row that %q leaves out", filter, references)
		}
	})
}
