package automationanywhere_test

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
	"github.com/queueferry/queueferry/internal/simulator/server"
)

// acting is one call of each acting operation, in each version, and the
// reference of what it makes.
func acting(t testing.TB, settings automationanywhere.Settings) (r *rig, calls map[string]string) {
	t.Helper()
	settings.ReferenceVariable = "Text"
	r = withBots(t, settings)
	q := r.AddQueue("Invoices", columns...)
	if settings.Generation == automationanywhere.E11 {
		return r, map[string]string{
			r.items(q, automationanywhere.E11): itemBody("ref"),
			deployV2:                           `{"fileId":"1","deviceIds":["3"],"botVariables":{"Text":{"string":"ref"}}}`,
		}
	}
	return r, map[string]string{
		r.items(q, automationanywhere.A360): itemBody("ref"),
		deployV3:                            `{"fileId":1,"runAsUserIds":[4],"automationName":"ref"}`,
		deployV4:                            `{"botId":1,"unattendedRequest":{"runAsUserIds":[4]},"automationName":"ref"}`,
	}
}

func TestLostAnswers(t *testing.T) {
	t.Parallel()
	const late = 20 * time.Millisecond
	tests := map[string]struct {
		fault  server.Fault
		status int // 0: no answer
		err    error
		made   int
	}{
		"drop":              {server.Fault{Kind: server.Drop}, 0, io.EOF, 0},
		"commit, then drop": {server.CommitThenDrop(automationanywhere.Acting...), 0, io.EOF, 1},
		"commit, then page": {server.CommitThenStatus(502, automationanywhere.Acting...), 502, nil, 1},
		"commit late":       {server.CommitLater(late, automationanywhere.Acting...), 0, syscall.ECONNRESET, 1},
		"broken answer":     {server.Fault{Body: server.BodyBroken, Commit: server.CommitFirst}, 200, nil, 1},
		"commit, then cut":  {server.Fault{Body: server.BodyTruncated, Commit: server.CommitFirst}, 200, io.ErrUnexpectedEOF, 1},
		"only this one":     {server.Fault{Kind: server.Drop, Match: server.Bearing("ref")}, 0, io.EOF, 0},
		"another one":       {server.Fault{Kind: server.Drop, Match: server.Bearing("re")}, 200, nil, 1},
	}
	for name, test := range tests {
		for generation := range generations {
			t.Run(name+"/"+string(generation), func(t *testing.T) {
				t.Parallel()
				r, calls := acting(t, automationanywhere.Settings{Generation: generation, Server: server.Settings{RecordCalls: 10}})
				r.api("/v2/devices/list", "{}") // logs in
				for path, body := range calls {
					before := len(r.Effects())
					r.SetFault(test.fault)
					got, err := r.try(t.Context(), "POST", path, header{"Content-Type": "application/json", "X-Authorization": r.token}, body)
					if got.status != test.status && !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, test.err) {
						t.Errorf("%s: %d %v", path, got.status, err)
					}
					r.ClearFault()
					deadline := time.Now().Add(10 * time.Second)
					for len(r.Effects()) < before+test.made && time.Now().Before(deadline) {
						time.Sleep(time.Millisecond)
					}
					if made := len(r.Effects()) - before; made != test.made {
						t.Errorf("%s: %d things made", path, made)
					}
				}
				if made := len(r.WorkItemsByReference("Invoices", "ref")) + len(r.DeploymentsByReference("ref")); made != test.made*len(calls) {
					t.Errorf("%d things in the books", made)
				}
			})
		}
	}
}

func TestReckoning(t *testing.T) {
	t.Parallel()
	for generation := range generations {
		t.Run(string(generation), func(t *testing.T) {
			t.Parallel()
			r, calls := acting(t, automationanywhere.Settings{Generation: generation})
			for path, body := range calls {
				r.api(path, body)
				if strings.HasSuffix(path, "workitems") {
					r.api(path, body)
				}
			}
			got := r.Reckon([]string{"ref", "lost"}, automationanywhere.AddWorkItems)
			want := server.Reckoning{Lost: []string{"lost"}, Repeated: map[string]int{"ref": 2}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if n := len(r.Effects(automationanywhere.Deploy)); n != len(calls)-1 {
				t.Errorf("%d deployments", n)
			}
		})
	}
}

func TestRefusalsOnDemand(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 408, 409, 412, 429, 500, 503} {
		r, calls := acting(t, automationanywhere.Settings{})
		r.api("/v2/devices/list", "{}")
		for path, body := range calls {
			r.SetFault(server.Fault{Status: status, Operations: automationanywhere.Acting})
			if got := r.api(path, body); got.status != status || got.value("code") == "" || got.body["message"] == nil {
				t.Errorf("%s: %d %s", path, got.status, got.text)
			}
			r.SetFault(server.Down(status))
			if got := r.api(path, body); got.status != status || got.body != nil {
				t.Errorf("%s: a page, %d %s", path, got.status, got.text)
			}
		}
		if len(r.Effects()) > 0 {
			t.Errorf("%d: effects %v", status, r.Effects())
		}
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	account := automationanywhere.Account{Username: "queueferry", Password: "secret", APIKey: "key"}
	r, calls := acting(t, automationanywhere.Settings{Accounts: []automationanywhere.Account{account}})
	lists := []string{"/v3/wlm/queues/list", activityPath, "/v2/devices/list", "/v1/devices/runasusers/list", "/v2/devices/pools/list", "/v2/repository/file/list"}
	for path := range calls {
		if strings.HasSuffix(path, "workitems") {
			lists = append(lists, path+"/list")
		}
	}
	r.api(lists[0], "{}")
	account.Forbidden = append([]server.Operation{
		automationanywhere.ListQueues, automationanywhere.ListActivity, automationanywhere.ListDevices, automationanywhere.ListRunAsUsers,
		automationanywhere.ListPools, automationanywhere.ListFiles, automationanywhere.ListWorkItems,
	}, automationanywhere.Acting...)
	r.SetAccount(account)
	for _, path := range lists {
		calls[path] = "{}"
	}
	for path, body := range calls {
		if got := r.api(path, body); got.status != 403 || got.value("code") == "" {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
	}
	account.Forbidden, account.ForbiddenQueues = nil, []string{"Invoices"}
	r.SetAccount(account)
	for path, body := range calls {
		want := 200
		if strings.Contains(path, "workitems") {
			want = 403
		}
		if got := r.api(path, body); got.status != want {
			t.Errorf("%s, not a member of the queue: %d %s", path, got.status, got.text)
		}
	}
}

func TestViolations(t *testing.T) {
	t.Parallel()
	r, calls := acting(t, automationanywhere.Settings{})
	r.api("/v2/devices/list", "{}")
	for path, body := range calls {
		r.api(path, body)
	}
	if noted := r.Violations(); len(noted) > 0 {
		t.Errorf("good calls: %q", noted)
	}
	r.api(deployV3+"?dry=1", `{"fileId":1,"runAsUserIds":[4],"name":"x"}`)
	want := []string{"Deploy: a query", "Deploy: an unknown member /name"}
	if diff := cmp.Diff(want, r.Violations()); diff != "" {
		t.Error(diff)
	}
}
