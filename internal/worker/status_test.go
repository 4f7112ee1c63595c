package worker

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/consumer"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

var update = flag.Bool("update", false, "write testdata anew")

// fullStatus has every key set.
func fullStatus() status {
	now := consumer.State{
		Missing: &consumer.Absence{Since: t0}, InHand: 3, Held: 2, Pending: 900, AckPending: 5,
		Hold: consumer.HoldState{Held: true, Since: t0, Reason: job.Forbidden, Detail: "folder: it does not exist, or the account has no access to it", Until: t0.Add(time.Minute)},
		History: consumer.History{
			Verdicts:      map[job.Verdict]int{job.Delivered: 41, job.Rejected: 2},
			LastDelivered: t0.Add(-time.Second), DeadLetters: 2, LastReason: job.NotFound, LastDead: t0.Add(-time.Minute),
		},
	}
	credential := authpool.CredentialState{
		Name: "1", Status: authpool.Denied, Since: t0, Reason: job.CredentialsRefused, Code: "invalid_client", HTTPStatus: 400,
		Detail: "the credential is refused: invalid_client: status 400", NextTry: t0.Add(30 * time.Second), Age: time.Minute, Expiry: t0.Add(time.Hour), InFlight: 1,
	}
	g := glance{
		name: "acme", circuit: "open", tokens: authpool.State{Credentials: []authpool.CredentialState{credential}},
		gate: orchestrator.GateState{Reason: job.CredentialsRefused, Detail: credential.Detail, Since: t0, Until: t0.Add(time.Minute), Held: 2, Calls: 1, Limit: 32},
	}
	route := routeStatusOf(config.Route{Name: "invoices", Connection: "acme", Pause: true}, now, true, true)
	return status{
		Summary: "0 of 1 routes deliver; paused: invoices", Version: "v1.2.3", StartedAt: when(t0), Uptime: "1h0m0s", Host: "queueferry-0",
		NATS:        natsStatus{Connected: true, Server: "nats://nats:4222", Since: when(t0), LastError: "EOF", ErrorAt: when(t0), Stream: "JOBS"},
		Routes:      []routeStatus{route},
		Connections: []connectionStatus{connectionStatusOf(g)},
		Troubles:    []troubleStatus{{Part: "ledger", Since: when(t0), Error: "no such bucket"}},
	}
}

// The keys of the page, and their order, are fixed: go test -run Status -update
// writes them anew.
func TestStatusHasItsKeys(t *testing.T) {
	t.Parallel()
	got, err := json.MarshalIndent(fullStatus(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const golden = "testdata/status.golden"
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
	if !strings.HasPrefix(string(got), "{\n  \"summary\": ") {
		t.Error("the summary does not come first")
	}
}

// Before there is NATS the pages have every route of the file, and say what is missing.
func TestPagesBeforeNATS(t *testing.T) {
	t.Parallel()
	cfg := parse(t, fmt.Sprintf(file, "", someGrant, someFixed, someAction))
	w := &worker{config: cfg, started: t0, link: link{since: time.Now().Add(-time.Minute - time.Second/2)}}
	w.linkError(errors.New("connection refused"))
	s := w.status()
	if want := "0 of 1 routes deliver; no connection to NATS for 1m0s: the worker keeps trying; the last error: connection refused"; s.Summary != want {
		t.Errorf("summary %q, want %q", s.Summary, want)
	}
	if len(s.Routes) != 1 || s.Routes[0].Name != "invoices" || s.Routes[0].State != disconnected || s.NATS.Connected || s.NATS.LastError != "connection refused" {
		t.Errorf("status %+v", s)
	}
	r := w.readiness()
	if len(r.Problems) != 1 || r.Ready || r.Problems[0].What != "nats" || r.Problems[0].Reason != "disconnected" || r.Problems[0].Waiting != nil {
		t.Errorf("readiness %+v", r)
	}
	cfg.Routes[0].Pause = true
	if s := w.status(); s.Routes[0].State != resting {
		t.Errorf("a paused route is %s", s.Routes[0].State)
	}
}
