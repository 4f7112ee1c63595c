package admin

import (
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata anew")

// The keys of the page, and their order, are fixed: -update writes them anew.
func TestReadinessHasItsKeys(t *testing.T) {
	t.Parallel()
	all := Readiness{Ready: true, Problems: []Problem{{
		What: "gate acme", Since: since, Reason: "credentials_refused", Detail: "why", Remedy: "What to do.", NextTry: since.Add(time.Hour), Waiting: new(37),
	}}}
	got, err := json.MarshalIndent(all.printed(since.Add(12*time.Minute+30*time.Second)), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const golden = "testdata/readyz.golden"
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What is shown of a time is to the second, in UTC, and how long it is ago.
func TestProblemsArePrinted(t *testing.T) {
	t.Parallel()
	r := Readiness{Problems: []Problem{
		{What: "nats", Since: since},
		{What: "gate acme", Since: since.Add(time.Hour), NextTry: since.Add(time.Hour)},
		{What: "ledger", NextTry: since},
	}}
	at := time.Date(2026, 1, 31, 2, 0, 0, 0, time.UTC)
	want := []Problem{
		{What: "nats", Since: at, For: "12m30s"},
		{What: "gate acme", Since: at.Add(time.Hour), For: "0s", NextTry: at.Add(time.Hour)},
		{What: "ledger"},
	}
	if diff := cmp.Diff(want, r.printed(since.Add(12*time.Minute+30*time.Second)).Problems); diff != "" {
		t.Error(diff)
	}
	if !r.Problems[0].Since.Equal(since) {
		t.Error("what was given is changed")
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", -time.Hour: "0s", 999 * time.Millisecond: "0s", 90 * time.Second: "1m30s", 26*time.Hour + 5*time.Second: "26h0m5s",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v is shown as %s, want %s", d, got, want)
		}
	}
}
