package integration

import (
	"net/http"
	"testing"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// yaml is a part of a worker's configuration.
type yaml = map[string]any

// house is one way to have something done by one of the products, seen as all the
// others are: how a worker is configured for it, how it is asked, and what its
// books hold.
type house struct {
	site
	connection, route yaml
	// place is what a route fixes so that no message chooses it.
	place yaml
	// request asks for one thing; what it makes is in the books under its id.
	request func(id string) yaml
	// field of a request names the place. twice is a name of two of them, missing of
	// none, and foreign one that the route does not allow.
	field, twice string
	// alien is a field that the product does not have, and a value of its type.
	alien, of string
	// other changes a request to another one of the same id.
	other func(yaml)
	// occupy has the product say "not now" until it is released. Nil: it never does.
	occupy func(id string) (release func())
	// made are the ids of all that was made, as often as it was.
	made func() []string
	// mine tells the call that acts for the victim. Nil: by its id in the body.
	mine func(r *http.Request, body []byte) bool
	// acts make something, looks show what was made, reads find the place, and logIns
	// give tokens. api are all that need one.
	acts, looks, reads, logIns, api []server.Operation
}

const (
	missing = "Missing"
	double  = "Double"
	foreign = "Foreign"
)

// variant is a product in one of the ways to have something done by it. The tables
// of endings know it by its name.
type variant struct {
	name string
	open func(*testing.T) *house
}

// houses are all of them.
var houses = []variant{
	{"uipath items", func(t *testing.T) *house { return uipathItems(t, plain) }},
	{"uipath unique items", func(t *testing.T) *house { return uipathItems(t, unique) }},
	{"uipath jobs", uipathJobs},
	{"e11 items", workItemsOfE11},
	{"e11 bots", botsOfE11},
	{"a360 items", workItemsOfA360},
	{"a360 bots v3", botsOfV3},
	{"a360 bots v4", botsOfV4},
	{"veeam check", readinessChecks},
	{"veeam restore", restores},
}

// site is a simulator's faults and complaints.
type site struct {
	add        func(server.Fault) struck
	clear      func()
	complaints func() []string
}

// struck is a fault at work.
type struck interface {
	Hits() int
	Remove()
}

func siteOf(s *server.Server) site {
	return site{add: func(f server.Fault) struck { return s.AddFault(f) }, clear: s.ClearFault, complaints: s.Violations}
}

// once is a fault of one call that acts.
func (h *house) once(f server.Fault) struck {
	f.Operations, f.Calls = h.acts, 1
	return h.add(f)
}

// times is how often something was made for an id.
func (h *house) times(id string) (n int) {
	for _, made := range h.made() {
		if made == id {
			n++
		}
	}
	return n
}
