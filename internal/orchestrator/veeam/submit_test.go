package veeam

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// A plan is found by its name, looked at, and has its action done.
func TestSubmit(t *testing.T) {
	t.Parallel()
	const filter = "&filter=%5B%7B%22property%22%3A%22name%22%2C%22operator%22%3A%22%3D%3D%22%2C%22value%22%3A%22Site%20A%22%7D%5D"
	const post = "POST /api/v7.21/Plans/" + planA + "/"
	state := "GET /api/v7.21/RuntimeDetails/Plans/" + planA
	for name, tt := range map[string]struct {
		plan, options string
		want          []string
	}{
		"by id":           {planA, "", []string{state, post + `ReadinessCheck {"generateReport":false}`}},
		"with an option":  {planA, `{"generateReport":true}`, []string{state, post + `ReadinessCheck {"generateReport":true}`}},
		"by name, listed": {"Site A", "", []string{"GET /api/v7.21/Plans?start=0&limit=100" + filter, "GET /api/v7.21/Plans?start=0&limit=100", state, post + `ReadinessCheck {"generateReport":false}`}},
		"failover": {planA, `{"action":"Failover","executeChainedPlans":false,"restorePointDate":null}`,
			[]string{state, post + `Failover {"executeChainedPlans":false,"restorePointDate":null}`}},
		"without a body":       {planA, `{"action":"Enable"}`, []string{state, post + "Enable"}},
		"nothing is known":     {planA, `{"action":"PermanentFailover"}`, []string{state, post + "PermanentFailover"}},
		"nothing is known, on": {planA, `{"action":"Clone","name":"<A>"}`, []string{state, post + `Clone {"name":"<A>"}`}},
		"an empty body":        {planA, `{"action":"Halt"}`, []string{state, post + "Halt {}"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &api{}
			r := submit(t, f.connector(), try(tt.plan, tt.options))
			want := orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{
				Verdict: job.Delivered, Status: 200, Receipt: job.Receipt{Key: planA}, Called: true,
			}}
			if diff := cmp.Diff(want, r); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, f.calls); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the answer to an action means. Statuses stand before bodies.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer reply
		want   string
		called bool
	}{
		"empty":                     {reply{status: 200}, "delivered 1", true},
		"null":                      {reply{status: 200, body: " null "}, "delivered 1", true},
		"an object":                 {reply{status: 200, body: `{"success":true}`, kind: "application/json"}, "delivered 1", true},
		"not done, it says":         {reply{status: 200, body: `{"success":false,"data":null,"message":"c4n4ry"}`}, "rejected rejected 1", true},
		"204":                       {reply{status: 204}, "delivered 1", true},
		"empty, of a page's type":   {reply{status: 200, kind: "text/html"}, "delivered 1", true},
		"a page":                    {reply{status: 200, body: htmlPage}, "unknown unexpected_answer 2", true},
		"JSON, of a page's type":    {reply{status: 200, body: `"c4n4ry"`, kind: "Text/HTML; charset=utf-8"}, "unknown unexpected_answer 2", true},
		"plain text":                {reply{status: 200, body: "OK"}, "unknown unexpected_answer 2", true},
		"cut off JSON":              {reply{status: 200, body: `{"a":`}, "unknown unexpected_answer 2", true},
		"lost":                      {reply{lost: true}, "unknown connection_lost 2", true},
		"a redirect":                {reply{status: 302}, "unavailable unexpected_answer 2", true},
		"400":                       {reply{status: 400, body: ownError}, "rejected rejected 1", true},
		"400, empty":                {reply{status: 400}, "rejected rejected 1", true},
		"401":                       {reply{status: 401, body: `{"message":"c4n4ry"}`}, "unavailable token_refused 4", true},
		"401, empty":                {reply{status: 401}, "unavailable token_refused 4", true},
		"403":                       {reply{status: 403, body: ownError}, "deferred forbidden 1", true},
		"403, a page":               {reply{status: 403, body: htmlPage}, "unavailable unexpected_answer 2", true},
		"404":                       {reply{status: 404, body: ownError}, "rejected not_found 1", true},
		"404, a page":               {reply{status: 404, body: htmlPage}, "unavailable unexpected_answer 2", true},
		"404, of a page's type":     {reply{status: 404, body: "gone", kind: "text/html"}, "unavailable unexpected_answer 2", true},
		"405, a page":               {reply{status: 405, body: "\r\n" + htmlPage}, "unavailable unexpected_answer 2", true},
		"404, empty":                {reply{status: 404, kind: "text/html"}, "rejected not_found 1", true},
		"405":                       {reply{status: 405}, "rejected not_found 1", true},
		"409":                       {reply{status: 409, body: ownError}, "busy 1", true},
		"409, empty":                {reply{status: 409}, "busy 1", true},
		"422":                       {reply{status: 422, body: ownError}, "rejected rejected 1", true},
		"429":                       {reply{status: 429}, "unavailable throttled 3", true},
		"500":                       {reply{status: 500, body: ownError}, "unknown service_unavailable 2", true},
		"503":                       {reply{status: 503, body: htmlPage}, "unknown service_unavailable 2", true},
		"408":                       {reply{status: 408}, "unknown service_unavailable 2", true},
		"a code":                    {reply{status: 400, body: `{"error":"plan_locked","error_description":"c4n4ry"}`}, "rejected rejected 1", true},
		"a text in place of a code": {reply{status: 400, body: `{"error":"it is c4n4ry"}`}, "rejected rejected 1", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &api{act: func(int) reply { return tt.answer }}
			r := submit(t, f.connector(), try(planA, ""))
			if is(r) != tt.want || r.Called != tt.called || r.Status != tt.answer.status {
				t.Errorf("%s, %+v", is(r), r)
			}
			if code := r.ErrorCode; (name == "a code") != (code == "plan_locked") {
				t.Errorf("error code %q", code)
			}
		})
	}
}

