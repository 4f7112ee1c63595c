package request

import (
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/queueferry/queueferry/internal/job"
)

var references = map[string]struct {
	text string
	fits bool
}{
	"one unit":            {"a", true},
	"128 units":           {strings.Repeat("x", 128), true},
	"129 units":           {strings.Repeat("x", 129), false},
	"64 pairs":            {strings.Repeat("😀", 64), true},
	"64 pairs and one":    {strings.Repeat("😀", 64) + "x", false},
	"128 of three bytes":  {strings.Repeat("€", 128), true},
	"129 of three bytes":  {strings.Repeat("€", 129), false},
	"space within":        {"a b", true},
	"space before":        {" a", false},
	"space behind":        {"a ", false},
	"no-break space":      {"a\u00a0", false},
	"tab":                 {"a\tb", false},
	"line end":            {"a\n", false},
	"delete":              {"a\x7fb", false},
	"C1 control":          {"a\u0085b", false},
	"other script":        {"発注-1", true},
	"separator and slash": {"s|e/1", true},
}

func TestGivenReference(t *testing.T) {
	t.Parallel()
	for name, tt := range references {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			quoted := strings.NewReplacer("\t", `\t`, "\n", `\n`).Replace(tt.text)
			m := message(`{"id":"i","action":"add_queue_item","queue":"Q","reference":"` + quoted + `"}`)
			if !tt.fits {
				refuse(t, openRoute, m, job.InvalidRequest, "reference: must be 1 to 128 UTF-16 units")
				return
			}
			if got := accept(t, openRoute, m).Reference; got != tt.text {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestReferenceFromTheID(t *testing.T) {
	t.Parallel()
	for name, tt := range references {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := message(`{"action":"add_queue_item","queue":"Q"}`, "Queueferry-Request-Id", tt.text)
			got := accept(t, openRoute, m)
			if got.ID != tt.text || (got.Reference == tt.text) != tt.fits || !validReference(got.Reference) {
				t.Errorf("id %q, reference %q", got.ID, got.Reference)
			}
		})
	}
}

func TestReferenceIsTheHashOfTheID(t *testing.T) {
	t.Parallel()
	const length = len("qf-") + 64
	got := referenceOf("a\nb")
	if !strings.HasPrefix(got, "qf-") || len(got) != length || got != referenceOf("a\nb") || got == referenceOf("a\nc") {
		t.Errorf("got %q", got)
	}
	if empty := referenceOf(""); empty != "qf-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("got %q, want the SHA-256 of nothing", empty)
	}
	if broken := referenceOf("a\xffb"); !validReference(broken) || broken == "a\xffb" {
		t.Errorf("got %q for an id that is not UTF-8", broken)
	}
}

// validReference is the rule told in another way than the code tells it.
func validReference(s string) bool {
	units := utf16.Encode([]rune(s))
	if len(units) < 1 || len(units) > 128 || s != strings.TrimSpace(s) || s != strings.ToValidUTF8(s, "") {
		return false
	}
	for _, u := range units {
		if u < 0x20 || u >= 0x7f && u < 0xa0 {
			return false
		}
	}
	return true
}
