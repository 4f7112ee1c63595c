package integration

import (
	"fmt"
	"slices"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// many has rows for requests that meet each other: in one batch, and in a storm of
// faults. What becomes of each is the same as if it were alone.
var many = map[string]deed{
	"the first two calls are lost": {
		changes: changes{connection: yaml{"max_concurrent": 1, "breaker": yaml{"failures": 100, "open": "200ms"}}},
		does: func(s *scene) {
			s.house.add(server.Slow(50*time.Millisecond, s.house.acts...))
			s.house.add(server.Fault{Kind: server.Drop, Commit: server.CommitFirst, Operations: s.house.acts, Calls: 2})
			s.askForMany()
			s.settles()
			if batched := slices.ContainsFunc(s.log.events("delivery.settled"), isBatched); batched != (s.house.field == "queue") {
				s.t.Errorf("batches: %t", batched)
			}
		},
		ending: ending{made: 1},
		but:    map[string]ending{"e11 bots": {made: 1, doubtful: true}},
	},
	"a storm": {
		changes: changes{
			connection: yaml{"breaker": yaml{"failures": 100, "open": "200ms"}},
			route:      yaml{"retry": yaml{"attempts": 100, "first": "20ms", "max": "100ms"}},
		},
		does: func(s *scene) {
			for _, f := range []server.Fault{
				{Kind: server.Drop, Commit: server.CommitFirst, Probability: 0.15},
				{Status: 503, Body: server.BodyHTML, Commit: server.CommitFirst, Probability: 0.1},
				{Body: server.BodyTruncated, Commit: server.CommitFirst, Probability: 0.05},
				{Status: 503, Body: server.BodyHTML, Probability: 0.1},
				{Kind: server.Reset, Commit: server.CommitLate, CommitDelay: 50 * time.Millisecond, Probability: 0.1},
				{Status: 401, Probability: 0.1, Calls: 1},
			} {
				f.Operations = s.house.acts
				s.house.add(f)
			}
			s.house.add(server.Fault{Status: 503, Body: server.BodyHTML, Operations: s.house.looks, Probability: 0.1})
			s.house.add(server.Lagging(50*time.Millisecond, s.house.looks...))
			s.askForMany()
			s.settles()
			time.Sleep(100 * time.Millisecond) // what still comes late
		},
		ending: ending{made: 1},
		but:    map[string]ending{"e11 bots": {made: 1, doubtful: true}, "veeam restore": {made: 1, doubtful: true}},
	},
}

func (s *scene) askForMany() {
	s.t.Helper()
	for i := range 10 {
		s.ask(fmt.Sprint("inv-", i))
	}
}

func isBatched(line map[string]any) bool {
	n, _ := line["batch"].(float64)
	return n >= 2 && line["request_id"] != "before-0" && line["request_id"] != "before-1"
}
