package setup

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/request"
)

func ofVeeam(t *testing.T, route string) *config.Config {
	t.Helper()
	const file = `connections:
  vro: {product: veeam, url: "https://vro:9898", credentials: [{grant: password, username: u, password: p}]}
routes: [{name: r, subjects: [jobs.>], connection: vro, %s}]
`
	cfg, err := config.Parse("q.yaml", fmt.Appendf(nil, file, route), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// A route on which no request could be valid is refused, with the place of what is
// wrong; a message may replace a default, and cannot remove it.
func TestSupportedPlans(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ route, want string }{
		"a plan":                        {`allow: {plans: [{plan: A, actions: [ReadinessCheck, Failover]}]}`, ""},
		"a fixed action":                {`fixed: {process: A, options: {action: Failover, executeChainedPlans: false}}`, ""},
		"an unknown action":             {`fixed: {process: A, options: {action: Fail}}`, "fixed.options: no request of this route could be valid: options.action: unknown"},
		"an unknown default":            {`defaults: {process: A, options: {action: Fail}}`, "defaults.options: no request"},
		"an unknown option":             {`fixed: {process: A, options: {report: true}}`, "fixed.options: no request of this route could be valid: options.report: "},
		"a priority":                    {`fixed: {process: A, priority: high}`, "fixed.priority: no request"},
		"a default priority":            {`fixed: {process: A}, defaults: {priority: high}`, "defaults.priority: no request"},
		"arguments":                     {`fixed: {process: A, arguments: {a: 1}}`, "fixed.arguments: no request"},
		"default arguments":             {`fixed: {process: A}, defaults: {arguments: {a: 1}}`, "defaults.arguments: no request"},
		"options of another action":     {`defaults: {options: {executeChainedPlans: false}}, allow: {plans: [{plan: A, actions: [Failover]}]}`, ""},
		"options of no action in reach": {`defaults: {options: {executeChainedPlans: false}}, allow: {plans: [{plan: A}, {plan: B, actions: [Halt]}]}`, "defaults.options: no request of this route could be valid: options.executeChainedPlans: ReadinessCheck: unknown"},
		"options of a fixed action":     {`fixed: {options: {action: Halt, executeChainedPlans: false}}, allow: {plans: [{plan: A, actions: [Halt, Failover]}]}`, "fixed.options: no request of this route could be valid: options.executeChainedPlans: Halt: unknown"},
		"a fixed action of no plan":     {`fixed: {options: {action: Failover}}, allow: {plans: [{plan: A}, {plan: "*"}, {plan: B, actions: [Restore]}]}`, "allow.plans: no request of this route could be valid: none of them may do what fixed.options.action says"},
		"a fixed action of a plan":      {`fixed: {options: {action: Failover}}, allow: {plans: [{plan: A}, {plan: B, actions: [Restore, Failover]}]}`, ""},
		"a fixed check":                 {`fixed: {options: {action: ReadinessCheck}}, allow: {plans: [{plan: "*"}]}`, ""},
		"not in the list":               {`allow: {plans: [{plan: A}, {plan: B, actions: [Failover, Fail]}]}`, "allow.plans[1].actions[1]: is not an action of a plan; there are Clone, "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Supported(ofVeeam(t, tt.route))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), "routes[0]."+tt.want)) {
				t.Errorf("%v", err)
			}
		})
	}
}

// What the decoders of routes to plans let through.
func TestDecodersOfPlans(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		route, body string
		reason      job.Reason
	}{
		"a check":                {`allow: {plans: [{plan: A}]}`, `{"action":"start_job","process":"A"}`, ""},
		"letter by letter":       {`allow: {plans: [{plan: A}]}`, `{"action":"start_job","process":"a"}`, job.NotAllowed},
		"an item":                {`allow: {plans: [{plan: A}]}`, `{"action":"add_queue_item","queue":"Q"}`, job.UnsupportedAction},
		"an option is no action": {`fixed: {process: A}, allow: {options: ["*"]}`, `{"action":"start_job","options":{"action":"Failover"}}`, job.NotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			decoders, err := Decoders(ofVeeam(t, tt.route))
			if err != nil {
				t.Fatal(err)
			}
			_, out, ok := decoders[0].Decode(context.Background(), request.Message{Subject: "jobs.a", Header: nats.Header{}, Data: []byte(tt.body), Stream: "JOBS", Sequence: 1})
			if ok != (tt.reason == "") || out.Reason != tt.reason {
				t.Errorf("%t %+v", ok, out)
			}
		})
	}
}
