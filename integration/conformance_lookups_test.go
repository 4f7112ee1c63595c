package integration

import (
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/simulator/server"
)

const (
	noLists  = "it is the plan's state that is read, and no list"
	noLookUp = "to send it again is the look-up"
)

// lookUps has a row for each way in which a look-up can be no help.
var lookUps = map[string]deed{
	"a list that lags": {
		changes: changes{connection: yaml{"settle": "800ms"}},
		does: func(s *scene) {
			s.house.add(server.Lagging(400*time.Millisecond, s.house.looks...))
			s.house.once(server.Fault{Kind: server.Drop, Commit: server.CommitFirst})
			s.ask("inv-0")
		},
		ending: duplicate,
		but:    map[string]ending{"e11 bots": parked(1), "veeam": cannot(noLists)},
	},
	"a list without a filter, with effect": {
		does:   unfiltered(server.CommitFirst),
		ending: duplicate,
		but:    map[string]ending{"e11 bots": parked(1), "veeam": cannot(noLists)},
	},
	"a list without a filter, no effect": {
		does:   unfiltered(server.NoCommit),
		ending: parked(0),
		but: map[string]ending{
			"uipath unique items": delivered, "e11 items": delivered, "a360 items": delivered, // the list has all items of the queue
			"veeam": cannot(noLists),
		},
	},
	"nobody can tell": {
		does:   blind,
		ending: parked(0),
		but:    map[string]ending{"uipath unique items": cannot(noLookUp), "veeam check": delivered},
	},
	"nobody can tell, and it is sent again": {
		changes: changes{route: yaml{"on_unknown": "resend"}},
		does:    blind,
		ending:  delivered,
		but:     map[string]ending{"uipath unique items": cannot(noLookUp), "veeam restore": parked(0)},
	},
	"it fails each time, and is not there": {
		does: func(s *scene) {
			s.house.add(server.Fault{Status: 500, Operations: s.house.acts})
			s.ask("inv-0")
		},
		ending: ending{verdict: "unknown", dead: job.AttemptsExhausted},
		but:    map[string]ending{"e11 bots": parked(0), "veeam restore": parked(0)},
	},
	"the look-up fails at first": {
		changes: unforgivingLookUps,
		does: func(s *scene) {
			s.house.add(server.Fault{Status: 503, Body: server.BodyHTML, Operations: s.house.looks, Calls: 2})
			s.house.once(server.Fault{Kind: server.Drop, Commit: server.CommitFirst})
			s.ask("inv-0")
		},
		ending: duplicate,
		but:    map[string]ending{"e11 bots": parked(1)},
	},
}

// unforgivingLookUps leave room for the one try that is in doubt.
var unforgivingLookUps = changes{route: yaml{"retry": yaml{"attempts": 2, "first": "20ms", "max": "100ms"}}}

func unfiltered(c server.Commit) func(*scene) {
	return func(s *scene) {
		s.house.add(server.Unfiltered(s.house.looks...))
		s.house.once(server.Fault{Kind: server.Drop, Commit: c})
		s.ask("inv-0")
	}
}

// blind refuses every look-up, where there are some.
func blind(s *scene) {
	if s.house.connection["product"] != "veeam" {
		s.house.add(server.Fault{Status: 403, Operations: s.house.looks})
	}
	s.house.once(server.Fault{Kind: server.Drop})
	s.ask("inv-0")
}
