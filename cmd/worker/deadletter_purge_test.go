package main

import (
	"context"
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
)

// three stores one letter that is not found and two that are rejected.
func (d *desk) three() {
	d.t.Helper()
	d.letter(nil)
	d.letter(func(l *deadletter.Letter) { l.Reason = job.RejectedByTarget })
	d.letter(func(l *deadletter.Letter) { l.Reason, l.Route = job.RejectedByTarget, "orders" })
}

func TestPurge(t *testing.T) {
	t.Parallel()
	for line, c := range map[string]struct {
		left int
		errs string
	}{
		"--all":                       {0, "Purged 3 dead letters.\n"},
		"--reason rejected":           {1, "Purged 2 dead letters.\n"},
		"--route orders":              {2, "Purged 1 dead letter.\n"},
		"--id inv-2 --route invoices": {2, "Purged 1 dead letter.\n"},
		"--id gone":                   {3, "No dead letter matches. An id is a whole request id, a hash, or at least its first 6 digits.\n"},
		"--all --dry-run":             {3, "Would purge 3 dead letters.\n"},
		"--reason rejected --dry-run": {3, "Would purge 2 dead letters.\n"},
		"--newer-than 1m":             {3, "No dead letter matches.\n"},
		"--newer-than 60000d --yes":   {0, "Purged 3 dead letters.\n"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.three()
			code, out, errs := d.run(append([]string{"purge"}, strings.Fields(line)...)...)
			if left := d.left("JOBS_DEAD"); code != exitDone || errs != c.errs || left != c.left {
				t.Errorf("%d, %d letters are left; %q", code, left, errs)
			}
			if listed := strings.Contains(out, "inv-"); listed != strings.Contains(line, "dry-run") {
				t.Errorf("%q", out)
			}
		})
	}
}

func TestPurgeAsksAtATerminal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		types, flags string
		left, code   int
	}{
		"yes":           {"y\n", "", 0, exitDone},
		"the long yes":  {" YES \n", "", 0, exitDone},
		"no":            {"n\n", "", 3, exitFailed},
		"enter":         {"\n", "", 3, exitFailed},
		"no answer":     {"", "", 3, exitFailed},
		"something":     {"yess\n", "", 3, exitFailed},
		"need not ask":  {"", "--yes", 0, exitDone},
		"nothing to do": {"y\n", "--dry-run", 3, exitDone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.three()
			code, out, errs := d.at(t.Context(), person{types: c.types}, append([]string{"purge", "--all"}, strings.Fields(c.flags)...)...)
			if left := d.left("JOBS_DEAD"); code != c.code || left != c.left {
				t.Errorf("%d, %d letters are left; %q %q", code, left, out, errs)
			}
			if asked := strings.Contains(errs, "Purge 3 dead letters for good? [y/N] "); asked != (c.flags == "") {
				t.Errorf("%q", errs)
			}
			if declined := strings.Contains(errs, "nothing was purged"); declined != (c.code == exitFailed) {
				t.Errorf("%q", errs)
			}
		})
	}
}

// The person agrees to what was counted; a letter that comes meanwhile stays.
func TestPurgeSparesWhatCameSince(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.three()
	came := false
	code, _, errs := d.at(t.Context(), person{types: "y\n", after: func(shown string) {
		if strings.Contains(shown, "[y/N]") {
			came = true
			d.letter(nil)
		}
	}}, "purge", "--all")
	if left := d.left("JOBS_DEAD"); code != exitDone || !came || left != 1 {
		t.Errorf("%d, %d letters are left: %q", code, left, errs)
	}
}

func TestPurgeIsInterruptedAtTheQuestion(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.three()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	code, _, errs := d.at(ctx, person{after: func(shown string) {
		if strings.Contains(shown, "[y/N]") {
			cancel()
		}
	}}, "purge", "--all")
	if left := d.left("JOBS_DEAD"); code != exitFailed || left != 3 {
		t.Errorf("%d, %d letters are left: %q", code, left, errs)
	}
}
