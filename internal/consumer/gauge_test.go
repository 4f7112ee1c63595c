package consumer

import (
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// Many messages leave the hand at once; what the metrics say last must be what is.
func TestGaugesEndAtZero(t *testing.T) {
	t.Parallel()
	metrics := telemetry.NewMetrics(telemetry.Build{})
	c := New(Settings{Route: route, MaxInFlight: 8, Metrics: metrics.Route(route), Events: telemetry.NewEvents(zap.NewNop())})
	for round := range 500 {
		var wg sync.WaitGroup
		for i := range 8 {
			d := &delivery{msg: &nats.Msg{}, meta: &nats.MsgMetadata{Sequence: nats.SequencePair{Stream: uint64(i)}}}
			c.hand.add(d)
			c.Metrics.InFlight(+1)
			c.open.Add(1)
			c.setHeld(d, true)
			wg.Go(func() { c.finish(d, orchestrator.Result{}, retry.Disposition{Kind: retry.Leave}) })
		}
		wg.Wait()
		page := httptest.NewRecorder()
		metrics.Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
		for _, name := range []string{"in_flight", "held"} {
			if want := "queueferry_" + name + `{route="` + route + `"} 0`; !strings.Contains(page.Body.String(), want) {
				t.Fatalf("round %d: %s is not 0", round, name)
			}
		}
	}
}
