package finding

import "testing"

func TestMergedNamesAFew(t *testing.T) {
	t.Parallel()
	var all []Finding
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		all = append(all, Good(name, "x", "fine"), Bad(Unknown, name, "y", "not there", "wait"))
	}
	got := Merged(all)
	if len(got) != 8 || got[1].Detail != "not there (also b, c, d, e, and 2 more)" {
		t.Errorf("%+v", got)
	}
}
