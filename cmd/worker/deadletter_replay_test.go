package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/ledger"
)

// came is what a replayed message is known by.
type came struct{ Subject, Key, Data string }

func (d *desk) came() (all []came) {
	d.t.Helper()
	for _, m := range d.published() {
		all = append(all, came{m.Subject, m.Header.Get("Business-Key"), string(m.Data)})
	}
	slices.SortFunc(all, func(a, b came) int { return cmp.Compare(a.Data, b.Data) })
	return all
}

func TestReplay(t *testing.T) {
	t.Parallel()
	first := came{"jobs.invoices.new", "4711", `{"id": "inv-1", "content": {"Amount": 12.50}}`}
	elsewhere := came{"jobs.invoices.replay", "4711", `{"id": "inv-2", "content": {"Amount": 12.50}}`}
	for name, c := range map[string]struct {
		flags string
		want  []came
		code  int
		errs  []string
	}{
		"one":                   {"--id inv-1", []came{first}, exitDone, []string{"Replayed 1 dead letter.\n"}},
		"none":                  {"--id gone", nil, exitDone, []string{"No dead letter matches. An id is a whole request id, a hash, or at least its first 6 digits.\n"}},
		"all, one has no route": {"--all", []came{first}, exitFailed, []string{"left HASH2 invoices not_found inv-2: no route takes its subject jobs.old: name the route with --to-route\n", "replayed 1 of 2 dead letters; 1 left where they are\n"}},
		"to a route":            {"--id inv-2 --to-route invoices", []came{elsewhere}, exitDone, []string{"Replayed 1 dead letter.\n"}},
		"all to a route":        {"--all --to-route invoices --rate 1000", []came{first, elsewhere}, exitDone, []string{"Replayed 2 dead letters.\n"}},
		"to no route":           {"--all --to-route nowhere", nil, exitConfig, []string{`no route "nowhere"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.letter(nil)
			homeless := d.letter(func(l *deadletter.Letter) { l.Subject = "jobs.old" })
			code, out, errs := d.run(append([]string{"replay"}, strings.Fields(c.flags)...)...)
			if code != c.code || out != "" {
				t.Errorf("%d %q %q", code, out, errs)
			}
			for _, want := range c.errs {
				contains(t, "stderr", errs, strings.ReplaceAll(want, "HASH2", homeless.Hash()[:8]))
			}
			if diff := gocmp.Diff(c.want, d.came()); diff != "" {
				t.Error(diff)
			}
			if left := d.left("JOBS_DEAD"); left != 2-len(c.want) {
				t.Errorf("%d letters are left", left)
			}
		})
	}
}

// A letter that an earlier replay published, and that is not asked for, is
// removed, and counts for itself.
func TestReplayFinishesAnEarlierOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.letter(nil)
	other := d.letter(nil)
	d.brokenOff(other)
	code, out, errs := d.run("replay", "--id", "inv-1")
	want := "Removed 1 other dead letter that an earlier replay had published.\nReplayed 1 dead letter.\n"
	if code != exitDone || out != "" || errs != want {
		t.Errorf("%d %q %q", code, out, errs)
	}
	if n := len(d.came()); n != 2 || d.left("JOBS_DEAD") != 0 {
		t.Errorf("%d requests, %d letters are left", n, d.left("JOBS_DEAD"))
	}
}

// brokenOff is a replay that was killed when it had published the letter, long
// ago and by another server.
func (d *desk) brokenOff(l deadletter.Letter) {
	d.t.Helper()
	book, err := ledger.Open(d.t.Context(), d.js, "JOBS_LEDGER")
	if err == nil {
		_, err = d.js.Publish(d.t.Context(), l.Subject, l.Data, jetstream.WithMsgID(deadletter.MessageID(l.Hash())))
	}
	if err == nil {
		_, err = book.StoreReplay(d.t.Context(), 0, ledger.Replay{Owner: "killed", Nonce: "n", Batches: []ledger.ReplayBatch{
			{Hashes: []string{l.Hash()}, First: failed, Begun: failed},
		}})
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// What the package says of a letter that is left does not name the package.
func TestReplayLeavesALetterMadeByHand(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if _, err := d.js.Publish(t.Context(), "jobs-dead.invoices.byhand", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"--dry-run", "--rate=1000"} {
		_, out, errs := d.run("replay", "--all", flag)
		contains(t, flag, out+errs, " its subject does not end in a hash")
		if strings.Contains(out+errs, "deadletter: ") {
			t.Errorf("%q %q", out, errs)
		}
	}
}

func TestReplayDryRun(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.letter(nil)
	b := d.letter(func(l *deadletter.Letter) { l.Subject = "jobs.old" })
	code, out, errs := d.run("replay", "--all", "--dry-run")
	want := strings.Join([]string{
		"HASH      ROUTE     REASON     REQUEST ID  SUBJECT            LEFT BECAUSE",
		a.Hash()[:8] + "  invoices  not_found  inv-1       jobs.invoices.new  -",
		b.Hash()[:8] + "  invoices  not_found  inv-2       -                  no route takes its subject jobs.old: name the route with --to-route",
	}, "\n") + "\n"
	if diff := gocmp.Diff(want, out); diff != "" || code != exitFailed || !strings.Contains(errs, "would replay 1 of 2 dead letters; 1 would be left") {
		t.Errorf("%d %q\n%s", code, errs, diff)
	}
	code, _, errs = d.run("replay", "--id", "inv-1", "--dry-run")
	if code != exitDone || errs != "Would replay 1 dead letter.\n" {
		t.Errorf("%d %q", code, errs)
	}
	if len(d.came()) != 0 || d.left("JOBS_DEAD") != 2 {
		t.Error("the dry run was none")
	}
}

// What was broken off is told, and goes on where it was: each message comes once.
func TestReplayIsInterrupted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const n = 40
	for range n {
		d.letter(nil)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	code, out, errs := d.at(ctx, person{after: func(shown string) {
		if strings.Contains(shown, "%") && !strings.Contains(shown, " 0%") {
			cancel()
		}
	}}, "replay", "--all", "--rate", "20")
	remain := d.left("JOBS_DEAD")
	if code != exitFailed || out != "" || remain == 0 || remain == n {
		t.Errorf("%d, %d letters are left: %q", code, remain, errs)
	}
	contains(t, "stderr", errs, "finishing the letters under way…\n",
		fmt.Sprintf("interrupted: replayed %d of %d dead letters, %d remain; to run it again is safe\n", n-remain, n, remain))
	if code, _, errs := d.run("replay", "--all"); code != exitDone || !strings.Contains(errs, fmt.Sprintf("Replayed %s.", counted(remain, "dead letter"))) {
		t.Errorf("%d %q", code, errs)
	}
	ids := map[string]int{}
	for _, m := range d.came() {
		ids[m.Data]++
	}
	if len(ids) != n || len(d.came()) != n || d.left("JOBS_DEAD") != 0 {
		t.Errorf("%d messages of %d requests, %d letters are left", len(d.came()), len(ids), d.left("JOBS_DEAD"))
	}
}
