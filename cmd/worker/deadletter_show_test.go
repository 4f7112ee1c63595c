package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/remedy"
)

// since is what passes between a letter's time and the test.
var since = regexp.MustCompile(`\(\d+ days ago\)`)

func TestShow(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	l := d.letter(func(l *deadletter.Letter) { l.Attempts = 2 })
	d.letter(nil)
	const page = `Dead letter HASH

What        not_found: queue: it does not exist in the folder
            HTTP status 404, error code 1002
When        2026-01-31T06:00:01Z (AGO), after 2 attempts; first sent 2026-01-31T06:00:00Z
Request     inv-1
Came from   subject jobs.invoices.new, message 1 of stream JOBS, route invoices
What to do  Make the queue, process, bot or plan, or correct its name in the route, restart the
            worker, and replay.

            worker deadletter replay --config PATH --id HASH
            worker deadletter purge --config PATH --id HASH

Headers

Business-Key: 4711

Payload (45 bytes)

`
	want := strings.NewReplacer("HASH", l.Hash(), "PATH", quoted(d.path)).Replace(page)
	code, out, errs := d.run("show", l.Hash()[:8])
	if diff := cmp.Diff(want+string(l.Data)+"\n", since.ReplaceAllString(out, "(AGO)")); diff != "" || code != exitDone || errs != "" {
		t.Errorf("%d %q\n%s", code, errs, diff)
	}
	code, out, errs = d.at(t.Context(), person{width: 200}, "show", "inv-1")
	const pretty = "{\n  \"id\": \"inv-1\",\n  \"content\": {\n    \"Amount\": 12.50\n  }\n}\n"
	if diff := cmp.Diff(want+pretty, since.ReplaceAllString(out, "(AGO)")); diff != "" || code != exitDone || errs != "" {
		t.Errorf("on a terminal: %d %q\n%s", code, errs, diff)
	}
}

func TestShowAsJSON(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.letter(nil)
	d.letter(func(l *deadletter.Letter) { l.Data = []byte("not JSON\n") })
	d.letter(func(l *deadletter.Letter) { l.Data = []byte("\xff\x00") })
	d.letter(func(l *deadletter.Letter) { l.Data = nil })
	code, out, errs := d.run("show", "inv-1", "inv-2", "inv-3", "inv-4", "--json")
	if code != exitDone || errs != "" {
		t.Fatalf("%d %q", code, errs)
	}
	var got []map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[string]any{
		{"payload": map[string]any{"id": "inv-1", "content": map[string]any{"Amount": 12.5}}},
		{"payload_text": "not JSON\n"},
		{"payload_base64": "/wA="},
		{"payload_text": ""},
	} {
		want["headers"] = map[string]any{"Business-Key": []any{"4711"}}
		want["remedy"] = remedy.OfDeadLetter(job.NotFound)
		if diff := cmp.Diff(want, only(got[i], "payload", "payload_text", "payload_base64", "headers", "remedy")); diff != "" {
			t.Errorf("%d: %s", i, diff)
		}
	}
	if !strings.Contains(out, "12.50") {
		t.Errorf("the payload is not as it was: %s", out)
	}
}

func only(m map[string]any, keys ...string) map[string]any {
	some := map[string]any{}
	for _, k := range keys {
		if v, ok := m[k]; ok {
			some[k] = v
		}
	}
	return some
}

func TestShowFindsNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	l := d.letter(nil)
	for line, want := range map[string]string{
		"show gone":                         "no dead letter is named gone: ",
		"show inv-1 gone missing":           "no dead letter is named gone, missing: ",
		"show gone --json":                  "no dead letter is named gone: ",
		"show " + l.Hash()[:5]:              "at least its first 6 digits",
		"show " + strings.Repeat("0", 32):   "no dead letter is named 000",
		"show " + strings.Repeat("0", 1000): "no dead letter is named 000",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			code, out, errs := d.run(strings.Fields(line)...)
			if code != exitFailed || !strings.Contains(errs, want) {
				t.Errorf("%d %q %q", code, out, errs)
			}
			if found := strings.Contains(out, "inv-1"); found != strings.Contains(line, "inv-1") {
				t.Errorf("%q", out)
			}
		})
	}
}

// Every reason has its page, with what to do and lines to copy.
func TestShowEveryReason(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	reasons := append([]job.Reason{"of_a_later_version"}, job.DeadLetterReasons...)
	for _, r := range reasons {
		d.letter(func(l *deadletter.Letter) { l.Reason, l.RequestID = r, "of-"+string(r) })
	}
	for _, r := range reasons {
		_, out, _ := d.run("show", "of-"+string(r))
		flat := strings.Join(strings.Fields(out), " ")
		contains(t, string(r), flat, remedy.OfDeadLetter(r), "worker deadletter replay --config ", "worker deadletter purge --config ")
		if resend := strings.Contains(out, " --resend  # only if"); resend != (r == job.UnknownOutcome) {
			t.Errorf("%s: %s", r, out)
		}
		if elsewhere := strings.Contains(flat, "--to-route NAME"); elsewhere != (r == job.UnsupportedAction) {
			t.Errorf("%s: %s", r, out)
		}
	}
}

// A letter that was written by hand, with anything missing, is shown all the same.
func TestShowOfAPoorLetter(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if _, err := d.js.Publish(t.Context(), "jobs-dead.invoices.$(reboot)", []byte{0xff}); err != nil {
		t.Fatal(err)
	}
	code, out, errs := d.run("show", "$(reboot)")
	if code != exitDone || errs != "" {
		t.Fatalf("%d %q", code, errs)
	}
	contains(t, "the page", strings.Join(strings.Fields(out), " "), remedy.OfDeadLetter(""))
	contains(t, "the page", out, "What        (not known)\n", "--id '$(reboot)'\n", "subject (not known)", "never sent", "No headers", "00000000  ff")
}

// The first moment of 1970 stands for a first try of which nobody knows when it was.
func TestShowOfAnUnknownFirstTry(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*deadletter.Letter)
		want   string
	}{
		"never sent":            {func(l *deadletter.Letter) { l.FirstTry = time.Time{} }, "after 1 attempt; never sent"},
		"at any time":           {func(l *deadletter.Letter) { l.FirstTry = time.Unix(0, 0) }, "first sent at an unknown time"},
		"unknown, and no time":  {func(l *deadletter.Letter) { l.FirstTry, l.Reason = time.Time{}, job.UnknownOutcome }, "first sent at an unknown time"},
		"in doubt, and no time": {func(l *deadletter.Letter) { l.FirstTry, l.UnknownSince = time.Time{}, failed }, "first sent at an unknown time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.letter(tt.change)
			_, page, _ := d.run("show", "inv-1")
			contains(t, "the page", strings.Join(strings.Fields(page), " "), tt.want)
			_, object, _ := d.run("show", "inv-1", "--json")
			if strings.Contains(page, "1970") || strings.Contains(object, "first_try") {
				t.Errorf("%s\n%s", page, object)
			}
		})
	}
}

func TestAgo(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Hour: "just now", 59 * time.Second: "just now", time.Minute: "1 minute ago", 59 * time.Minute: "59 minutes ago",
		time.Hour: "1 hour ago", 47 * time.Hour: "47 hours ago", 48 * time.Hour: "2 days ago", 20000 * day: "20,000 days ago",
	} {
		if got := ago(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/etc/queueferry.yaml": "/etc/queueferry.yaml", "my file": "'my file'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "ü": "'ü'", "~/x": "'~/x'", "": "''",
	} {
		if got := quoted(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
