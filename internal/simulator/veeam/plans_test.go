package veeam_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

// list gives the total and the names on one page of plans, or the status.
func (a *acting) list(query url.Values) string {
	a.t.Helper()
	got := a.get("Plans?" + query.Encode())
	if got.status != 200 {
		return fmt.Sprint(got.status)
	}
	text := fmt.Sprint(got.body["total"])
	for _, row := range got.body["data"].([]any) {
		text += " " + row.(map[string]any)["name"].(string)
	}
	return text
}

func filterBy(property, operator, value string) url.Values {
	return url.Values{"filter": {fmt.Sprintf(`[{"property":%q,"operator":%q,"value":%q}]`, property, operator, value)}}
}

func TestOnePlan(t *testing.T) {
	t.Parallel()
	a := startWith(t, veeam.Settings{}, veeam.Plan{Name: "Payroll", Disabled: true})
	row := map[string]any{
		"id": a.plan.ID, "name": "Payroll", "planType": "Restore", "planMode": "Disabled",
		"state": "NeedsVerification", "stateName": "Needs Verification",
	}
	if diff := cmp.Diff(map[string]any{"total": 1.0, "data": []any{row}}, a.get("Plans").body); diff != "" {
		t.Error(diff)
	}
	row["description"], row["recoveryLocationId"] = "", "3f6c2d0e-51a8-4f0b-9d3c-6a1b7e9f2c44"
	if diff := cmp.Diff(row, a.get("Plans/"+a.plan.ID+"?includeEditingChanges=false").body); diff != "" {
		t.Error(diff)
	}
	if got := a.get("Plans/" + a.plan.ID + "?includeEditingChanges=no"); got.status != 400 {
		t.Errorf("got %d %s", got.status, got.text)
	}
}

func TestPagesOfPlans(t *testing.T) {
	t.Parallel()
	a := startWith(t, veeam.Settings{MaxPage: 2}, veeam.Plan{Name: "a"})
	a.AddPlan(veeam.Plan{Name: "b", Disabled: true})
	a.AddPlan(veeam.Plan{Name: "c"})
	tests := map[string]struct {
		query url.Values
		want  string
	}{
		"none":               {nil, "3 a b"},
		"the second page":    {url.Values{"start": {"2"}}, "3 c"},
		"beyond the end":     {url.Values{"start": {"4"}}, "3"},
		"one":                {url.Values{"limit": {"1"}, "start": {"1"}}, "3 b"},
		"more than there is": {url.Values{"limit": {"1000"}}, "3 a b"},
		"enabled ones":       {url.Values{"onlyEnabled": {"true"}}, "2 a c"},
		"a negative start":   {url.Values{"start": {"-1"}}, "400"},
		"an unknown option":  {url.Values{"$top": {"1"}}, "400"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (&acting{&rig{a.Orchestrator, t, a.client}, a.token, a.plan}).list(test.query); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestFilterOfPlans(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		names veeam.NameFilter
		query url.Values
		want  string
	}{
		"by name":             {veeam.FiltersNames, filterBy("name", "==", "Payroll"), "2 Payroll payroll"},
		"by name, refused":    {veeam.RefusesNames, filterBy("name", "==", "Payroll"), "400"},
		"by name, ignored":    {veeam.IgnoresNames, filterBy("name", "==", "Payroll"), "3 Payroll payroll Shop"},
		"by type, as refused": {veeam.RefusesNames, filterBy("planType", "==", "Storage"), "1 Shop"},
		"by type, as ignored": {veeam.IgnoresNames, filterBy("planType", "!=", "Storage"), "2 Payroll payroll"},
		"unknown property":    {veeam.FiltersNames, filterBy("planName", "==", "Payroll"), "400"},
		"unknown operator":    {veeam.FiltersNames, filterBy("name", "eq", "Payroll"), "400"},
		"unknown member":      {veeam.FiltersNames, url.Values{"filter": {`[{"property":"name","operator":"==","value":"x","not":true}]`}}, "400"},
		"no list":             {veeam.FiltersNames, url.Values{"filter": {`{"property":"name","operator":"==","value":"x"}`}}, "400"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := startWith(t, veeam.Settings{NameFilter: test.names}, veeam.Plan{Name: "Payroll"})
			a.AddPlan(veeam.Plan{Name: "payroll"})
			a.AddPlan(veeam.Plan{Name: "Shop", Type: veeam.StoragePlan})
			if got := a.list(test.query); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
