package orchestrator

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

// do makes a try and gives back what it panicked with, if it did.
func (r *rig) do(try Try) (result Result, panicked any, err error) {
	defer func() { panicked = recover() }()
	if try.Request == nil {
		try.Request = &job.Request{}
	}
	result, err = r.Do(context.Background(), context.Background(), try)
	return result, nil, err
}

// Whatever a try's own functions or the connector do, the gate loses no call.
func TestNothingSticks(t *testing.T) {
	tests := map[string]struct {
		try      Try
		submit   func(context.Context, Try) Result
		err      error
		panicked bool
		calls    int
	}{
		"not begun":        {try: Try{Begin: func(context.Context, *Try) bool { return false }}, err: ErrNotBegun},
		"begun":            {try: Try{Begin: func(context.Context, *Try) bool { return true }}, calls: 1},
		"panic in Begin":   {try: Try{Begin: func(context.Context, *Try) bool { panic("begin") }}, panicked: true},
		"panic in Held":    {try: Try{Held: func() { panic("held") }}, panicked: true},
		"panic in Submit":  {submit: func(context.Context, Try) Result { panic("submit") }, panicked: true, calls: 1},
		"nothing is known": {submit: func(context.Context, Try) Result { return Result{} }, calls: 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(func(s *Settings) { s.MaxConcurrent = 1 })
				r.run(t)
				r.fake.submit = tt.submit
				for range 20 {
					if tt.try.Held != nil {
						r.gate.shut(job.Throttled, "", time.Second)
					}
					before, _ := r.fake.seen()
					_, panicked, err := r.do(tt.try)
					if !errors.Is(err, tt.err) || (panicked != nil) != tt.panicked {
						t.Fatalf("error %v, panic %v", err, panicked)
					}
					if calls, _ := r.fake.seen(); calls-before != tt.calls {
						t.Fatalf("%d calls", calls-before)
					}
				}
				r.fake.submit = nil
				if got := r.try(); got.Verdict != job.Delivered {
					t.Errorf("%v", got.Verdict)
				}
				if g := r.Gate(); g.Calls != 0 || r.line() != 0 || !g.Open {
					t.Errorf("gate %+v, line %d", g, r.line())
				}
			})
		})
	}
}

// The turn of a try that does not begin, right after an outage, goes to the next.
func TestNotBegunAfterAnOutage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.run(t)
		r.trip(t)
		for range 3 {
			if _, _, err := r.do(Try{Begin: func(context.Context, *Try) bool { return false }}); !errors.Is(err, ErrNotBegun) {
				t.Fatal(err)
			}
		}
		r.insist(3).Wait()
		if g := r.Gate(); !g.Open || g.Limit != 4 {
			t.Errorf("gate %+v", g)
		}
	})
}

func TestProbePanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.fake.probe = func(context.Context) Result {
			if _, probes := r.fake.seen(); probes < 3 {
				panic("probe")
			}
			return well()
		}
		r.run(t)
		r.trip(t)
		if got := r.try(); got.Verdict != job.Delivered {
			t.Errorf("%v", got.Verdict)
		}
		if _, probes := r.fake.times(); len(probes) != 3 || !near(probes[2].Sub(probes[1]), 30*time.Second) {
			t.Errorf("probes %v", probes)
		}
	})
}

// A probe that tells nothing is made again, but not at once.
func TestProbeTellsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.fake.probe = func(context.Context) Result {
			if _, probes := r.fake.seen(); probes < 5 {
				return Result{}
			}
			return well()
		}
		r.run(t)
		r.gate.shut(job.Throttled, "", time.Second)
		began := time.Now()
		r.awaitOpen(t)
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("opened after %s", took)
		}
	})
}

