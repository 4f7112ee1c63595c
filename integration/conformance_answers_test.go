package integration

import (
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// impatient is a worker that waits for an answer no longer than a second; patient
// believes besides that the product is late by as much.
var (
	impatient = changes{connection: yaml{"timeout": "1s"}}
	patient   = changes{connection: yaml{"timeout": "1s", "settle": "1s"}}
)

// answers has a row for each way in which the one call that acts can fail, and
// before it those in which it does not come to it. Where the effect is there, it is
// found; where it is not, the call is made again. Enterprise 11 shows no
// deployment by its name, and nothing that moves production is done again.
var answers = map[string]deed{
	"401 once": {does: meets(server.Fault{Status: 401}), ending: delivered},
	"401 once, and the log-in fails": {
		does: func(s *scene) {
			s.house.add(server.Fault{Status: 503, Body: server.BodyHTML, Operations: s.house.logIns, Calls: 1})
			s.house.once(server.Fault{Status: 401})
			s.ask("inv-0")
		},
		ending: delivered,
	},
	"429 with Retry-After": {
		changes: unforgiving,
		does: func(s *scene) {
			f := s.house.once(server.Fault{Status: 429, RetryAfter: "1"})
			s.ask("inv-0")
			s.eventually("the fault is met", func() bool { return f.Hits() == 1 })
			met := time.Now()
			s.settles()
			if took := time.Since(met); took < 900*time.Millisecond {
				s.t.Errorf("asked again after %v", took)
			}
		},
		ending: delivered,
	},
	"the place cannot be read": {
		changes: unforgiving, cold: true,
		does: func(s *scene) {
			s.house.add(server.Fault{Status: 503, Body: server.BodyHTML, Operations: s.house.reads, Calls: 2})
			s.ask("inv-0")
		},
		ending: delivered,
	},
	"the log-in fails": {
		changes: unforgiving, cold: true,
		does: func(s *scene) {
			s.house.add(server.Fault{Status: 503, Body: server.BodyHTML, Operations: s.house.logIns, Calls: 1})
			s.ask("inv-0")
		},
		ending: delivered,
	},

	"503, no effect":                   without(server.Fault{Status: 503, Body: server.BodyHTML}),
	"500 of the product, no effect":    without(server.Fault{Status: 500}),
	"reset, no effect":                 without(server.Fault{Kind: server.Reset}),
	"200 with a page, no effect":       without(server.Fault{Status: 200, Body: server.BodyHTML}),
	"silence, no effect":               without(server.Fault{Kind: server.BlackHole}).within(impatient),
	"cut off, with effect":             with(server.Fault{Kind: server.Drop}),
	"503, with effect":                 with(server.Fault{Status: 503, Body: server.BodyHTML}),
	"500 of the product, with effect":  with(server.Fault{Status: 500}),
	"200 with a page, with effect":     with(server.Fault{Status: 200, Body: server.BodyHTML}),
	"200 without a body, with effect":  with(server.Fault{Status: 200, Body: server.BodyEmpty}).except("veeam", delivered),
	"200 with null, with effect":       with(server.Fault{Status: 200, Body: server.BodyNull}).except("veeam", delivered),
	"200 with half a body":             with(server.Fault{Body: server.BodyBroken}).except("veeam", cannot("its answer has no body")),
	"200 that ends too early":          with(server.Fault{Body: server.BodyTruncated}).except("veeam", cannot("its answer has no body")),
	"silence, with effect":             with(server.Fault{Kind: server.BlackHole}).within(impatient),
	"later than the time-out":          belated(server.Fault{Kind: server.Latency, Delay: 1300 * time.Millisecond}, 1300*time.Millisecond),
	"reset, and the effect comes late": belated(server.CommitLater(200*time.Millisecond), 200*time.Millisecond),
}

// belated has the effect come when the worker has given up the call. Where references
// are unique the second call may come first: then the late one is refused, and else
// the second.
func belated(f server.Fault, by time.Duration) deed {
	return deed{
		changes: patient,
		does: func(s *scene) {
			comes := time.Now().Add(by + 100*time.Millisecond)
			meets(f)(s)
			time.Sleep(time.Until(comes))
		},
		ending: duplicate,
		but:    map[string]ending{"e11 bots": parked(1), "uipath unique items": {made: 1}},
	}
}

// unforgiving sets aside what spends an attempt.
var unforgiving = changes{route: yaml{"retry": yaml{"attempts": 1, "first": "20ms", "max": "100ms"}}}

// without is a call that has no effect.
func without(f server.Fault) deed {
	return deed{does: meets(f), ending: delivered, but: map[string]ending{"e11 bots": parked(0), "veeam restore": parked(0)}}
}

// with is a call that has its effect before it fails.
func with(f server.Fault) deed {
	f.Commit = server.CommitFirst
	return deed{does: meets(f), ending: duplicate, but: map[string]ending{"e11 bots": parked(1)}}
}

func (d deed) within(c changes) deed {
	d.changes = c
	return d
}

func (d deed) except(product string, e ending) deed {
	d.but[product] = e
	return d
}