// A refusal for which no status is documented is understood by how the plan is.
func TestRefused(t *testing.T) {
	t.Parallel()
	gone := func(string) reply { return listOf(planB, "Site B") }
	for name, tt := range map[string]struct {
		f      *api
		want   string
		detail string
	}{
		"at work by now":     {&api{act: always(400, ownError), state: states(idle, inFail)}, "busy 1", "at work"},
		"being edited":       {&api{act: always(400, ownError), state: states(idle, `{"isRunningState":false,"currentEditingUser":"c4n4ry"}`)}, "busy 1", "edited"},
		"gone by now":        {&api{act: always(404, ownError), plans: gone}, "rejected not_found 1", "no plan of this id"},
		"an unknown action":  {&api{act: always(404, "")}, "rejected not_found 1", "does not know ReadinessCheck"},
		"the server is gone": {&api{act: always(404, ownError), plans: func(string) reply { return reply{status: 503} }}, "unavailable service_unavailable 2", "list of plans"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := submit(t, tt.f.connector(), try(planA, ""))
			if is(r) != tt.want || !strings.Contains(r.Detail, tt.detail) || !r.Called {
				t.Errorf("%s, %+v", is(r), r)
			}
		})
	}
}

// The state is kept before the call, and where it cannot be there is none; nor is
// there one for a message that was lost.
func TestNotedBeforeTheCall(t *testing.T) {
	t.Parallel()
	f := &api{}
	first := try(planA, failover)
	first.Note = func(_ context.Context, text string) bool {
		if text == looking {
			return f.order == ""
		}
		if f.order != "S" {
			t.Errorf("noted after %s", f.order)
		}
		s, ok := readNote(text, strings.ToUpper(planA))
		if want, _ := readState([]byte(idle)); !ok || s != want {
			t.Errorf("noted %s", text)
		}
		return false
	}
	if r := submit(t, f.connector(), first); is(r) != "unavailable ledger_failed 0" || f.order != "S" {
		t.Errorf("%s after %s", is(r), f.order)
	}
	lost := try(planA, failover)
	lost.Still = func() bool { return false }
	if r := submit(t, f.connector(), lost); is(r) != "unavailable lease_lost 0" || f.order != "SS" {
		t.Errorf("%s after %s", is(r), f.order)
	}
}

