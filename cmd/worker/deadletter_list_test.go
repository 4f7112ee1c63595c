package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
)

func TestListAsATable(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.letter(nil)
	b := d.letter(func(l *deadletter.Letter) {
		l.Route, l.Reason, l.Status, l.Detail = "orders", job.Undecodable, 0, "not JSON\x1b[2J: "+strings.Repeat("very ", 30)+"long"
		l.RequestID, l.Attempts = "", 0
	})
	want := strings.Join([]string{
		"HASH      FAILED                ROUTE     REASON       ATTEMPTS  STATUS  REQUEST ID  DETAIL",
		a.Hash()[:8] + "  2026-01-31T06:00:01Z  invoices  not_found    1         404     inv-1       queue: it does not exist in the folder",
		b.Hash()[:8] + "  2026-01-31T06:00:02Z  orders    undecodable  0         -       -           not JSON [2J: " + strings.Repeat("very ", 30) + "long",
	}, "\n") + "\n"
	code, out, errs := d.run("list")
	if diff := cmp.Diff(want, out); diff != "" || code != exitDone || errs != "" {
		t.Errorf("%d %q\n%s", code, errs, diff)
	}
	code, out, errs = d.at(t.Context(), person{width: 110}, "list")
	if code != exitDone || errs != "" {
		t.Errorf("%d %q", code, errs)
	}
	for line := range strings.Lines(out) {
		if n := columns(strings.TrimSuffix(line, "\n")); n > 110 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	contains(t, "the table of a terminal", out, a.Hash()[:8], "very …")
}

func TestListAsJSON(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.letter(nil)
	b := d.letter(func(l *deadletter.Letter) { l.Detail = "he said \"<no>\"" })
	record := func(l deadletter.Letter, i int, detail string) map[string]any {
		return map[string]any{
			"hash": l.Hash(), "failed_at": fmt.Sprintf("2026-01-31T06:00:0%dZ", i), "route": "invoices", "reason": "not_found", "detail": detail,
			"status": 404.0, "error_code": "1002", "attempts": 1.0, "request_id": l.RequestID, "stream": "JOBS", "sequence": float64(i),
			"subject": "jobs.invoices.new", "first_try": "2026-01-31T06:00:00Z", "size": float64(len(l.Data)),
		}
	}
	want := []map[string]any{record(a, 1, "queue: it does not exist in the folder"), record(b, 2, `he said "<no>"`)}
	for _, args := range [][]string{{"list", "--json"}, {"list", "-o", "json"}, {"list", "--output=json", "--json"}} {
		code, out, errs := d.run(args...)
		var got []map[string]any
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitDone || errs != "" {
			t.Fatalf("%d %v %q %q", code, err, out, errs)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	code, out, errs := d.run("list", "-o", "ndjson")
	var got []map[string]any
	for line := range strings.Lines(out) {
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		got = append(got, one)
	}
	if diff := cmp.Diff(want, got); diff != "" || code != exitDone || errs != "" {
		t.Errorf("%d %q %s", code, errs, diff)
	}
}

func TestListOfNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const heading = "HASH  FAILED  ROUTE  REASON  ATTEMPTS  STATUS  REQUEST ID  DETAIL\n"
	for name, c := range map[string]struct{ args, out, errs string }{
		"table":    {"list", heading, "There are no dead letters.\n"},
		"filtered": {"list --route invoices", heading, "No dead letter matches. worker deadletter list --summary names the routes that have letters.\n"},
		"json":     {"list --json", "[]\n", "There are no dead letters.\n"},
		"ndjson":   {"list -o ndjson", "", "There are no dead letters.\n"},
		"summary":  {"list --summary", "ROUTE  REASON  LETTERS  OLDEST  NEWEST\n", "There are no dead letters.\n"},
		"counts":   {"list --summary --json", "[]\n", "There are no dead letters.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := d.run(strings.Fields(c.args)...)
			if code != exitDone || out != c.out || errs != c.errs {
				t.Errorf("%d %q %q", code, out, errs)
			}
		})
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.letter(nil)
	d.letter(func(l *deadletter.Letter) { l.Route = "orders" })
	d.letter(func(l *deadletter.Letter) { l.Route, l.Reason = "orders", job.UnknownOutcome })
	d.letter(func(l *deadletter.Letter) { l.FailedAt = failed.AddDate(50, 0, 0) })
	for line, want := range map[string]string{
		"":                                     "inv-1 inv-2 inv-3 inv-4",
		"--route orders":                       "inv-2 inv-3",
		"--route orders --reason not_found":    "inv-2",
		"--route orders --route invoices":      "inv-1 inv-2 inv-3 inv-4",
		"--reason unknown_outcome,not_found":   "inv-1 inv-2 inv-3 inv-4",
		"--id inv-3 --id " + first.Hash():      "inv-1 inv-3",
		"--id " + first.Hash()[:6]:             "inv-1",
		"--id " + first.Hash()[:5]:             "",
		"--older-than 1ns --route invoices":    "inv-1",
		"--newer-than 1d":                      "inv-4",
		"--limit 2":                            "inv-1 inv-2",
		"--limit 4":                            "inv-1 inv-2 inv-3 inv-4",
		"--limit 1 --reason unknown_outcome":   "inv-3",
		"--id inv-1 --route orders":            "",
		"--older-than 1ns --newer-than 60000d": "inv-1 inv-2 inv-3",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			code, out, errs := d.run(append([]string{"list", "-o", "ndjson"}, strings.Fields(line)...)...)
			var ids []string
			for l := range strings.Lines(out) {
				var r record
				if err := json.Unmarshal([]byte(l), &r); err != nil {
					t.Fatal(err)
				}
				ids = append(ids, r.RequestID)
			}
			if got := strings.Join(ids, " "); got != want || code != exitDone {
				t.Errorf("%d %q, want %q; %s", code, got, want, errs)
			}
			if more := strings.Contains(errs, "There are more"); more != (line == "--limit 2") {
				t.Errorf("stderr: %q", errs)
			}
		})
	}
}

