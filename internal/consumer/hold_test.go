package consumer

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/telemetry"
)

var forbidden = job.Outcome{Verdict: job.Unavailable, Reason: job.Forbidden, Detail: "folder Finance"}

func watchedHold() (*hold, *observer.ObservedLogs) {
	core, log := observer.New(zap.InfoLevel)
	return newHold(route, "acme", telemetry.NewEvents(zap.New(core)), func() (held, pending int) { return 7, 900 }), log
}

// enterHold enters where there is nothing to wait for.
func enterHold(t *testing.T, h *hold) (probe bool) {
	t.Helper()
	probe, err := h.enter(t.Context(), func() { t.Error("has to wait") })
	if err != nil {
		t.Fatal(err)
	}
	return probe
}

// One message tries after 30 s, doubling to 5 m, each spread by a fifth; the
// others wait, until a try works.
func TestHoldTriesNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _ := watchedHold()
		h.leave(enterHold(t, h), refused, forbidden)
		var tries, through, waited atomic.Int64
		var gaps []time.Duration
		last := time.Now()
		for range 5 {
			go func() {
				probe, err := h.enter(t.Context(), func() { waited.Add(1) })
				for ; err == nil && probe; probe, err = h.enter(t.Context(), nil) {
					gaps, last = append(gaps, time.Since(last)), time.Now()
					time.Sleep(time.Second) // the call
					if tries.Add(1) == 6 {
						h.leave(true, free, job.Outcome{Verdict: job.Delivered})
						break
					}
					h.leave(true, refused, forbidden)
				}
				through.Add(1)
			}()
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if through.Load() != 5 || tries.Load() != 6 || waited.Load() != 5 {
			t.Errorf("%d of 5 came through after %d tries; %d waited", through.Load(), tries.Load(), waited.Load())
		}
		for i, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
			if i > 0 {
				want += time.Second // the call
			}
			if gaps[i] < want*8/10-time.Second || gaps[i] > min(want*12/10, 5*time.Minute)+2*time.Second {
				t.Errorf("try %d after %v, want about %v", i+1, gaps[i], want)
			}
		}
		if h.state().Held {
			t.Error("still held")
		}
	})
}

// Only the message whose turn it was tells something new.
func TestHoldLearns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		held, probe bool
		what        lesson
		want        bool // held afterwards
		lines       int  // of gate.changed
		next        bool // the next try is due at once
	}{
		"refused":                      {what: refused, want: true, lines: 1},
		"answered":                     {what: free},
		"nothing learnt":               {what: nothing},
		"refused before the hold":      {held: true, what: refused, want: true, next: true},
		"answered before the hold":     {held: true, what: free, want: true, next: true},
		"the try is refused":           {held: true, probe: true, what: refused, want: true},
		"the try works":                {held: true, probe: true, what: free, lines: 1},
		"the try came to nothing":      {held: true, probe: true, what: nothing, want: true, next: true},
		"nothing learnt from the rest": {held: true, what: nothing, want: true, next: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, log := watchedHold()
				before := 0
				if c.held {
					h.leave(enterHold(t, h), refused, forbidden)
					time.Sleep(firstHold * 12 / 10)
					before = 1
				}
				if c.probe && !enterHold(t, h) {
					t.Fatal("it is not this message's turn")
				}
				h.leave(c.probe, c.what, forbidden)
				if h.state().Held != c.want {
					t.Errorf("held %t, want %t", h.state().Held, c.want)
				}
				if n := log.FilterMessage("gate.changed").Len() - before; n != c.lines {
					t.Errorf("%d lines, want %d", n, c.lines)
				}
				if open, due, _ := h.watch(); open == c.want || due != c.next {
					t.Errorf("open %t, due %t", open, due)
				}
			})
		})
	}
}

// A message that leaves while it is its turn lets another one try.
func TestHoldIsNotStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _ := watchedHold()
		h.leave(enterHold(t, h), refused, forbidden)
		time.Sleep(firstHold * 12 / 10)
		first := enterHold(t, h)
		second := make(chan bool)
		go func() {
			probe, _ := h.enter(t.Context(), nil)
			second <- probe
		}()
		synctest.Wait()
		if _, due, _ := h.watch(); due {
			t.Error("a try is due while one is made")
		}
		h.leave(first, nothing, job.Outcome{}) // its lease was lost, or the worker panicked
		if probe := <-second; !probe {
			t.Error("the second is let through, but not to try for all")
		}
	})
}

func TestHoldEndsWithItsMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _ := watchedHold()
		h.leave(enterHold(t, h), refused, forbidden)
		ctx, stop := context.WithCancelCause(t.Context())
		ended := make(chan error)
		go func() {
			_, err := h.enter(ctx, nil)
			ended <- err
		}()
		synctest.Wait()
		stop(errLeaseLost)
		if err := <-ended; !errors.Is(err, errLeaseLost) {
			t.Errorf("ended with %v", err)
		}
		if _, err := h.enter(ctx, func() { t.Error("waits") }); !errors.Is(err, errLeaseLost) {
			t.Errorf("ended with %v", err)
		}
	})
}

// What the log says: when the route is held, again every five minutes, and when
// it is free.
func TestHoldReminds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, log := watchedHold()
		waiting := 6
		h.count = func() (held, pending int) { waiting++; return waiting, 100 * waiting }
		h.remind()
		h.leave(enterHold(t, h), refused, forbidden)
		for range 11 * 60 {
			time.Sleep(time.Second)
			h.remind()
		}
		h.leave(enterHold(t, h), free, job.Outcome{Verdict: job.Delivered})
		h.remind()
		var states []any
		for _, e := range log.All() {
			states = append(states, e.ContextMap()["state"])
		}
		if diff := cmp.Diff([]any{"shut", "shut", "shut", "open"}, states); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for i, e := range log.All()[:3] {
			m := e.ContextMap()
			if m["route"] != route || m["connection"] != "acme" || m["reason"] != "forbidden" || m["detail"] != "folder Finance" || m["held"] != 7+i || m["pending"] != 100*(7+i) {
				t.Errorf("line %d says %v", i+1, m)
			}
		}
	})
}

// What a try says about the route's own folder.
func TestLearn(t *testing.T) {
	t.Parallel()
	own, other := &job.Request{FolderFromRoute: true}, &job.Request{}
	for name, c := range map[string]struct {
		request *job.Request
		outcome job.Outcome
		want    lesson
	}{
		"refused":                {own, forbidden, refused},
		"delivered":              {own, job.Outcome{Verdict: job.Delivered}, free},
		"rejected":               {own, job.Reject(job.NotFound, ""), free},
		"an outage":              {own, job.Outcome{Verdict: job.Unavailable, Reason: job.ServiceUnavailable}, nothing},
		"unknown":                {own, job.Outcome{}, nothing},
		"delivered to another's": {other, job.Outcome{Verdict: job.Delivered}, nothing},
		"refused to another's":   {other, job.Outcome{Verdict: job.Deferred, Reason: job.Forbidden}, nothing},
	} {
		if got := learn(c.request, c.outcome); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
