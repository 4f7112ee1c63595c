package check

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/config"
)

// Of plans, a route wants each that it names, with each action that a request may
// have it do.
func TestPlans(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		route string
		want  []string
		open  bool
	}{
		"a plan":                      {`allow: {plans: [{plan: A}]}`, []string{"A ReadinessCheck false"}, false},
		"actions":                     {`allow: {plans: [{plan: A, actions: [Failover, Undo]}, {plan: B}]}`, []string{"A Failover false", "A Undo false", "B ReadinessCheck false"}, false},
		"any":                         {`allow: {plans: [{plan: "*"}]}`, nil, true},
		"any beside one":              {`allow: {plans: [{plan: "*"}, {plan: A, actions: [Failover]}]}`, []string{"A Failover false"}, true},
		"fixed":                       {`fixed: {process: A}`, []string{"A ReadinessCheck true"}, false},
		"fixed, with its action":      {`fixed: {process: A, options: {action: Failover}}`, []string{"A Failover true"}, false},
		"fixed, and any":              {`fixed: {process: A, options: {action: Failover}}, allow: {plans: [{plan: "*"}]}`, []string{"A Failover true"}, false},
		"fixed, actions of a message": {`fixed: {process: A}, allow: {plans: [{plan: A, actions: [Failover]}, {plan: B}]}`, []string{"A ReadinessCheck true", "A Failover true"}, false},
		"preset":                      {`defaults: {process: A, options: {action: Undo}}, allow: {plans: [{plan: "*"}, {plan: B}]}`, []string{"A Undo true", "A ReadinessCheck true", "B ReadinessCheck false"}, true},
		"a fixed action":              {`fixed: {options: {action: Undo}}, allow: {plans: [{plan: A, actions: [Undo, Failover]}]}`, []string{"A Undo false"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const file = `connections:
  vro: {product: veeam, url: "https://vro:9898", credentials: [{grant: password, username: u, password: p}]}
routes: [{name: r, subjects: [jobs.>], connection: vro, %s}]
`
			cfg, err := config.Parse("q.yaml", fmt.Appendf(nil, file, tt.route), func(string) (string, bool) { return "", false })
			if err != nil {
				t.Fatal(err)
			}
			all, open := wanted(cfg, "vro")
			var got []string
			for _, w := range all {
				got = append(got, fmt.Sprintf("%s %s %t", w.Process, w.PlanAction, w.OwnName))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || (len(open) > 0) != tt.open {
				t.Errorf("open: %v\n%s", open, diff)
			}
		})
	}
}
