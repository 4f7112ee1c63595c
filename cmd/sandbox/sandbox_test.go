package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheBooksBalance(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), &out, 100, false); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"UiPath away", "Automation Anywhere away", "Veeam away", "delivered", "duplicate", "log-ins", "time held", "look-ups",
		"reference_conflict", "id_conflict", "unknown_outcome", "not_allowed",
		"AddQueueItem", "BulkAddQueueItems", "StartJobs", "AddWorkItems", "Deploy", "ReadinessCheck", "Restore", "The books balance",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output does not name %q:\n%s", want, out.String())
		}
	}
	for line := range strings.Lines(out.String()) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
			t.Errorf("longer than 80 characters: %s", line)
		}
	}
}

// Books that do not balance are noticed: an item or a job too many, one too few, a
// dead letter that is not there.
func TestBooksThatDoNotBalance(t *testing.T) {
	t.Parallel()
	p := opened(t)
	if err := inTurn(t.Context(), p.goods(2*len(p.cycle)), p.idle); err != nil {
		t.Fatal(err)
	}
	if b := p.balance(); b.verdict() != nil {
		t.Fatalf("wrong from the start: %v", b.wrong)
	}
	checkConfig(t, p.stage)
	p.uipath.AddItem(folder, invoices, uipath.Item{Reference: "inv-000003"})
	p.kind("jobs.notes.new").want = append(p.kind("jobs.notes.new").want, "note-never")
	p.uipath.AddJob(folder, process, uipath.Job{Reference: "job-000000"})
	p.uipath.AddJob(folder, process, uipath.Job{Reference: "job-strange"})
	p.kind("jobs.checks.new").want = p.kind("jobs.checks.new").want[1:]
	p.dead[p.products[0]]["not_found"]++
	wrong := strings.Join(p.balance().wrong, "\n")
	for _, want := range []string{
		"inv-000003 has 2 items", "note-never has 0 items", "job-000000 has 2 jobs", `1 jobs of "job-strange"`, `1 checks of "check-000000"`,
		"0 dead letters of UiPath are not_found, and 1 must be",
	} {
		if !strings.Contains(wrong, want) {
			t.Errorf("%q was not noticed:\n%s", want, wrong)
		}
	}
}

// While one product is away, everything for the others is settled, and nothing
// for it; then it is made up for.
func TestAnOutageIsOfOneProductOnly(t *testing.T) {
	t.Parallel()
	p := opened(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Minute, errors.New("the requests are not settled in time"))
	defer cancel()
	if err := inTurn(ctx, p.goods(len(p.cycle)), p.idle); err != nil {
		t.Fatal(err)
	}
	for _, away := range p.products {
		before := p.log.Finished(away)
		faults := away.away()
		if err := p.good(ctx, 5*len(p.cycle)); err != nil {
			t.Fatal(err)
		}
		for _, other := range p.products {
			if other == away {
				continue
			}
			if err := p.await(ctx, func() bool { return p.log.Finished(other) == p.published[other] }); err != nil {
				t.Fatalf("%s while %s is away: %v", other.name, away.name, err)
			}
		}
		if n := p.log.Finished(away) - before; n > 0 {
			t.Errorf("%s is away, and %d requests to it were settled", away.name, n)
		}
		mend(faults)
		if err := p.idle(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if b := p.balance(); b.verdict() != nil {
		t.Error(strings.Join(b.wrong, "\n"))
	}
}

// opened is a play that has not begun.
func opened(t *testing.T) *play {
	t.Helper()
	s, err := open(t.Context())
	t.Cleanup(s.close)
	if err != nil {
		t.Fatal(err)
	}
	return newPlay(s, newScreen(&bytes.Buffer{}), 100)
}

// The file for other commands names the same servers.
func checkConfig(t *testing.T, s *stage) {
	t.Helper()
	path, err := s.writeConfig()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	if cfg.NATS.URL != s.worker.at.NATS || cfg.Connections[0].URL != s.uipath.URL() || len(cfg.Connections) != 4 || len(cfg.Routes) < 9 {
		t.Errorf("%+v", cfg)
	}
}
