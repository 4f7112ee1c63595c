package veeam_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/veeam"
	"github.com/queueferry/queueferry/internal/simulator/server"
	simulator "github.com/queueferry/queueferry/internal/simulator/veeam"
)

// signed puts a token on every call.
type signed struct {
	*http.Transport
	token string
}

func (s signed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+s.token)
	return s.Transport.RoundTrip(r)
}

// scene is a simulated orchestrator with a plan, and a connector to it.
func scene(t *testing.T, s simulator.Settings, version string) (*simulator.Orchestrator, simulator.Plan, *veeam.Connector) {
	t.Helper()
	o, err := simulator.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if found := o.Violations(); len(found) > 0 {
			t.Errorf("%q", found)
		}
		o.Close()
	})
	client := &http.Client{Transport: transport}
	resp, err := client.PostForm(o.URL()+"/api/token", url.Values{"grant_type": {"password"}, "username": {`LAB\queueferry`}, "password": {"secret"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var token struct {
		Value string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&token); err != nil {
		t.Fatal(err)
	}
	plan := o.AddPlan(simulator.Plan{Name: "Site A", Type: simulator.ReplicaPlan})
	return o, plan, veeam.New(veeam.Settings{APIVersion: version, Client: orchestrator.Client{
		Transport: signed{transport, token.Value}, BaseURL: o.URL(), Timeout: 10 * time.Second,
	}})
}

// Over HTTP, whatever of the product's answers is not settled: a request is
// delivered once, another one meets a plan at work, and a plan that is not there is
// not found.
func TestSimulated(t *testing.T) {
	t.Parallel()
	long := simulator.Settings{RunFor: -1}
	with := func(change func(*simulator.Settings)) simulator.Settings {
		s := long
		change(&s)
		return s
	}
	for name, tt := range map[string]struct {
		settings simulator.Settings
		version  string
	}{
		"as it comes":        {long, "v7.21"},
		"null":               {with(func(s *simulator.Settings) { s.Success = simulator.NullSuccess }), "v7.21"},
		"wrapped":            {with(func(s *simulator.Settings) { s.Success = simulator.WrappedSuccess }), "v7.21"},
		"names refused":      {with(func(s *simulator.Settings) { s.NameFilter = simulator.RefusesNames }), "v7.21"},
		"names ignored":      {with(func(s *simulator.Settings) { s.NameFilter = simulator.IgnoresNames }), "v7.21"},
		"small pages":        {with(func(s *simulator.Settings) { s.NameFilter, s.MaxPage = simulator.RefusesNames, 1 }), "v7.21"},
		"unknown plans, 400": {with(func(s *simulator.Settings) { s.UnknownPlanStatus = 400 }), "v7.21"},
		"unknown plans, 500": {with(func(s *simulator.Settings) { s.UnknownPlanStatus = 500 }), "v7.21"},
		"busy, 400":          {with(func(s *simulator.Settings) { s.BusyStatus = 400 }), "v7.21"},
		"wrapped errors, 200": {with(func(s *simulator.Settings) {
			s.Errors, s.BusyStatus, s.UnknownPlanStatus = simulator.WrappedErrors, 200, 200
		}), "v7.21"},
		"no errors' bodies":   {with(func(s *simulator.Settings) { s.Errors = simulator.EmptyErrors }), "v7.21"},
		"pages for errors":    {with(func(s *simulator.Settings) { s.Errors = simulator.HTMLErrors }), "v7.21"},
		"problems for errors": {with(func(s *simulator.Settings) { s.Errors = simulator.ProblemErrors }), "v7.21"},
		"traceless checks":    {with(func(s *simulator.Settings) { s.TracelessChecks = true }), "v7.21"},
		"another version":     {with(func(s *simulator.Settings) { s.Version = "13.1" }), "v13"},
		"the default on 13.1": {with(func(s *simulator.Settings) { s.Version = "13.1" }), "v7.21"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, plan, c := scene(t, tt.settings, tt.version)
			o.AddPlan(simulator.Plan{Name: "Site B"})
			submit := func(process string, options job.Fields, want job.Verdict) orchestrator.Result {
				t.Helper()
				r := c.Submit(t.Context(), orchestrator.Try{Request: &job.Request{ID: process, Action: job.StartJob, Process: process, Options: options}})
				if r.Verdict != want {
					t.Errorf("%s: %+v", process, r)
				}
				return r
			}
			submit("Site A", nil, job.Delivered)
			submit(plan.ID, nil, job.Busy)
			if r := submit("Site C", nil, job.Rejected); r.Reason != job.NotFound {
				t.Errorf("%+v", r)
			}
			if r := submit("99999999-aaaa-4aaa-8aaa-111111111111", nil, job.Rejected); r.Reason != job.NotFound {
				t.Errorf("%+v", r)
			}
			o.SetState(plan.ID, simulator.Editing)
			submit(plan.ID, nil, job.Busy)
			o.SetState(plan.ID, simulator.Verified)
			submit(plan.ID, job.Fields{
				"action": []byte(`"Failover"`), "executeChainedPlans": []byte("false"), "restorePointDate": []byte("null"), "protectStorageVolumes": []byte("false"),
			}, job.Delivered)
			if n := len(o.Runs(plan.ID)); n != 2 {
				t.Errorf("%d runs", n)
			}
		})
	}
}

// An answer that is lost over HTTP is found in the plan's state, and nothing but a
// readiness check is ever done twice.
func TestSimulatedLostAnswer(t *testing.T) {
	t.Parallel()
	for _, action := range []server.Operation{simulator.ReadinessCheck, simulator.Undo} {
		for name, fault := range map[string]server.Fault{"after it": server.CommitThenDrop(action), "before it": server.Down(500, action)} {
			t.Run(string(action)+" "+name, func(t *testing.T) {
				t.Parallel()
				o, plan, c := scene(t, simulator.Settings{RunFor: -1}, "v7.21")
				o.SetState(plan.ID, simulator.FailoverComplete)
				noted := ""
				try := orchestrator.Try{
					Request: &job.Request{ID: "1", Action: job.StartJob, Process: plan.Name, Options: job.Fields{"action": []byte(`"` + string(action) + `"`)}},
					Note:    func(_ context.Context, text string) bool { noted = text; return true },
				}
				o.SetFault(fault)
				if r := c.Submit(t.Context(), try); r.Verdict != job.Unknown {
					t.Fatalf("%+v", r)
				}
				o.ClearFault()
				try.Again, try.Before, try.FirstTry, try.UnknownSince, try.Resend = true, noted, time.Now(), time.Now(), true
				r := c.Submit(t.Context(), try)
				want, runs := job.Duplicate, 1
				if name == "before it" {
					want = map[server.Operation]job.Verdict{simulator.ReadinessCheck: job.Delivered, simulator.Undo: job.Unknown}[action]
					runs = map[server.Operation]int{simulator.ReadinessCheck: 1, simulator.Undo: 0}[action]
				}
				if r.Verdict != want || len(o.Runs(plan.ID)) != runs {
					t.Errorf("%+v, %d runs", r, len(o.Runs(plan.ID)))
				}
			})
		}
	}
}