func TestResultOfDo(t *testing.T) {
	forbidden := Result{Health: Well, Outcome: job.Outcome{Verdict: job.Deferred, Reason: job.Forbidden, Status: 403}}
	other := Result{Health: Well, Outcome: job.Outcome{Verdict: job.Deferred}}
	tests := map[string]struct {
		result  Result
		request job.Request
		want    job.Verdict
	}{
		"forbidden, folder of the message": {forbidden, job.Request{}, job.Deferred},
		"forbidden, folder of the route":   {forbidden, job.Request{FolderFromRoute: true}, job.Unavailable},
		"deferred, folder of the route":    {other, job.Request{FolderFromRoute: true}, job.Deferred},
		"delivered":                        {well(), job.Request{FolderFromRoute: true}, job.Delivered},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(nil)
				time.Sleep(time.Second)
				began := time.Now()
				r.fake.submit = func(context.Context, Try) Result { time.Sleep(latency); return tt.result }
				got, _, err := r.do(Try{Request: &tt.request})
				if err != nil {
					t.Fatal(err)
				}
				want := tt.result
				want.Verdict, want.Began, want.Took, want.BreakerClosed = tt.want, began, latency, true
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				if !r.Gate().Open {
					t.Error("the gate shut")
				}
			})
		})
	}
}

// A failure counts as an attempt only while the circuit stays closed.
func TestBreakerClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.run(t)
		r.fake.submit = func(context.Context, Try) Result { time.Sleep(time.Second); return ill() }
		slow := make(chan Result, 1)
		go func() { slow <- r.try() }()
		synctest.Wait()
		r.fake.submit = func(context.Context, Try) Result { return ill() }
		for i := range 5 {
			if got, want := r.try().BreakerClosed, i < 4; got != want {
				t.Errorf("failure %d: closed %t", i+1, got)
			}
		}
		if (<-slow).BreakerClosed {
			t.Error("the circuit stayed closed for a call during which it opened")
		}
		if r.try().BreakerClosed {
			t.Error("the circuit stayed closed for the first failure after an outage, which opened it")
		}
		r.fake.submit = nil
		if !r.try().BreakerClosed {
			t.Error("the circuit was not closed for a good call")
		}
	})
}

func TestAlive(t *testing.T) {
	tests := map[string]struct {
		probe  func(context.Context) Result
		alive  bool
		reason job.Reason // the gate shuts
	}{
		"well":      {func(context.Context) Result { return well() }, true, ""},
		"ill":       {func(context.Context) Result { return ill() }, false, ""},
		"throttled": {func(context.Context) Result { return throttled(time.Minute) }, false, job.Throttled},
		"refused":   {func(context.Context) Result { return refused() }, false, job.TokenRefused},
		"panic":     {func(context.Context) Result { panic("probe") }, false, ""},
		"silent":    {func(ctx context.Context) Result { <-ctx.Done(); return ill() }, false, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(func(s *Settings) { s.MaxConcurrent = 1 })
				r.fake.submit = func(context.Context, Try) Result { time.Sleep(time.Hour); return well() }
				wg := r.insist(1) // past the limit of calls
				defer wg.Wait()
				synctest.Wait()
				r.fake.probe = tt.probe
				if got := r.Alive(context.Background()); got != tt.alive {
					t.Errorf("alive %t", got)
				}
				if g := r.Gate(); g.Reason != tt.reason || g.Open != (tt.reason == "") {
					t.Errorf("gate %+v", g)
				}
			})
		})
	}
}

func TestAliveWhileShut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.gate.shut(job.Throttled, "", time.Minute)
		if r.Alive(context.Background()) {
			t.Error("alive behind a shut gate")
		}
		if _, probes := r.fake.seen(); probes != 0 {
			t.Errorf("%d probes", probes)
		}
	})
}

// The failures of Alive count: five of them are an outage.
func TestAliveOpensTheCircuit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(nil)
		r.fake.probe = func(context.Context) Result { return ill() }
		for range 5 {
			r.Alive(context.Background())
		}
		if g := r.Gate(); g.Open || g.Reason != job.BreakerOpen {
			t.Errorf("gate %+v", g)
		}
	})
}
