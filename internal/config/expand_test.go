package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/config"
)

// TestExpansion reads the transform, which may be any text.
func TestExpansion(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ written, want string }{
		"value":             {`a${X}b`, "axb"},
		"two":               {`${X}${Y}`, "xy z"},
		"default unused":    {`${X:-d}`, "x"},
		"default for unset": {`${UNSET:-d e}`, "d e"},
		"default for empty": {`${EMPTY:-d}`, "d"},
		"empty default":     {`"a${UNSET:-}b"`, "ab"},
		"empty":             {`"a${EMPTY}b"`, "ab"},
		"escaped":           {`a$${X}b`, "a${X}b"},
		"escaped twice":     {`$$${X}`, "$${X}"},
		"dollar alone":      {`$X $1 $`, "$X $1 $"},
		"single quotes":     {`'${X}'`, "x"},
		"double quotes":     {`"${X}\n$${"`, "x\n${"},
		"block":             {"|-\n      ${X}\n      $${X}", "x\n${X}"},
		"folded":            {">-\n      a\n      ${Y}", "a y z"},
		"no structure":      {`${YAML}`, "{a: [b, *c]} # d"},
		"not twice":         {`${NESTED}`, "${X}"},
	}
	env := []string{"X", "x", "Y", "y z", "EMPTY", "", "YAML", "{a: [b, *c]} # d", "NESTED", "${X}"}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := parse(t, good+"    transform: "+tt.written+"\n", env...).Routes[0].Transform; got != tt.want {
				t.Errorf("%s became %q, want %q", tt.written, got, tt.want)
			}
		})
	}
}

func TestExpansionSuppliesOtherTypes(t *testing.T) {
	t.Parallel()
	c := parse(t, good+`    max_in_flight: ${N}
    ack_wait: "${D}"
    pause: "${B}"
    reject_guard: ${OFF}
    batch: {max: "${N}"}
log: {level: "${LEVEL:-}"}
`, "N", "7", "D", "45s", "B", "true", "OFF", "off")
	r := c.Routes[0]
	if r.MaxInFlight != 7 || r.AckWait != 45*time.Second || !r.Pause || r.RejectGuard || r.Batch.Max != 7 || c.Log.Level != "info" {
		t.Errorf("route %+v, log %+v", r, c.Log)
	}
}

func TestFieldsKeepNumbersAsWritten(t *testing.T) {
	t.Parallel()
	c := parse(t, good+`    defaults:
      content:
        int: 9007199254740993
        huge: 123456789012345678901234567890
        money: 12.50
        exponent: 1e3
        negative: -0.0
        text: "12.50"
        date: 2026-01-31
        yes: yes
        truth: True
        none: ~
        nothing:
        html: <a & b>
        quote: "a\"b\n"
        list: [1, "1", [], {}]
        map: {b: 1, a: {c: 2.0}}
        from: ${NUMBER}
        quoted: "${NUMBER}"
        flag: ${FLAG}
        code: ${CODE}x
        7: seven
`, "NUMBER", "1.10", "FLAG", "false", "CODE", "007")
	got := map[string]string{}
	for key, raw := range c.Routes[0].Defaults.Content {
		got[key] = string(raw)
	}
	want := map[string]string{
		"int": "9007199254740993", "huge": "123456789012345678901234567890", "money": "12.50", "exponent": "1e3", "negative": "-0.0",
		"text": `"12.50"`, "date": `"2026-01-31"`, "yes": `"yes"`, "truth": "true", "none": "null", "nothing": "null",
		"html": `"<a & b>"`, "quote": `"a\"b\n"`, "list": `[1,"1",[],{}]`, "map": `{"b":1,"a":{"c":2.0}}`,
		"from": "1.10", "quoted": `"1.10"`, "flag": "false", "code": `"007x"`, "7": `"seven"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
}

func TestAliases(t *testing.T) {
	t.Parallel()
	c := parse(t, good+`    retry: &slow {first: 10s, max: 10m}
    allow: &allow
      queues: [a]
  - name: reminders
    subjects: [jobs.reminders]
    connection: acme
    fixed: {folder: &folder Finance}
    allow: *allow
    retry: {<<: *slow, max: 20m}
  - name: letters
    subjects: [jobs.letters]
    connection: acme
    fixed: {folder: *folder}
    allow: {<<: [*allow, *allow], folders: [b]}
    retry: *slow
`)
	if diff := cmp.Diff(c.Routes[0].Allow, c.Routes[1].Allow); diff != "" {
		t.Errorf("allow of the alias (-want +got):\n%s", diff)
	}
	merged, aliased := c.Routes[1].Retry, c.Routes[2].Retry
	if merged.First != 10*time.Second || merged.Max != 20*time.Minute || aliased != c.Routes[0].Retry {
		t.Errorf("retry merged %+v, aliased %+v", merged, aliased)
	}
	if r := c.Routes[2]; r.Fixed.Folder != "Finance" || len(r.Allow.Queues) != 1 || len(r.Allow.Folders) != 1 {
		t.Errorf("route %+v", r)
	}
}

// TestAliasedProblem points at the alias, and names the key within.
func TestAliasedProblem(t *testing.T) {
	t.Parallel()
	_, err := config.Parse("q.yaml", []byte(good+`    retry: &bad {attempts: 0}
  - {name: b, subjects: [jobs.b], connection: acme, fixed: {folder: a, queue: b}, retry: *bad}
`), lookup("TOKEN", "t"))
	want := `q.yaml:13:28: routes[0].retry.attempts: must be at least 1
q.yaml:14:90: routes[1].retry.attempts: must be at least 1`
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

func TestOtherLineEnds(t *testing.T) {
	t.Parallel()
	windows := "\ufeff" + strings.ReplaceAll(good, "\n", "\r\n")
	if diff := cmp.Diff(withDefaults(), parse(t, windows), sameSecret); diff != "" {
		t.Errorf("with a byte order mark and CRLF (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(withDefaults(), parse(t, "%YAML 1.2\n---\n"+good+"...\n"), sameSecret); diff != "" {
		t.Errorf("with a directive and document marks (-want +got):\n%s", diff)
	}
}
