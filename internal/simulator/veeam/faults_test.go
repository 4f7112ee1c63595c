package veeam_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

func TestLostAnswers(t *testing.T) {
	t.Parallel()
	const late = 30 * time.Millisecond
	tests := map[string]struct {
		fault      server.Fault
		status     int
		lost       error
		now, later int // runs when the call has ended, and in the end
	}{
		"drop":               {server.Fault{Kind: server.Drop}, 0, io.EOF, 0, 0},
		"reset":              {server.Fault{Kind: server.Reset}, 0, syscall.ECONNRESET, 0, 0},
		"act, then drop":     {server.CommitThenDrop(veeam.Actions...), 0, io.EOF, 1, 1},
		"act, then reset":    {server.Fault{Kind: server.Reset, Commit: server.CommitFirst}, 0, syscall.ECONNRESET, 1, 1},
		"act, then 500":      {server.Fault{Status: 500, Commit: server.CommitFirst}, 500, nil, 1, 1},
		"act, then 200 HTML": {server.Fault{Status: 200, Body: server.BodyHTML, Commit: server.CommitFirst}, 200, nil, 1, 1},
		"hang":               {server.Hung(), 0, context.DeadlineExceeded, 0, 0},
		"act, then hang":     {server.Fault{Kind: server.BlackHole, Commit: server.CommitFirst}, 0, context.DeadlineExceeded, 1, 1},
		"act late": {server.Fault{Kind: server.Reset, Commit: server.CommitLate, CommitDelay: late}, 0,
			syscall.ECONNRESET, 0, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := startWith(t, veeam.Settings{RunFor: -1}, veeam.Plan{})
			a.SetFault(test.fault)
			ctx := t.Context()
			if errors.Is(test.lost, context.DeadlineExceeded) {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
				defer cancel()
			}
			begun := time.Now()
			got, err := a.tryAct(ctx, veeam.Restore, restoreBody)
			now := len(a.Runs(""))
			if got.status != test.status || !errors.Is(err, test.lost) {
				t.Errorf("got %d %v", got.status, err)
			}
			if now != test.now && (test.later == test.now || time.Since(begun) < late) {
				t.Errorf("%d runs, want %d", now, test.now)
			}
			a.ClearFault()
			soon(t, func() bool { return len(a.Runs("")) == test.later })
			if want := map[bool]string{true: "Restoring", false: "NeedsVerification"}[test.later == 1]; a.see().State != want {
				t.Errorf("the details tell %s, want %s", a.see().State, want)
			}
		})
	}
}

// TestCommittedActionIsJudgedLikeAnyOther has a lost answer that would have been a
// refusal.
func TestCommittedActionIsJudgedLikeAnyOther(t *testing.T) {
	t.Parallel()
	a := startWith(t, veeam.Settings{RunFor: -1}, veeam.Plan{})
	a.SetFault(server.CommitThenDrop())
	for range 2 {
		if _, err := a.tryAct(t.Context(), veeam.Restore, restoreBody); err == nil {
			t.Error("an answer came")
		}
	}
	if len(a.Runs("")) != 1 || a.Refused(veeam.Busy) != 1 {
		t.Errorf("%d runs, %d refused", len(a.Runs("")), a.Refused(veeam.Busy))
	}
}

func TestFaultsThatAnswer(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault      server.Fault
		status     int
		text       string
		retryAfter string
	}{
		"throttled":       {server.Throttled("7", veeam.Actions...), 429, "An error has occurred.", "7"},
		"unavailable":     {server.Fault{RetryAfter: "3"}, 503, "An error has occurred.", "3"},
		"a bad gateway":   {server.Down(502), 502, "<h1>502 Bad Gateway</h1>", ""},
		"a redirect":      {server.Fault{Status: 302, Body: server.BodyHTML}, 302, "302", ""},
		"an empty 500":    {server.Fault{Status: 500, Body: server.BodyEmpty}, 500, "", ""},
		"one plan's only": {server.Fault{Status: 500, Match: veeam.OfPlan("ED1E67CF-f059-4722-bf2e-08f016d0b7b8")}, 500, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := startWith(t, veeam.Settings{}, veeam.Plan{ID: "ed1e67cf-f059-4722-bf2e-08f016d0b7b8"})
			other := a.AddPlan(veeam.Plan{})
			fault := a.SetFault(test.fault)
			got, err := a.tryAct(t.Context(), veeam.ReadinessCheck, checkBody)
			if err != nil || got.status != test.status || !strings.Contains(got.text, test.text) || got.header.Get("Retry-After") != test.retryAfter {
				t.Errorf("got %d %s %v", got.status, got.text, err)
			}
			if test.fault.Match != nil {
				a.get("RuntimeDetails/Plans/" + other.ID)
				a.get("Plans")
			}
			if len(a.Runs("")) != 0 || fault.Hits() != 1 {
				t.Errorf("%d runs, %d hits", len(a.Runs("")), fault.Hits())
			}
		})
	}
}
