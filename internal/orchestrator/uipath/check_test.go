package uipath

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

func fields(pairs ...string) job.Fields {
	f := job.Fields{}
	for i := 0; i+1 < len(pairs); i += 2 {
		f[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return f
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		set    func(*job.Request)
		reason job.Reason // empty: it is let through
		detail string     // it begins with the field
	}{
		"least":             {func(*job.Request) {}, "", ""},
		"no folder":         {func(r *job.Request) { r.Folder = "" }, job.InvalidRequest, "folder: missing"},
		"a bad folder":      {func(r *job.Request) { r.Folder = "a/" }, job.InvalidRequest, "folder: a path"},
		"no queue":          {func(r *job.Request) { r.Queue = "" }, job.InvalidRequest, "queue: missing"},
		"a blank queue":     {func(r *job.Request) { r.Queue = " \t" }, job.InvalidRequest, "queue: missing"},
		"queue of 50":       {func(r *job.Request) { r.Queue = strings.Repeat("ü", 50) }, "", ""},
		"queue of 51":       {func(r *job.Request) { r.Queue = strings.Repeat("ü", 51) }, job.InvalidRequest, "queue: longer than the 50"},
		"queue of 26 pairs": {func(r *job.Request) { r.Queue = strings.Repeat("😀", 26) }, job.InvalidRequest, "queue: longer than the 50"},
		"plain values": {func(r *job.Request) {
			r.Content = fields("a", `"x"`, "b", `-1.5e3`, "c", `true`, "d", `null`, "e", `""`)
		}, "", ""},
		"an object":              {func(r *job.Request) { r.Content = fields("Address", ` {"a":1}`) }, job.InvalidRequest, "content.Address: a queue item's values are text"},
		"a list":                 {func(r *job.Request) { r.Content = fields("Lines", `[]`) }, job.InvalidRequest, "content.Lines: a queue item's values are text"},
		"no value":               {func(r *job.Request) { r.Content = fields("Lines", ``) }, job.InvalidRequest, "content.Lines: a queue item's values are text"},
		"no name":                {func(r *job.Request) { r.Content = fields("", `1`) }, job.InvalidRequest, "content.: a name is empty"},
		"a type":                 {func(r *job.Request) { r.Content = fields("a", `1`, "a@odata.type", `"#Int64"`) }, "", ""},
		"a type of nothing":      {func(r *job.Request) { r.Content = fields("a@odata.type", `"#Int64"`) }, job.InvalidRequest, "content.a@odata.type: would be taken as the type"},
		"a type that is none":    {func(r *job.Request) { r.Content = fields("a", `1`, "a@odata.type", `1`) }, job.InvalidRequest, "content.a@odata.type: would be taken as the type"},
		"an annotation":          {func(r *job.Request) { r.Content = fields("@odata.context", `"x"`) }, job.InvalidRequest, "content.@odata.context: would be taken as an OData annotation"},
		"other signs in names":   {func(r *job.Request) { r.Content = fields("a.b,c:d@e#f\"g", `1`) }, "", ""},
		"unknown option":         {func(r *job.Request) { r.Options = fields("Source", `"Manual"`) }, job.InvalidRequest, "options.Source: unknown for a queue item"},
		"unknown, of no text":    {func(r *job.Request) { r.Options = fields("Nope", `1`) }, job.InvalidRequest, "options.Nope: unknown for a queue item"},
		"unknown, null":          {func(r *job.Request) { r.Options = fields("Nope", `null`) }, job.InvalidRequest, "options.Nope: unknown for a queue item"},
		"option of no text":      {func(r *job.Request) { r.Options = fields("Progress", `1`) }, job.InvalidRequest, "options.Progress: must be text"},
		"sla without a zone":     {func(r *job.Request) { r.Options = fields("RiskSlaDate", `"2026-01-31T19:00:00"`) }, job.InvalidRequest, "options.RiskSlaDate: must be a date"},
		"sla of no date":         {func(r *job.Request) { r.Options = fields("RiskSlaDate", `"soon"`) }, job.InvalidRequest, "options.RiskSlaDate: must be a date"},
		"parent of 128":          {func(r *job.Request) { r.Options = fields("ParentOperationId", `"`+strings.Repeat("😀", 64)+`"`) }, "", ""},
		"parent of 129":          {func(r *job.Request) { r.Options = fields("ParentOperationId", `"`+strings.Repeat("x", 129)+`"`) }, job.InvalidRequest, "options.ParentOperationId: longer than 128"},
		"a name with newlines":   {func(r *job.Request) { r.Content = fields("a\r\nb\u0085", `[]`) }, job.InvalidRequest, "content.ab: a queue"},
		"a long name":            {func(r *job.Request) { r.Content = fields(strings.Repeat("ü", 100), `[]`) }, job.InvalidRequest, "content." + strings.Repeat("ü", 32) + "…: a queue"},
		"content of no big size": {func(r *job.Request) { r.Content = fields("a", `"`+strings.Repeat("x", 90)+`"`) }, "", ""},
		"content of a big size":  {func(r *job.Request) { r.Content = fields("a", `"`+strings.Repeat("x", 100)+`"`) }, job.TooLarge, "content: longer than the 100 UTF-16 units"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := New(Settings{ContentLimit: 100})
			r := item()
			tt.set(r)
			o, ok := c.Check(r)
			if ok != (tt.reason == "") || o.Reason != tt.reason || !strings.HasPrefix(o.Detail, tt.detail) {
				t.Errorf("ok %t, %+v", ok, o)
			}
			if want := map[bool]job.Verdict{true: job.Unknown, false: job.Rejected}[ok]; o.Verdict != want || o.Called {
				t.Errorf("%+v", o)
			}
		})
	}
}

