package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

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
	for _, want := range []string{"delivered", "duplicate", "reference_conflict", "log-ins", "time held", "calls of AddQueueItem", "calls of BulkAddQueueItems",
		"jobs started by them", "look-ups of items and jobs", "id_conflict", "The books balance"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output does not name %q:\n%s", want, out.String())
		}
	}
}

// Books that do not balance are noticed: an item or a job too many, one too few, a
// dead letter that is not there.
func TestBooksThatDoNotBalance(t *testing.T) {
	t.Parallel()
	s, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	p := newPlay(s, newScreen(&bytes.Buffer{}), 10)
	settle := func() {
		if err := p.await(t.Context(), func() bool { return p.log.Finished() >= p.published }); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.good(10)(context.Background()); err != nil {
		t.Fatal(err)
	}
	settle()
	if b := p.balance(); b.verdict() != nil {
		t.Fatalf("wrong from the start: %v", b.wrong)
	}
	checkConfig(t, s)
	p.uipath.AddItem(folder, invoices, uipath.Item{Reference: "inv-000003"})
	p.items[notes] = append(p.items[notes], "note-never")
	p.uipath.AddJob(folder, process, uipath.Job{Reference: "job-000000"})
	p.bad["not_found"] = []string{"never"}
	wrong := strings.Join(p.balance().wrong, "\n")
	for _, want := range []string{"inv-000003 has 2 items", "note-never has 0 items", "job-000000 has 2 jobs", "0 dead letters are not_found, and 1 must be"} {
		if !strings.Contains(wrong, want) {
			t.Errorf("%q was not noticed:\n%s", want, wrong)
		}
	}
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
	if cfg.NATS.URL != s.worker.at.NATS || cfg.Connections[0].URL != s.uipath.URL() || len(cfg.Routes) < 4 {
		t.Errorf("%+v", cfg)
	}
}
