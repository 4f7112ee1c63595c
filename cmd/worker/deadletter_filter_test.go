package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
)

func TestAge(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90m": 90 * time.Minute, "36h": 36 * time.Hour, "7d": 7 * day, "1d12h": 36 * time.Hour, "65535d": 65535 * day, "1ns": 1,
		"": 0, "0s": 0, "0d": 0, "-1h": 0, "7": 0, "d": 0, "-7d": 0, "1.5d": 0, "65536d": 0, "1d-1h": 0, "1d2d": 0, "7 d": 0,
		"65535d2562047h": 0,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var a age
			err := a.Set(text)
			if time.Duration(a) != want || (err == nil) != (want > 0) {
				t.Errorf("%v, %v; want %v", time.Duration(a), err, want)
			}
			if err != nil {
				return
			}
			var again age
			if err := again.Set(a.String()); err != nil || again != a {
				t.Errorf("%s is read as %v, %v", &a, time.Duration(again), err)
			}
		})
	}
}

func TestFilterFlags(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		args []string
		want deadletter.Filter
	}{
		"none": {nil, deadletter.Filter{}},
		"all kinds": {
			[]string{"--route", "a", "--route=b,c", "--reason", "not_found", "--reason", "rejected", "--id", "x,y", "--id", "z", "--older-than", "1d", "--newer-than", "7d"},
			deadletter.Filter{
				Routes: []string{"a", "b", "c"}, Reasons: []job.Reason{job.NotFound, job.RejectedByTarget}, IDs: []string{"x,y", "z"},
				Before: now.Add(-24 * time.Hour), After: now.Add(-7 * 24 * time.Hour),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f filterFlags
			command := &cobra.Command{}
			f.register(command)
			if err := command.ParseFlags(c.args); err != nil {
				t.Fatal(err)
			}
			got, err := f.filter(command, now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Wrong use is told before the configuration is read: none is here.
func TestWrongUseOfDeadletter(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"deadletter lst":                                  `unknown command "lst"`,
		"deadletter list extra":                           `unexpected argument "extra"`,
		"deadletter list --reason gone":                   "unknown reason \"gone\"; known are undecodable, too_large",
		"deadletter list --older-than 7":                  "give an age such as 90m, 36h or 7d",
		"deadletter list --newer-than -1h":                "give an age",
		"deadletter list --older-than=2d --newer-than=1d": "no letter is both older than 2d and newer than 1d",
		"deadletter list --id=":                           "an id is empty",
		"deadletter list -o yaml":                         `unknown output "yaml"`,
		"deadletter list --json -o ndjson":                "exclude each other",
		"deadletter list --limit -1":                      "--limit",
		"deadletter list --limit 1 --summary":             "exclude each other",
		"deadletter show":                                 "give a request id or a hash",
		"deadletter show --output xml a":                  "unknown output",
		"deadletter replay":                               "nothing is chosen",
		"deadletter replay --dry-run":                     "nothing is chosen",
		"deadletter replay --all --route x":               "--all stands alone",
		"deadletter replay --all --rate -1":               "--rate",
		"deadletter replay --all --rate NaN":              "--rate",
		"deadletter purge":                                "nothing is chosen",
		"deadletter purge --yes":                          "nothing is chosen",
		"deadletter purge --all --id abc":                 "--all stands alone",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			code, out, errs := command(strings.Fields(line)...)
			if code != exitConfig || out != "" || !strings.Contains(errs, want) || !strings.Contains(errs, "--help") {
				t.Errorf("%d %q %q", code, out, errs)
			}
		})
	}
}

func TestDeadletterNeedsAConfiguration(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"list", "show x", "replay --all", "purge --all"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"deadletter"}, strings.Fields(line)...)
			code, out, errs := command(append(args, "--config", "/nowhere/at/all.yaml")...)
			if code != exitConfig || out != "" || !strings.Contains(errs, "/nowhere/at/all.yaml") {
				t.Errorf("%d %q %q", code, out, errs)
			}
		})
	}
}
