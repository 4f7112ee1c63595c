package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, keep, want string }{
		"ordinary":               {`Rechnung "Ü" \n 請求`, "", `Rechnung "Ü" \n 請求`},
		"an escape sequence":     {"\x1b[2Jgone", "", `\x1b[2Jgone`},
		"a second line":          {"a\r\nb", "", `a\r\nb`},
		"lines that are wanted":  {"a\n\tb\r", "\n\t", "a\n\tb\\r"},
		"a C1 control":           {"\u009b2J", "", `\u009b2J`},
		"text that turns around": {"\u202etxt.exe", "", `\u202etxt.exe`},
		"bytes that are no text": {"\xff\x00", "", `\xff\x00`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := plain(c.in, c.keep); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// The value stays what it is, to the last character.
func TestPlainJSONIsTheSameValue(t *testing.T) {
	t.Parallel()
	const value = "\u009b \u202e \u007f \U000e0001 Ü 請求 \x1b \n"
	raw := "{\"text\": \"\u009b \u202e \u007f \U000e0001 Ü 請求 \\u001b \\n\"}"
	text := plainJSON([]byte(raw))
	if strings.ContainsFunc(string(text), func(r rune) bool { return hidden(r, "\n") }) {
		t.Errorf("%q", text)
	}
	var got map[string]string
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"text": value}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in    string
		width int
		want  string
	}{
		"fits":            {"abc", 3, "abc"},
		"too long":        {"abcd", 3, "ab…"},
		"wide characters": {"請求書", 5, "請求…"},
		"accents apart":   {"e\u0301a\u0301o\u0301", 3, "e\u0301a\u0301o\u0301"},
		"empty":           {"", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := cut(c.in, c.width); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestWrapped(t *testing.T) {
	t.Parallel()
	got := wrapped("one two  three averyverylongword x", 9)
	if diff := cmp.Diff([]string{"one two", "three", "averyverylongword", "x"}, got); diff != "" {
		t.Error(diff)
	}
	if got := wrapped("", 9); len(got) != 1 || got[0] != "" {
		t.Errorf("%q", got)
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"a", "short", "x"}, {"bb", "", strings.Repeat("long ", 30)}, {"c", strings.Repeat("w", 50), "\x1b[31m"}}
	for name, c := range map[string]struct {
		width int
		want  []string
	}{
		"for a script nothing is cut": {0, []string{
			"A   B                                         DETAIL",
			"a   short                                     x",
			"bb  -                                         " + strings.TrimRight(strings.Repeat("long ", 30), " "),
			"c   " + strings.Repeat("w", 50) + "  \\x1b[31m",
		}},
		"on a terminal no line is longer": {60, []string{
			"A   B                                         DETAIL",
			"a   short                                     x",
			"bb  -                                         long long lon…",
			"c   " + strings.Repeat("w", 39) + "…  \\x1b[31m",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			table := newTable(&b, c.width, "A", "B", "DETAIL")
			for _, row := range rows {
				if err := table.add(append([]string(nil), row...)...); err != nil {
					t.Fatal(err)
				}
			}
			if err := table.close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Join(c.want, "\n")+"\n", b.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
