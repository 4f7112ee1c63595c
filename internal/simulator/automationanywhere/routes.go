package automationanywhere

import (
	"net/http"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// The operations. The rest is server.Unrouted.
const (
	LogIn      server.Operation = "LogIn"
	Renew      server.Operation = "Renew"
	LogOut     server.Operation = "LogOut"
	Validate   server.Operation = "Validate"
	ListQueues server.Operation = "ListQueues"
)

// Identity are the operations that give, judge and end tokens.
var Identity = []server.Operation{LogIn, Renew, LogOut, Validate}

// route is a method and a path.
type route struct{ method, path string }

// routes of each generation. From Automation 360 v.33 on, v1 has no log-in and no
// renewal any more; validation and log-out stay v1 (Automation 360, Cloud Control
// Room APIs, Authentication).
var routes = map[Generation]map[route]server.Operation{
	E11: {
		{http.MethodPost, "/v1/authentication"}:        LogIn,
		{http.MethodPost, "/v1/authentication/token"}:  Renew,
		{http.MethodGet, "/v1/authentication/token"}:   Validate,
		{http.MethodPost, "/v1/authentication/logout"}: LogOut,
		{http.MethodPost, "/v2/wlm/queues/list"}:       ListQueues,
	},
	A360: {
		{http.MethodPost, "/v2/authentication"}:        LogIn,
		{http.MethodPost, "/v2/authentication/token"}:  Renew,
		{http.MethodGet, "/v1/authentication/token"}:   Validate,
		{http.MethodPost, "/v1/authentication/logout"}: LogOut,
		{http.MethodPost, "/v3/wlm/queues/list"}:       ListQueues,
	},
}

func (o *ControlRoom) find(c *server.Call) server.Operation {
	if op, ok := routes[o.settings.Generation][route{c.Method, c.Path}]; ok {
		return op
	}
	return server.Unrouted
}

// inspect notes secrets in the URL, where they do not belong there by the
// product's own design, and a token in a header that is not for it.
func (o *ControlRoom) inspect(c *server.Call) {
	if c.Operation != Validate {
		o.InspectQuery(c)
	}
	if c.Header.Get("Authorization") != "" {
		o.Violate(c, "an Authorization header")
	}
}

func (o *ControlRoom) answer(c *server.Call) server.Answer {
	switch c.Operation {
	case LogIn:
		return o.logIn(c)
	case Renew:
		return o.renew(c)
	case LogOut:
		return o.logOut(c)
	case Validate:
		return o.validate(c)
	case ListQueues:
		return o.authorized(c, o.listQueues)
	default:
		return o.unrouted(c)
	}
}

func (o *ControlRoom) unrouted(c *server.Call) server.Answer {
	for r := range routes[o.settings.Generation] {
		if r.path == c.Path {
			return refusal(c, http.StatusMethodNotAllowed, "")
		}
	}
	return refusal(c, http.StatusNotFound, "")
}
