package integration

import (
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// brittle is a worker whose messages have one attempt, and whose circuit opens
// soon.
var brittle = changes{
	connection: yaml{"timeout": "1s", "breaker": yaml{"failures": 2, "open": "300ms"}},
	route:      yaml{"retry": yaml{"attempts": 1, "first": "20ms", "max": "100ms"}},
}

// outages has a row for each way in which a whole product can be away. No message
// is set aside, and none has spent its only attempt; but where an answer leaves in
// doubt what was done, and nothing can tell.
var outages = map[string]deed{
	"refused connections": outage(server.Fault{Kind: server.RefuseConnections}),
	"503 of a gateway":    outage(server.Fault{Status: 503, Body: server.BodyHTML}).doubted(),
	"a page with 200":     outage(server.Fault{Status: 200, Body: server.BodyHTML}).doubted(),
	"silence":             outage(server.Fault{Kind: server.BlackHole}).doubted(),
	"a page with 403":     outage(server.Fault{Status: 403, Body: server.BodyHTML}),
	"a page with 404":     outage(server.Fault{Status: 404, Body: server.BodyHTML}),
	"a redirect":          outage(server.Fault{Status: 302, Location: "https://login.example/"}),
	"429 to everything":   outage(server.Fault{Status: 429, RetryAfter: "1"}),
	"401 to every token":  outage(server.Fault{Status: 401}).heldWith("veeam"),
}

// outage has every call that needs a token fail for a while.
func outage(of server.Fault) deed {
	return deed{changes: brittle, ending: delivered, does: func(s *scene) {
		f := of // the products' tests share the table
		if f.Kind != server.RefuseConnections {
			f.Operations = s.house.api
		}
		away := s.house.add(f)
		for _, id := range []string{"inv-0", "inv-1", "inv-2"} {
			s.ask(id)
		}
		s.gateShuts()
		time.Sleep(400 * time.Millisecond)
		away.Remove()
	}}
}

// doubted has an answer that leaves in doubt what was done.
func (d deed) doubted() deed {
	d.but = map[string]ending{"e11 bots": {made: 1, doubtful: true}}
	return d
}

// heldWith is an outage that a product takes for another log-in of its account,
// which ends the session twice within a minute: the next one is a minute away.
func (d deed) heldWith(product string) deed {
	d.but = map[string]ending{product: {held: true}}
	return d
}