// The size is that of the content as JSON with no escape but the necessary
// ones, in UTF-16 units; the limit is met to the unit.
func TestContentLimit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		content job.Fields
		size    int
	}{
		"ascii":              {fields("a", `"xyz"`), len(`{"a":"xyz"}`)},
		"two":                {fields("a", `"x"`, "bc", `12.50`), len(`{"a":"x","bc":12.50}`)},
		"literals":           {fields("a", `true`, "b", `null`), len(`{"a":true,"b":null}`)},
		"umlauts":            {fields("ä", `"öü"`), len(`{"a":"ou"}`)},
		"beyond the BMP":     {fields("😀", `"😀"`), len(`{"xx":"xx"}`)},
		"written as escapes": {fields("a", `"\u00e9\ud83d\ude00\/"`), len(`{"a":"exx/"}`)},
		"escapes that stay":  {fields("a", `"\"\\\n\t\r\b\f"`), len(`{"a":"\"\\\n\t\r\b\f"}`)},
		"escapes, longer":    {fields("a", `"\u0022\u000a"`), len(`{"a":"\"\n"}`)},
		"control characters": {fields("a", `"\u0001\u001f"`), len(`{"a":"\u0001\u001f"}`)},
		"half a pair":        {fields("a", `"\ud83d"`), len(`{"a":"x"}`)},
		"names with escapes": {fields("a\"\n\x01", `1`), len(`{"a\"\n\u0001":1}`)},
		"blanks around":      {fields("a", `"x"`), len(`{"a":"x"}`)},
		"empty":              {fields("a", `""`), len(`{"a":""}`)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := item()
			r.Content = tt.content
			if o, ok := New(Settings{ContentLimit: tt.size}).Check(r); !ok {
				t.Errorf("limit %d: %s", tt.size, o.Detail)
			}
			if _, ok := New(Settings{ContentLimit: tt.size - 1}).Check(r); ok {
				t.Errorf("limit %d: let through", tt.size-1)
			}
			if _, ok := New(Settings{}).Check(r); !ok {
				t.Error("no limit: refused")
			}
		})
	}
}

func TestContentLimitAtItsDefault(t *testing.T) {
	t.Parallel()
	c := New(Settings{ContentLimit: 256000})
	for n, want := range map[int]bool{256000 - len(`{"a":""}`): true, 256000 - len(`{"a":""}`) + 1: false} {
		for _, unit := range []string{"x", "ü", "€"} {
			r := item()
			r.Content = fields("a", `"`+strings.Repeat(unit, n)+`"`)
			if _, ok := c.Check(r); ok != want {
				t.Errorf("%d times %s: %t", n, unit, ok)
			}
		}
	}
}

// The two ways of counting agree about what is too large, and with the standard
// library's own JSON.
func FuzzContentSize(f *testing.F) {
	f.Add("a", "x", 10)
	f.Add("a\"b", "\x00\n😀ü\\", 30)
	f.Add("", "<>&\u2028", 1)
	f.Fuzz(func(t *testing.T, name, text string, limit int) {
		value, err := json.Marshal(text) // escapes more than it must
		if err != nil {
			t.Fatal(err)
		}
		content := job.Fields{name: value}
		exact := len(utf16.Encode([]rune(minimal(name)+minimal(text)))) + len(`{:}`)
		if got := values.Size(content, limit) > limit; got != (exact > limit) {
			t.Errorf("%q: limit %d, exactly %d, too large %t", content, limit, exact, got)
		}
	})
}

// minimal is text as JSON with no escape but the necessary ones.
func minimal(text string) string {
	var b strings.Builder
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}
	for _, r := range text {
		switch {
		case short[r] != "":
			b.WriteString(short[r])
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}

// What Check lets through can be written.
func TestCheckedRequestsCanBeWritten(t *testing.T) {
	t.Parallel()
	r := item()
	r.Content = fields("a", `"x"`, "b", `1`)
	r.Options = fields("Progress", `"p"`)
	if _, ok := New(Settings{}).Check(r); !ok {
		t.Fatal("refused")
	}
	b, err := json.Marshal(newItem(r))
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]json.RawMessage
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(back)); !slices.Equal(got, []string{"Name", "Progress", "Reference", "SpecificContent"}) {
		t.Errorf("members %v", got)
	}
}