func TestListSummary(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for i := range 5 {
		d.letter(func(l *deadletter.Letter) {
			if i == 1 {
				l.Reason = job.Forbidden
			}
			if i == 3 {
				l.Route = "orders"
			}
		})
	}
	code, out, errs := d.run("list", "--summary")
	const want = `ROUTE     REASON     LETTERS  OLDEST                NEWEST
invoices  not_found  3        2026-01-31T06:00:01Z  2026-01-31T06:00:05Z
invoices  forbidden  1        2026-01-31T06:00:02Z  2026-01-31T06:00:02Z
orders    not_found  1        2026-01-31T06:00:04Z  2026-01-31T06:00:04Z
`
	if diff := cmp.Diff(want, out); diff != "" || code != exitDone || errs != "" {
		t.Errorf("%d %q\n%s", code, errs, diff)
	}
	_, out, _ = d.run("list", "--summary", "-o", "ndjson", "--route", "orders")
	const line = `{"route":"orders","reason":"not_found","count":1,"oldest":"2026-01-31T06:00:04Z","newest":"2026-01-31T06:00:04Z"}` + "\n"
	if out != line {
		t.Errorf("%q", out)
	}
}

// What a publisher or an orchestrator wrote does not command the terminal.
func TestListOfHostileText(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.letter(func(l *deadletter.Letter) {
		l.Detail, l.RequestID, l.Subject = "\u202egnp.exe", "id\u2066\u200b", "jobs.\u202e"
		l.Header["X-\x1b]0;title\a"] = []string{"\u009b2J\x1b[31m"}
		l.Data = []byte("\x1b[2J\u202e \x07")
	})
	for _, line := range []string{"list", "list --json", "list -o ndjson", "list --summary", "show inv-1", "show id\u2066\u200b", "show id\u2066\u200b --json"} {
		for _, run := range []func() (int, string, string){
			func() (int, string, string) { return d.run(strings.Split(line, " ")...) },
			func() (int, string, string) { return d.at(t.Context(), person{}, strings.Split(line, " ")...) },
		} {
			_, out, errs := run()
			if i := strings.IndexFunc(out+errs, func(r rune) bool { return hidden(r, "\n") }); i >= 0 {
				t.Errorf("%s: %q", line, (out + errs)[max(i-20, 0):])
			}
		}
	}
}
