package integration

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// problem is one of /readyz, and stand what matters of /status here.
type (
	problem struct {
		What, Since, For, Reason, Detail, Remedy string
		NextTry                                  string `json:"next_try"`
		Waiting                                  *int
	}
	stand struct {
		Summary, Version, Uptime, Host string
		StartedAt                      time.Time `json:"started_at"`
		NATS                           struct {
			Connected bool
			LastError string `json:"last_error"`
			Since     time.Time
		}
		Routes []struct {
			State         string
			Held, Pending int
			HeldSince     time.Time `json:"held_since"`
			NextTry       time.Time `json:"next_try"`
			LastDelivered time.Time `json:"last_delivered"`
			Verdicts      map[string]int
			DeadLetters   struct {
				Count      int
				LastReason string `json:"last_reason"`
			} `json:"dead_letters"`
		}
		Connections []struct {
			Circuit     string
			Credentials []struct {
				Status, Detail string
				HTTPStatus     int `json:"http_status"`
			}
		}
	}
)

func (w *running) problems() (status int, all []problem) {
	w.t.Helper()
	status, body := w.page("/readyz")
	var page struct{ Problems []problem }
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		w.t.Fatalf("/readyz: %v\n%s", err, body)
	}
	return status, page.Problems
}

func (w *running) stand() stand {
	w.t.Helper()
	var s stand
	_, body := w.page("/status")
	if err := json.Unmarshal([]byte(body), &s); err != nil || len(s.Routes) == 0 || len(s.Connections) != 1 {
		w.t.Fatalf("/status: %v\n%s", err, body)
	}
	return s
}

// Whatever stands still, the pages name the cause once, with what to do about it,
// and the pod stays ready as long as it has NATS.
func TestThePagesTellWhatStandsStill(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change   func(*rig, *config.Config)
		what     string
		reason   string
		state    string
		summary  string
		retries  bool // it tells when it tries next
		publish  int
		deadOnes bool
	}{
		"a refused credential": {
			change: func(r *rig, _ *config.Config) { r.writeSecret("wrong") },
			what:   "gate acme", reason: "credentials_refused", state: "waiting_for_gate", retries: true, publish: 50,
			summary: `0 of 1 routes deliver; the gate of acme is shut for `,
		},
		"an outage": {
			change: func(r *rig, cfg *config.Config) {
				cfg.Connections[0].Breaker.Open = 20 * time.Second
				r.uipath.SetFault(uipath.Unavailable())
			},
			what: "gate acme", reason: "breaker_open", state: "waiting_for_gate", retries: true, publish: 50,
			summary: `0 of 1 routes deliver; the gate of acme is shut for `,
		},
		"a folder that is refused": {
			change: func(_ *rig, cfg *config.Config) { cfg.Routes[0].Fixed.Folder = "Finance/Missing" },
			what:   "route invoices", reason: "forbidden", state: "held", retries: true, publish: 50,
			summary: `0 of 1 routes deliver; route invoices is held for `,
		},
		"a queue that is not there": {
			change: func(_ *rig, cfg *config.Config) { cfg.Routes[0].Fixed.Queue = "Invocies" },
			what:   "route invoices", reason: "reject_guard", state: "held", retries: true, publish: 100, deadOnes: true,
			summary: `0 of 1 routes deliver; route invoices is held for `,
		},
		"a paused route": {
			change: func(_ *rig, cfg *config.Config) { cfg.Routes[0].Pause = true },
			state:  "paused", publish: 5, summary: "0 of 1 routes deliver; paused: invoices",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			cfg := r.configure(settings{})
			c.change(r, cfg)
			w := r.startWith(cfg)
			r.publishMany("inv", c.publish)
			r.eventually("the state "+c.state, func() bool { return w.stand().Routes[0].State == c.state })
			if c.deadOnes {
				r.eventually("the dead letters are counted", func() bool { return w.stand().Routes[0].DeadLetters.Count > 0 })
			}
			s := w.stand()
			if !strings.HasPrefix(s.Summary, c.summary) || s.Host == "" || s.Version == "" || s.Uptime == "" || s.StartedAt.IsZero() || s.NATS.Since.IsZero() {
				t.Errorf("/status: %+v", s)
			}
			if c.what == "" {
				if status, all := w.problems(); status != 200 || len(all) != 0 {
					t.Errorf("/readyz: %d %+v", status, all)
				}
				return
			}
			r.eventually("the only problem is "+c.what+", "+c.reason, func() bool {
				status, all := w.problems()
				return status == 200 && len(all) == 1 && all[0].What == c.what && all[0].Reason == c.reason
			})
			_, all := w.problems()
			if p := all[0]; p.Since == "" || p.For == "" || p.Detail == "" || p.Remedy == "" || p.Waiting == nil || c.retries != (p.NextTry != "") {
				t.Errorf("/readyz: %+v", p)
			}
			r.eventually("messages wait", func() bool { _, all := w.problems(); return len(all) == 1 && *all[0].Waiting > 0 })
		})
	}
}

