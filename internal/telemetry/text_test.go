package telemetry

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"empty":             {"", ""},
		"plain":             {"inv-000123", "inv-000123"},
		"umlauts":           {"Größe", "Größe"},
		"newline":           {"a\nb\r\n", "a b  "},
		"terminal escape":   {"\x1b[31mred\x7f", " [31mred "},
		"C1 control":        {"a\u0085b\u009bc", "a b c"},
		"line separators":   {"a\u2028b\u2029c", "a b c"},
		"right to left":     {"a\u202eb\u2066c", "a b c"},
		"zero width":        {"pay\u200bload\ufeff", "pay load "},
		"not UTF-8":         {"a\xffb\xc3", "a\ufffdb\ufffd"},
		"longest":           {strings.Repeat("x", 1024), strings.Repeat("x", 1024)},
		"too long":          {strings.Repeat("x", 1025), strings.Repeat("x", 1021) + "…"},
		"longest of two":    {strings.Repeat("ö", 512), strings.Repeat("ö", 512)},
		"too long of two":   {strings.Repeat("ö", 513), strings.Repeat("ö", 510) + "…"},
		"too long of four":  {strings.Repeat("🚢", 300), strings.Repeat("🚢", 255) + "…"},
		"grows when mended": {strings.Repeat("\xff", 1000), strings.Repeat("\ufffd", 340) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Text(c.in); got != c.want {
				t.Errorf("got %d bytes %q, want %d bytes %q", len(got), got, len(c.want), c.want)
			}
		})
	}
}

func TestPlainTextCostsNothing(t *testing.T) {
	s := strings.Repeat("x", 200)
	if got := testing.AllocsPerRun(100, func() { _ = Text(s) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "plain", "a\nb", "\xff\xfe", strings.Repeat("ö", 700), "\u202e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got := Text(in)
		if len(got) > 1024 || !utf8.ValidString(got) {
			t.Errorf("%d bytes, valid %v", len(got), utf8.ValidString(got))
		}
		if i := strings.IndexFunc(got, hidden); i >= 0 {
			t.Errorf("%q at %d", got, i)
		}
		if again := Text(got); again != got {
			t.Errorf("%q, and again %q", got, again)
		}
	})
}
