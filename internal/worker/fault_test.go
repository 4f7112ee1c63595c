package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/admin"
	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/consumer"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/remedy"
)

var t0 = time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC)

func shut(reason job.Reason) orchestrator.GateState {
	return orchestrator.GateState{Reason: reason, Detail: "why the gate is shut", Since: t0, Held: 7, Limit: 32}
}

func refusedCredential(name string, reason job.Reason) authpool.CredentialState {
	return authpool.CredentialState{
		Name: name, Status: authpool.Denied, Since: t0.Add(-time.Second), Reason: reason, Detail: "why it is refused", NextTry: t0.Add(time.Minute),
	}
}

func pool(all ...authpool.CredentialState) authpool.State {
	return authpool.State{Reason: all[0].Reason, NextTry: all[0].NextTry, Credentials: all}
}

// A cause is told once, with when it is tried next and what waits for it.
func TestGateFaults(t *testing.T) {
	t.Parallel()
	gate := func(reason job.Reason, next time.Time, waiting int) admin.Problem {
		return admin.Problem{
			What: "gate acme", Since: t0, Reason: string(reason), Detail: "why the gate is shut",
			Remedy: remedy.OfHold(reason), NextTry: next, Waiting: &waiting,
		}
	}
	credential := func(name string, reason job.Reason) admin.Problem {
		return admin.Problem{
			What: "credential acme/" + name, Since: t0.Add(-time.Second), Reason: string(reason), Detail: "why it is refused",
			Remedy: remedy.OfHold(reason), NextTry: t0.Add(time.Minute),
		}
	}
	works := authpool.CredentialState{Name: "1", Status: authpool.OK, NextTry: t0.Add(time.Hour)}
	later := shut(job.Throttled)
	later.Until = t0.Add(time.Hour)
	for name, c := range map[string]struct {
		glance glance
		want   []admin.Problem
	}{
		"all is well": {glance{gate: orchestrator.GateState{Open: true}, tokens: pool(works)}, nil},
		"the gate alone": {glance{gate: shut(job.ServiceUnavailable), tokens: pool(works), pending: 30},
			[]admin.Problem{gate(job.ServiceUnavailable, time.Time{}, 37)}},
		"nobody knows what waits in the stream": {glance{gate: shut(job.ServiceUnavailable), tokens: pool(works), pending: -1},
			[]admin.Problem{gate(job.ServiceUnavailable, time.Time{}, 7)}},
		"the circuit is open": {glance{gate: shut(job.BreakerOpen), reopens: t0.Add(30 * time.Second), tokens: pool(works)},
			[]admin.Problem{gate(job.BreakerOpen, t0.Add(30*time.Second), 7)}},
		"a pause that was asked for": {glance{gate: later, reopens: t0.Add(30 * time.Second), tokens: pool(works)},
			[]admin.Problem{gate(job.Throttled, t0.Add(time.Hour), 7)}},
		"the gate is shut for its credential": {glance{gate: shut(job.CredentialsRefused), tokens: pool(refusedCredential("1", job.CredentialsRefused))},
			[]admin.Problem{gate(job.CredentialsRefused, t0.Add(time.Minute), 7)}},
		"its secret is missing": {glance{gate: shut(job.CredentialsRefused), tokens: authpool.State{Reason: job.CredentialsRefused, Code: "secret_missing"}},
			[]admin.Problem{func() admin.Problem {
				p := gate(job.CredentialsRefused, time.Time{}, 7)
				p.Remedy = remedy.OfLogIn(job.CredentialsRefused, "secret_missing")
				return p
			}()}},
		"for one of several reasons": {glance{gate: shut(job.CredentialsRefused), tokens: pool(refusedCredential("1", job.CredentialsRefused), refusedCredential("2", job.IdentityUnavailable))},
			[]admin.Problem{gate(job.CredentialsRefused, t0.Add(time.Minute), 7), credential("2", job.IdentityUnavailable)}},
		"for something else": {glance{gate: shut(job.ServiceUnavailable), tokens: pool(works, refusedCredential("2", job.CredentialsRefused))},
			[]admin.Problem{gate(job.ServiceUnavailable, time.Time{}, 7), credential("2", job.CredentialsRefused)}},
		"one of two credentials": {glance{gate: orchestrator.GateState{Open: true}, tokens: pool(works, refusedCredential("2", job.CredentialsRefused))},
			[]admin.Problem{credential("2", job.CredentialsRefused)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.glance.name = "acme"
			var got []admin.Problem
			for _, f := range gateFaults(c.glance) {
				got = append(got, f.Problem)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestHoldFaults(t *testing.T) {
	t.Parallel()
	if got := holdFaults("invoices", consumer.State{}); len(got) > 0 {
		t.Errorf("a free route: %+v", got)
	}
	h := consumer.HoldState{Held: true, Since: t0, Reason: job.RejectGuard, Detail: "why", Until: t0.Add(time.Minute)}
	got := holdFaults("invoices", consumer.State{Hold: h, InHand: 5, Held: 3, Pending: 900})
	want := admin.Problem{
		What: "route invoices", Since: t0, Reason: "reject_guard", Detail: "why",
		Remedy: remedy.OfHold(job.RejectGuard), NextTry: t0.Add(time.Minute), Waiting: new(903),
	}
	if diff := cmp.Diff(want, got[0].Problem); diff != "" || len(got) != 1 {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What stops more comes first, then what more messages wait for, then what is older.
func TestTheWorstComesFirst(t *testing.T) {
	t.Parallel()
	at := func(by weight, what string, waiting int, since time.Time) fault {
		f := newFault(by, what, what, remedy.Disconnected)
		f.Since, f.Waiting = since, &waiting
		return f
	}
	all := []fault{
		at(oneCredential, "credential", 9, t0), at(oneRoute, "younger route", 5, t0.Add(1)), at(oneRoute, "older route", 5, t0), at(oneRoute, "fuller route", 6, t0.Add(2)),
		at(oneGate, "gate", 0, t0), at(oneConsumer, "consumer", 0, t0), at(jetStream, "ledger", 0, t0), newFault(wholeWorker, "nats", "", remedy.Starting),
	}
	slices.SortStableFunc(all, worse)
	var got []string
	for _, f := range all {
		got = append(got, f.What)
	}
	if diff := cmp.Diff([]string{"nats", "ledger", "consumer", "gate", "fuller route", "older route", "younger route", "credential"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	routes := []routeStatus{{Name: "invoices", State: held}, {Name: "orders", State: delivering}, {Name: "payroll", State: idle}}
	resting := append(slices.Clone(routes[1:]), routeStatus{Name: "invoices", State: resting})
	hold := holdFaults("invoices", consumer.State{Hold: consumer.HoldState{Held: true, Since: t0, Reason: job.Forbidden, Detail: "folder: it does not exist"}})
	full := holdFaults("invoices", consumer.State{Pending: 34, Hold: consumer.HoldState{Held: true, Since: t0}})
	gone := newFault(wholeWorker, "nats", "no connection to NATS", remedy.Disconnected)
	gone.Since, gone.Detail = t0, keepsTrying(strings.Repeat("é", 500))
	for name, c := range map[string]struct {
		routes []routeStatus
		faults []fault
		want   string
	}{
		"all is well":  {routes[1:], nil, "2 of 2 routes deliver"},
		"a held route": {routes, hold, "2 of 3 routes deliver; route invoices is held for 12m30s: folder: it does not exist"},
		"what waits":   {routes, full, "2 of 3 routes deliver; route invoices is held for 12m30s, and keeps 34 waiting"},
		"a long text":  {nil, []fault{gone}, "0 of 0 routes deliver; no connection to NATS for 12m30s: the worker keeps trying; the last error: " + strings.Repeat("é", 118) + "…"},
		"many faults": {routes, []fault{hold[0], hold[0], hold[0], hold[0], hold[0]},
			"2 of 3 routes deliver" + strings.Repeat("; route invoices is held for 12m30s: folder: it does not exist", 3) + "; 2 more under /readyz"},
		"a paused route": {resting, nil, "2 of 3 routes deliver; paused: invoices"},
		"a stop":         {routes[1:], []fault{newFault(wholeWorker, "worker", "the worker stops", job.Stopping)}, "2 of 2 routes deliver; the worker stops"},
	} {
		if got := summary(c.routes, c.faults, t0.Add(12*time.Minute+30*time.Second)); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestRouteStates(t *testing.T) {
	t.Parallel()
	lost, onHold := &consumer.Absence{Since: t0}, consumer.HoldState{Held: true}
	for want, c := range map[routeState]struct {
		paused, connected, open bool
		now                     consumer.State
	}{
		resting:        {paused: true, now: consumer.State{Missing: lost}},
		disconnected:   {open: true, now: consumer.State{Missing: lost}},
		consumerLost:   {connected: true, now: consumer.State{Missing: lost, Hold: onHold}},
		held:           {connected: true, now: consumer.State{Hold: onHold, InHand: 3}},
		waitingForGate: {connected: true, now: consumer.State{InHand: 3}},
		delivering:     {connected: true, open: true, now: consumer.State{Pending: 3}},
		idle:           {connected: true, open: true, now: consumer.State{AckPending: 3}},
	} {
		if got := stateOf(c.paused, c.connected, c.open, c.now); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// What keeps the worker from NATS is said again every five minutes, each fault by
// its own clock, and one that came back counts anew.
func TestReminders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		told := reminders{}
		var said []string
		at := func(by weight, what string, from, to time.Duration) []fault {
			if age := time.Since(start); age < from || age >= to {
				return nil
			}
			f := newFault(by, what, what, remedy.Disconnected)
			f.Since = start.Add(from)
			return []fault{f}
		}
		for time.Since(start) < 30*time.Minute {
			time.Sleep(remindEach)
			faults := slices.Concat(
				at(wholeWorker, "nats", 0, 12*time.Minute), at(oneConsumer, "route", time.Minute, 8*time.Minute), at(oneConsumer, "route", 20*time.Minute, 26*time.Minute),
				at(jetStream, "ledger", 2*time.Minute, 6*time.Minute), at(oneGate, "gate", 0, time.Hour), at(oneRoute, "held", 0, time.Hour), at(oneCredential, "credential", 0, time.Hour),
			)
			for _, f := range told.due(faults, time.Now()) {
				said = append(said, f.What+" "+time.Since(start).String())
			}
		}
		if diff := cmp.Diff([]string{"nats 5m0s", "route 6m0s", "nats 10m0s", "route 25m0s"}, said); diff != "" {
			t.Error(diff)
		}
		if len(told) > 0 {
			t.Errorf("what is over is remembered: %v", told)
		}
	})
}

// What the server refuses is a problem until it is long ago.
func TestDeniedFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := time.Now()
		f := deniedFaults("publish to $JS.ACK.JOBS.>", at)
		if len(f) != 1 || !strings.Contains(f[0].Detail, "publish to $JS.ACK.JOBS.>") || !strings.Contains(f[0].Remedy, "docs/security.md") || f[0].Since != at {
			t.Errorf("%+v", f)
		}
		time.Sleep(deniedFor + time.Second)
		if f := append(deniedFaults("publish to a", at), deniedFaults("", time.Now())...); len(f) > 0 {
			t.Errorf("%+v", f)
		}
	})
}

// What the link met last says what to do, if that is known.
func TestRemedyOfTheLink(t *testing.T) {
	t.Parallel()
	w := &worker{link: link{since: t0}}
	general := newFault(wholeWorker, "nats", "", remedy.Disconnected)
	if got := general.of(w.linkNow()); got.Remedy != general.Remedy {
		t.Errorf("without an error: %q", got.Remedy)
	}
	w.linkError(fmt.Errorf("broker: %w", nats.ErrAuthorization))
	if got := general.of(w.linkNow()); !strings.Contains(got.Detail, "refuses the log-in") || !strings.Contains(got.Remedy, "under nats") {
		t.Errorf("%q %q", got.Detail, got.Remedy)
	}
	w.linkError(context.DeadlineExceeded)
	if got := general.of(w.linkNow()); got.Remedy != general.Remedy {
		t.Errorf("of a request: %q", got.Remedy)
	}
}
