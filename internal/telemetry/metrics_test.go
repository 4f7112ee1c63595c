package telemetry

import (
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
)

var testBuild = Build{Version: "v1.2.3", Revision: "abc", Go: "go1.26.8"}

// ours are the series of the worker in the text format, without the histograms'
// buckets, sorted.
func ours(t *testing.T, m *Metrics) []string {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	if rec.Code != 200 {
		t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	var out []string
	for line := range strings.Lines(rec.Body.String()) {
		if strings.HasPrefix(line, "queueferry_") && !strings.Contains(line, "_bucket{") {
			out = append(out, strings.TrimSuffix(line, "\n"))
		}
	}
	slices.Sort(out)
	return out
}

// TestMetricsGolden holds the names and the labels: dashboards and alerts are
// built on them.
func TestMetricsGolden(t *testing.T) {
	t.Parallel()
	m := NewMetrics(testBuild)
	r, c := m.Route("invoices"), m.Connection("acme")
	m.Unrouted(3)
	m.LedgerOp("put", LedgerOK)
	m.LedgerOp("put", LedgerError)
	r.Settled(Settled{Verdict: job.Duplicate, Disposition: retry.Ack, Age: 2 * time.Second})
	r.Settled(Settled{Verdict: job.Deferred, Disposition: retry.Nak, Reason: job.Forbidden, Age: time.Second})
	r.Settled(Settled{Verdict: job.Deferred, Disposition: retry.DeadLetter, Reason: job.AttemptsExhausted, Age: time.Minute})
	r.Batch(12)
	r.InFlight(5)
	r.Held(4)
	r.Consumer(100, 7)
	c.Call("add_queue_item", 201, 80*time.Millisecond)
	c.Call("add_queue_item", 0, 20*time.Second)
	c.Call("add_queue_item", 999, time.Second)
	c.Gate(GateShut)
	c.Breaker("open")
	c.Login(LoginRefused)
	c.TokenExpiry("1", time.Unix(1_800_000_000, 0))
	c.TokenExpiry("2", time.Unix(1_800_000_000, 0))
	c.TokenExpiry("2", time.Time{})
	c.LookUp(LookUpFound)

	got := strings.Join(ours(t, m), "\n") + "\n"
	const file = "testdata/metrics.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestRouteStartsAtZero(t *testing.T) {
	t.Parallel()
	m := NewMetrics(testBuild)
	m.Route("invoices")
	lines := ours(t, m)
	for _, v := range job.Verdicts {
		want := `queueferry_requests_total{reason="",route="invoices",verdict="` + v.String() + `"} 0`
		if !slices.Contains(lines, want) {
			t.Errorf("missing %s", want)
		}
	}
	for _, reason := range job.DeadLetterReasons {
		want := `queueferry_dead_letters_total{reason="` + string(reason) + `",route="invoices"} 0`
		if !slices.Contains(lines, want) {
			t.Errorf("missing %s", want)
		}
	}
}

// value is that of one series.
func value(t *testing.T, m *Metrics, series string) float64 {
	t.Helper()
	for _, line := range ours(t, m) {
		if number, ok := strings.CutPrefix(line, series+" "); ok {
			v, err := strconv.ParseFloat(number, 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("no series %s", series)
	return 0
}

func TestGateIsInOneState(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  []GateState
		want GateState
	}{
		"at the start": {nil, GateOpen},
		"shut":         {[]GateState{GateShut}, GateShut},
		"probing":      {[]GateState{GateShut, GateProbing}, GateProbing},
		"open again":   {[]GateState{GateShut, GateProbing, GateOpen}, GateOpen},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := NewMetrics(testBuild)
			conn := m.Connection("acme")
			for _, s := range c.set {
				conn.Gate(s)
			}
			for _, s := range GateStates {
				got := value(t, m, `queueferry_gate_state{connection="acme",state="`+string(s)+`"}`)
				if (got == 1) != (s == c.want) {
					t.Errorf("%s is %v", s, got)
				}
			}
		})
	}
}

func TestLastDelivered(t *testing.T) {
	t.Parallel()
	const series = `queueferry_last_delivered_timestamp_seconds{route="invoices"}`
	m := NewMetrics(testBuild)
	r := m.Route("invoices")
	r.Settled(Settled{Verdict: job.Duplicate, Disposition: retry.Ack})
	if got := value(t, m, series); got != 0 {
		t.Errorf("%v after a duplicate", got)
	}
	r.Settled(Settled{Verdict: job.Delivered, Disposition: retry.Ack})
	if got := value(t, m, series); time.Since(time.Unix(int64(got), 0)) > time.Minute {
		t.Errorf("%v after a delivery", got)
	}
}

func TestSameRouteTwiceIsOne(t *testing.T) {
	t.Parallel()
	m := NewMetrics(testBuild)
	for range 2 {
		m.Route("invoices").Settled(Settled{Verdict: job.Delivered, Disposition: retry.Ack})
	}
	if got := value(t, m, `queueferry_requests_total{reason="",route="invoices",verdict="delivered"}`); got != 2 {
		t.Errorf("got %v", got)
	}
}

func BenchmarkRouteSettled(b *testing.B) {
	r := NewMetrics(testBuild).Route("invoices")
	b.ReportAllocs()
	for b.Loop() {
		r.Settled(settled)
	}
}
