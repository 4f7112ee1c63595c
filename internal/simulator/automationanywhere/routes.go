package automationanywhere

import (
	"net/http"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// The operations. The rest is server.Unrouted.
const (
	LogIn          server.Operation = "LogIn"
	Renew          server.Operation = "Renew"
	LogOut         server.Operation = "LogOut"
	Validate       server.Operation = "Validate"
	ListQueues     server.Operation = "ListQueues"
	AddWorkItems   server.Operation = "AddWorkItems"
	ListWorkItems  server.Operation = "ListWorkItems"
	ListFiles      server.Operation = "ListFiles"
	Deploy         server.Operation = "Deploy"
	ListActivity   server.Operation = "ListActivity"
	ListDevices    server.Operation = "ListDevices"
	ListRunAsUsers server.Operation = "ListRunAsUsers"
	ListPools      server.Operation = "ListPools"
)

// Identity are the operations that give, judge and end tokens.
var Identity = []server.Operation{LogIn, Renew, LogOut, Validate}

// Acting are the operations that make something.
var Acting = []server.Operation{AddWorkItems, Deploy}

// route is a method and a path.
type route struct{ method, path string }

// routes of each generation. From Automation 360 v.33 on, v1 has no log-in and no
// renewal any more; validation and log-out stay v1 (Automation 360, Cloud Control
// Room APIs, Authentication).
var routes = map[Generation]map[route]server.Operation{
	E11: {
		{http.MethodPost, "/v1/authentication"}:                 LogIn,
		{http.MethodPost, "/v1/authentication/token"}:           Renew,
		{http.MethodGet, "/v1/authentication/token"}:            Validate,
		{http.MethodPost, "/v1/authentication/logout"}:          LogOut,
		{http.MethodPost, "/v2/wlm/queues/list"}:                ListQueues,
		{http.MethodPost, "/v2/wlm/queues/{id}/workitems"}:      AddWorkItems,
		{http.MethodPost, "/v2/wlm/queues/{id}/workitems/list"}: ListWorkItems,
		{http.MethodPost, "/v2/repository/file/list"}:           ListFiles,
		{http.MethodPost, "/v2/automations/deploy"}:             Deploy,
		{http.MethodPost, "/v2/activity/list"}:                  ListActivity,
		{http.MethodPost, "/v2/devices/list"}:                   ListDevices,
	},
	A360: {
		{http.MethodPost, "/v2/authentication"}:                          LogIn,
		{http.MethodPost, "/v2/authentication/token"}:                    Renew,
		{http.MethodGet, "/v1/authentication/token"}:                     Validate,
		{http.MethodPost, "/v1/authentication/logout"}:                   LogOut,
		{http.MethodPost, "/v3/wlm/queues/list"}:                         ListQueues,
		{http.MethodPost, "/v3/wlm/queues/{id}/workitems"}:               AddWorkItems,
		{http.MethodPost, "/v3/wlm/queues/{id}/workitems/list"}:          ListWorkItems,
		{http.MethodPost, "/v2/repository/workspaces/public/files/list"}: ListFiles,
		{http.MethodPost, "/v2/repository/file/list"}:                    ListFiles,
		{http.MethodPost, "/v3/automations/deploy"}:                      Deploy,
		{http.MethodPost, "/v4/automations/deploy"}:                      Deploy,
		{http.MethodPost, "/v3/activity/list"}:                           ListActivity,
		{http.MethodPost, "/v2/devices/list"}:                            ListDevices,
		{http.MethodPost, "/v1/devices/runasusers/list"}:                 ListRunAsUsers,
		{http.MethodPost, "/v2/devices/pools/list"}:                      ListPools,
	},
}

func (o *ControlRoom) find(c *server.Call) server.Operation {
	if op, ok := routes[o.settings.Generation][route{c.Method, pattern(c.Path)}]; ok {
		return op
	}
	return server.Unrouted
}

// pattern puts {id} in the place of the queue's id.
func pattern(path string) string {
	parts := strings.Split(path, "/")
	if len(parts) > 5 && parts[3] == "queues" {
		parts[4] = "{id}"
	}
	return strings.Join(parts, "/")
}

// inspect notes secrets in the URL, where they do not belong there by the
// product's own design, a token in a header that is not for it, and an add or a
// deployment with a query: neither has one.
func (o *ControlRoom) inspect(c *server.Call) {
	if c.Operation != Validate {
		o.InspectQuery(c)
	}
	if c.Header.Get("Authorization") != "" {
		o.Violate(c, "an Authorization header")
	}
	if c.Query != "" && slices.Contains(Acting, c.Operation) {
		o.Violate(c, "a query")
	}
}

func (o *ControlRoom) answer(c *server.Call) server.Answer {
	switch c.Operation {
	case LogIn:
		return o.logIn(c)
	case Renew:
		return o.renew(c)
	case Validate:
		return o.validate(c)
	case server.Unrouted:
		return o.unrouted(c)
	}
	return o.authorized(c, map[server.Operation]handler{
		LogOut: o.logOut, ListQueues: o.listQueues, AddWorkItems: o.addWorkItems, ListWorkItems: o.listWorkItems,
		ListFiles: o.listFiles, Deploy: o.deploy, ListActivity: o.listActivity, ListDevices: o.listDevices,
		ListRunAsUsers: o.listRunAsUsers, ListPools: o.listPools,
	}[c.Operation])
}

func (o *ControlRoom) unrouted(c *server.Call) server.Answer {
	for r := range routes[o.settings.Generation] {
		if r.path == pattern(c.Path) {
			return refusal(c, http.StatusMethodNotAllowed, "")
		}
	}
	return refusal(c, http.StatusNotFound, "")
}
