package main

import (
	"fmt"
	"time"
)

// trial is one thing to measure.
type trial struct {
	name     string
	kind     role // bareLoop or theWorker
	latency  time.Duration
	http2    bool
	calls    int // at once
	batch    int // requests in a call, at most; 1: single calls
	routes   int
	workers  int // processes, all on the same consumer
	requests int
	depth    int // keep so many queued while it runs; 0: publish all before
	idle     bool
}

// fewestInHand is how many messages each of many routes may hold.
const fewestInHand = 32

// inHand is how many messages a route may hold: together as many as there are
// calls to make, but enough of each. It is a few more, with batches half as many
// again: a call that has come back would otherwise wait for the next pull.
func (t trial) inHand() int {
	switch {
	case t.routes == 1 && t.batch == 1:
		return t.calls + fewestInHand
	case t.routes == 1:
		return t.calls * t.batch * 3 / 2
	}
	return max(fewestInHand, t.calls*t.batch/t.routes)
}

// comparison is two trials to make in turn.
type comparison struct {
	name, goal string
	a, b       trial
	full       bool // only with -full
}

const (
	shortLatency = 5 * time.Millisecond
	longLatency  = 50 * time.Millisecond
)

// against compares the worker with the bare loop.
func against(t trial) (a, b trial) {
	t.routes, t.workers = max(t.routes, 1), max(t.workers, 1)
	t.batch = max(t.batch, 1)
	a, b = t, t
	a.name, a.kind = "bare loop", bareLoop
	b.name, b.kind = "worker", theWorker
	return a, b
}

// within compares the worker with itself.
func within(t trial, nameA, nameB string, change func(*trial)) (a, b trial) {
	_, a = against(t)
	b = a
	change(&b)
	a.name, b.name = nameA, nameB
	return a, b
}

func chosen(o options) (list []comparison) {
	for _, c := range append(calls(o), inside(o)...) {
		switch {
		case o.only != nil && !o.only.MatchString(c.name):
		case o.only == nil && c.full && !o.full:
		default:
			list = append(list, c)
		}
	}
	return list
}

// calls are the comparisons with the bare loop.
func calls(o options) []comparison {
	var list []comparison
	add := func(name, goal string, full bool, t trial) {
		c := comparison{name: name, goal: goal, full: full}
		c.a, c.b = against(t)
		list = append(list, c)
	}
	const single = "rate ≥ 0.9, CPU ≤ 1.25"
	n := o.requests
	add("single-64", single, false, trial{latency: shortLatency, calls: 64, requests: n})
	add("single-256", single+", ≤ 45 MB", false, trial{latency: shortLatency, calls: 256, requests: n})
	add("single-64-http2", single, true, trial{latency: shortLatency, calls: 64, requests: n, http2: true})
	add("single-256-http2", single, true, trial{latency: shortLatency, calls: 256, requests: n, http2: true})
	add("batch-100", "rate ≥ 0.8, ≤ 0.4 s CPU per 10,000", false, trial{latency: shortLatency, calls: 16, batch: 100, requests: 3 * n})
	add("latency-50ms-64", "≥ 95 % of calls ÷ latency", false, trial{latency: longLatency, calls: 64, requests: n / 3})
	add("latency-50ms-256", "≥ 95 % of calls ÷ latency until a core is full", true, trial{latency: longLatency, calls: 256, requests: n})
	add("idle", "worker's median ≤ 2 ms", false, trial{latency: shortLatency, calls: 64, requests: 200, idle: true})
	return list
}

// inside are the comparisons of the worker with itself.
func inside(o options) []comparison {
	var list []comparison
	add := func(name, goal string, a, b trial) {
		list = append(list, comparison{name: name, goal: goal, full: true, a: a, b: b})
	}
	base := trial{latency: shortLatency, calls: 64, requests: o.requests}
	a, b := within(base, "1 route", "100 routes", func(t *trial) { t.routes = 100 })
	add("routes-100", "CPU ≤ 1.0 or nearly", a, b)
	base.depth = 1_000
	a, b = within(base, "1,000 queued", fmt.Sprintf("%d queued", o.depth), func(t *trial) { t.depth = o.depth })
	add("deep-queue", "CPU ≤ 1.1, MB ≤ 1.1 times", a, b)
	base.depth = 0
	for _, workers := range []int{2, 4} {
		a, b = within(base, "1 worker", fmt.Sprintf("%d workers", workers), func(t *trial) { t.workers = workers })
		add(fmt.Sprintf("workers-%d", workers), "smallest share ≥ 0.9 of the largest", a, b)
	}
	return list
}