// A worker that ends while it still looks leaves no doubt behind: what it noted
// says that nothing was done, until the note before the call stands.
func TestLookingLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	f := &api{state: always(503, ownError)}
	var notes []string
	first := try("Site A", failover)
	first.Note = func(_ context.Context, text string) bool {
		notes = append(notes, text)
		return true
	}
	if r := submit(t, f.connector(), first); is(r) != "unavailable service_unavailable 2" || !slices.Equal(notes, []string{looking}) {
		t.Errorf("%+v after the notes %q", r, notes)
	}
	f.state = nil
	again := retry("Site A", failover, "")
	again.Before, again.UnknownSince, again.Note = looking, time.Now(), first.Note
	if r := submit(t, f.connector(), again); r.Verdict != job.Delivered || len(notes) != 2 || notes[1] == looking {
		t.Errorf("%+v after the notes %q", r, notes)
	}
	again.Before, again.UnknownSince, notes = "", time.Now().Add(-time.Hour), nil
	if r := submit(t, f.connector(), again); r.Verdict != job.Unknown || len(notes) > 0 {
		t.Errorf("in doubt: %+v after the notes %q", r, notes)
	}
	first.Note = func(context.Context, string) bool { return false }
	f.order = ""
	if r := submit(t, f.connector(), first); is(r) != "unavailable ledger_failed 0" || f.order != "" {
		t.Errorf("not noted: %+v after %s", r, f.order)
	}
}

// One request at a time works with a plan: another one does not wait.
func TestOnePlanAtATime(t *testing.T) {
	t.Parallel()
	f := &api{}
	c := f.connector()
	inside := false
	f.act = func(n int) reply {
		if n > 1 {
			return reply{status: 200}
		}
		f.mu.Unlock()
		defer f.mu.Lock()
		inside = true
		if r := submit(t, c, try(strings.ToUpper(planA), failover)); is(r) != "busy 0" || !strings.Contains(r.Detail, "in hand") {
			t.Errorf("the same plan: %+v", r)
		}
		if r := submit(t, c, try(planB, "")); r.Verdict != job.Delivered {
			t.Errorf("another plan: %+v", r)
		}
		return reply{status: 200}
	}
	if r := submit(t, c, try(planA, "")); r.Verdict != job.Delivered || !inside {
		t.Errorf("%+v", r)
	}
	if r := submit(t, c, try(planA, "")); r.Verdict != job.Delivered {
		t.Errorf("afterwards: %+v", r)
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer reply
		want   string
		detail string
	}{
		"a list":           {listOf(), "delivered 1", ""},
		"refused":          {reply{status: 403, body: ownError}, "deferred forbidden 1", ""},
		"not understood":   {reply{status: 400, body: ownError}, "rejected rejected 1", ""},
		"another 400":      {reply{status: 400, body: htmlPage}, "unavailable unexpected_answer 2", "url"},
		"another version":  {reply{status: 404, body: ownError}, "unavailable unexpected_answer 2", "version v7.21"},
		"a page's version": {reply{status: 404, body: htmlPage}, "unavailable unexpected_answer 2", "version v7.21"},
		"a page":           {reply{status: 200, body: htmlPage}, "unavailable unexpected_answer 2", ""},
		"null":             {reply{status: 200, body: "null"}, "unavailable unexpected_answer 2", ""},
		"down":             {reply{status: 503}, "unavailable service_unavailable 2", ""},
		"token":            {reply{status: 401}, "unavailable token_refused 4", ""},
		"throttled":        {reply{status: 429}, "unavailable throttled 3", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &api{plans: func(string) reply { return tt.answer }}
			r := f.connector().Probe(t.Context(), job.StartJob)
			if is(r) != tt.want || !strings.Contains(r.Detail, tt.detail) || strings.Contains(r.Detail, canary) {
				t.Errorf("%s, %+v", is(r), r)
			}
			if diff := cmp.Diff([]string{"GET /api/v7.21/Plans?limit=1"}, f.calls); diff != "" {
				t.Error(diff)
			}
		})
	}
}