// What waits for a paused route does not wait for the gate.
func TestAGateDoesNotCountAPausedRoute(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	cfg := r.configure(settings{})
	paused := cfg.Routes[0]
	paused.Name, paused.Subjects, paused.Pause = "paused", []string{"jobs.paused.>"}, true
	cfg.Routes = append(cfg.Routes, paused)
	r.startWith(cfg).end() // makes the consumers
	for range 7 {
		if _, err := r.js.Publish(t.Context(), "jobs.paused.new", []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	r.writeSecret("wrong")
	w := r.startWith(cfg)
	r.eventually("it is known what waits for the paused route", func() bool { return w.stand().Routes[1].Pending == 7 })
	r.eventually("the gate is shut", func() bool { _, all := w.problems(); return len(all) == 1 })
	if _, all := w.problems(); all[0].What != "gate acme" || *all[0].Waiting != 0 {
		t.Errorf("%+v, %d wait", all[0], *all[0].Waiting)
	}
}

// What a guard spent, and what a credential met, is on /status.
func TestStatusTellsOfTheLastFailure(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{})
	r.publishMany("inv", 10)
	r.publish("not a request")
	r.settledAll()
	r.eventually("all is counted", func() bool { return w.stand().Routes[0].DeadLetters.Count == 1 })
	route := w.stand().Routes[0]
	if route.Verdicts["delivered"] != 10 || route.Verdicts["rejected"] != 1 || route.LastDelivered.IsZero() || route.DeadLetters.LastReason != "undecodable" {
		t.Errorf("/status: %+v", route)
	}
	if s := w.stand(); s.Summary != "1 of 1 routes deliver" || s.Connections[0].Circuit != "closed" {
		t.Errorf("/status: %+v", s)
	}
	r.writeSecret("wrong")
	r.uipath.RevokeTokens()
	r.publishMany("more", 1)
	r.eventually("the failed log-in is told", func() bool {
		c := w.stand().Connections[0].Credentials[0]
		return c.Status == "refused" && c.HTTPStatus == 400 && strings.Contains(c.Detail, "invalid_client")
	})
}

// Without NATS the worker is not ready, and says so with what it met last.
func TestThePagesWithoutNATS(t *testing.T) {
	t.Parallel()
	r := newRig(t, uipath.Settings{})
	w := r.start(settings{})
	r.publishMany("inv", 10)
	r.settledAll()
	r.nats.Shutdown()
	r.eventually("the worker notices", func() bool { return w.stand().Routes[0].State == "disconnected" })
	status, all := w.problems()
	if status != 503 || len(all) != 1 || all[0].What != "nats" || all[0].Reason != "disconnected" || all[0].Since == "" || all[0].Remedy == "" || all[0].Waiting == nil {
		t.Errorf("/readyz: %d %+v", status, all)
	}
	if s := w.stand(); !strings.HasPrefix(s.Summary, "0 of 1 routes deliver; no connection to NATS for ") || s.NATS.Connected || s.Routes[0].Verdicts["delivered"] != 10 {
		t.Errorf("/status: %+v", s)
	}
	r.nats.Restart(t)
	r.eventually("it is ready again", func() bool {
		status, all := w.problems()
		return status == 200 && len(all) == 0
	})
	if s := w.stand(); s.Summary != "1 of 1 routes deliver" || !s.NATS.Connected {
		t.Errorf("/status: %+v", s)
	}
}
