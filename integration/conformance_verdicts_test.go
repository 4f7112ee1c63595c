package integration

import (
	"strings"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/simulator/server"
)

// verdicts has a row for each thing that can become of a request while the
// product is well.
var verdicts = map[string]deed{
	"delivered": {cold: true, does: askFor(unchanged), ending: delivered},
	"dropped": {
		changes: changes{route: yaml{"transform": "empty"}}, cold: true,
		does: func(s *scene) {
			s.publish(`{}`, "Queueferry-Request-Id", "inv-0")
			s.asked = []string{"inv-0"}
		},
		ending: ending{verdict: "dropped"},
	},
	"duplicate, says the ledger or the product": {
		does: func(s *scene) {
			s.deliver("inv-0")
			s.ask("inv-0")
		},
		ending: duplicate,
		but:    map[string]ending{"uipath items": cannot("without unique references nothing but the stream knows a publisher's repetition")},
	},
	"another request of the same id": {
		does: func(s *scene) {
			s.deliver("inv-0")
			s.askAs("inv-0", s.house.other)
		},
		ending: ending{verdict: "rejected", dead: job.IDConflict, made: 1},
		but: map[string]ending{
			"uipath items":        cannot("without unique references nothing knows the first one"),
			"uipath unique items": {verdict: "rejected", dead: job.ReferenceConflict, made: 1},
		},
	},

	"a field that the product does not have": {
		does:   askFor(func(h *house, r yaml) { r[h.alien] = h.of }),
		ending: rejected(job.InvalidRequest, func(h *house) string { return h.alien + ": " }),
	},
	"an option that the product does not have": {
		does: askFor(func(_ *house, r yaml) {
			options, _ := r["options"].(yaml)
			if options == nil {
				options = yaml{}
			}
			options["Nonsense"] = true
			r["options"] = options
		}),
		ending: rejected(job.InvalidRequest, func(*house) string { return "options.Nonsense: " }),
	},
	"too large": {
		changes: changes{connection: yaml{"content_limit": 10_000}},
		does: askFor(func(_ *house, r yaml) {
			for _, field := range []string{"content", "arguments"} {
				if fields, ok := r[field].(yaml); ok {
					fields["Vendor"] = strings.Repeat("x", 10_001)
				}
			}
		}),
		ending: rejected(job.TooLarge, nil),
		but: map[string]ending{
			"e11 bots": cannot("no limit of a bot's variables is known"), "a360 bots": cannot("no limit of a bot's inputs is known"),
			"veeam": cannot("a plan takes neither content nor arguments"),
		},
	},
	"a name of nothing": {
		does:   askFor(func(h *house, r yaml) { r[h.field] = missing }),
		ending: rejected(job.NotFound, func(h *house) string { return h.field + ": " }),
	},
	"a name of two": {
		does:   askFor(func(h *house, r yaml) { r[h.field] = h.twice }),
		ending: rejected(job.RejectedByTarget, func(h *house) string { return h.field + ": there are 2 " }),
		but: map[string]ending{
			"uipath jobs":         rejected(job.RejectedByTarget, func(*house) string { return "process: the folder has several of this name" }),
			"uipath items":        cannot("a folder has one queue of a name"),
			"uipath unique items": cannot("a folder has one queue of a name"),
		},
	},
	"a name that is not allowed": {
		does:   askFor(func(h *house, r yaml) { r[h.field] = foreign }),
		ending: rejected(job.NotAllowed, func(h *house) string { return h.field + ": " }),
	},
	"an action that the product does not have": {
		does: askFor(func(_ *house, r yaml) {
			for name := range r {
				if name != "id" {
					delete(r, name)
				}
			}
			r["action"], r["queue"] = "add_queue_item", unique
		}),
		ending: cannot("it has both actions"),
		but:    map[string]ending{"veeam": rejected(job.UnsupportedAction, func(*house) string { return "no queues" })},
	},
	"refused by the product": {
		does:   meets(server.Fault{Status: 400}),
		ending: rejected(job.RejectedByTarget, nil),
	},

	"busy": {
		does: func(s *scene) {
			release := s.house.occupy(occupied)
			s.ask(occupied)
			s.eventually("it is put off", func() bool { return len(s.ends(occupied)) >= 2 })
			release()
		},
		ending: ending{verdict: "delivered", made: 1, passes: "busy"},
		but:    neverBusy,
	},
	"busy for too long": {
		changes: changes{route: yaml{"retry": yaml{"attempts": 1, "first": "20ms", "max": "100ms", "busy_for": "300ms"}}},
		does: func(s *scene) {
			s.house.occupy(occupied)
			s.ask(occupied)
		},
		ending: ending{verdict: "busy", dead: job.BusyTooLong},
		but:    neverBusy,
	},
	"a right is missing once": {
		does:   meets(server.Fault{Status: 403}),
		ending: ending{verdict: "delivered", made: 1, passes: "deferred"},
	},
	"a right is missing": {
		changes: changes{route: yaml{"retry": yaml{"attempts": 2, "first": "20ms", "max": "100ms"}}},
		does: func(s *scene) {
			s.house.add(server.Fault{Status: 403, Operations: s.house.acts})
			s.ask("inv-0")
		},
		ending: ending{verdict: "deferred", dead: job.Forbidden},
	},
	"a right is missing to what the route fixes": {
		changes: changes{placed: true, route: yaml{"retry": yaml{"attempts": 1, "first": "20ms", "max": "100ms"}}}, cold: true,
		does: func(s *scene) {
			s.house.add(server.Fault{Status: 403, Operations: s.house.acts})
			s.ask("inv-0")
			s.gateShuts()
		},
		ending: ending{held: true},
	},
}

const alwaysTakes = "an item is taken at any time"

var neverBusy = map[string]ending{
	"uipath items": cannot(alwaysTakes), "uipath unique items": cannot(alwaysTakes),
	"e11 items": cannot(alwaysTakes), "a360 items": cannot(alwaysTakes),
	"e11 bots": cannot("a deployment waits for its device by itself"), "a360 bots": cannot("a deployment waits for its user by itself"),
}

func unchanged(*house, yaml) {}

// askFor asks for one thing.
func askFor(change func(h *house, request yaml)) func(*scene) {
	return func(s *scene) { s.askAs("inv-0", func(r yaml) { change(s.house, r) }) }
}

// meets has the one call for a request meet a fault.
func meets(f server.Fault) func(*scene) {
	return func(s *scene) {
		s.house.once(f)
		s.ask("inv-0")
	}
}
