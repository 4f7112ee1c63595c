package veeam

import (
	"net/http"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// The operations. The four that give tokens share one path and are told apart by
// grant_type; a call to it that names none of the grants is LogIn. The rest is
// server.Unrouted.
const (
	LogIn        server.Operation = "LogIn" // password or client_credentials
	Renew        server.Operation = "Renew" // refresh_token
	MFA          server.Operation = "MFA"   // mfa
	LogOut       server.Operation = "LogOut"
	ListPlans    server.Operation = "ListPlans"
	ListClients  server.Operation = "ListClients"
	CreateClient server.Operation = "CreateClient"
	DeleteClient server.Operation = "DeleteClient"
)

// Identity are the operations that give and end tokens.
var Identity = []server.Operation{LogIn, Renew, MFA, LogOut}

const tokenPath = "/api/token"

type route struct{ method, path string }

// routes below /api/<version>.
var routes = map[route]server.Operation{
	{http.MethodGet, "/Plans"}:      ListPlans,
	{http.MethodGet, "/Clients"}:    ListClients,
	{http.MethodPost, "/Clients"}:   CreateClient,
	{http.MethodDelete, "/Clients"}: DeleteClient,
}

func (o *Orchestrator) find(c *server.Call) server.Operation {
	if c.Path == tokenPath {
		return tokenOperation(c)
	}
	path, ok := o.resource(c)
	if !ok {
		return server.Unrouted
	}
	if op, ok := routes[route{c.Method, path}]; ok {
		return op
	}
	return server.Unrouted
}

func tokenOperation(c *server.Call) server.Operation {
	switch c.Method {
	case http.MethodDelete:
		return LogOut
	case http.MethodPost:
	default:
		return server.Unrouted
	}
	form, err := readForm(c)
	switch {
	case err == nil && form["grant_type"] == "refresh_token":
		return Renew
	case err == nil && form["grant_type"] == "mfa":
		return MFA
	}
	return LogIn
}

// resource is the path below a version that the server has, and that has it.
func (o *Orchestrator) resource(c *server.Call) (string, bool) {
	version, rest, ok := strings.Cut(strings.TrimPrefix(c.Path, "/api/"), "/")
	path := "/" + rest
	if !ok || !strings.HasPrefix(c.Path, "/api/") || !slices.Contains(versions[o.settings.Version], version) {
		return "", false
	}
	if path == "/Clients" && !o.settings.hasClients() {
		return "", false
	}
	return path, true
}

func (o *Orchestrator) answer(c *server.Call) server.Answer {
	switch c.Operation {
	case LogIn, Renew, MFA:
		return o.giveToken(c).With("Cache-Control", "no-store")
	case LogOut:
		return o.authorized(c, o.logOut)
	case ListPlans:
		return o.authorized(c, o.listPlans)
	case ListClients:
		return o.authorized(c, o.listClients)
	case CreateClient:
		return o.authorized(c, o.createClient)
	case DeleteClient:
		return o.authorized(c, o.deleteClient)
	default:
		return o.unrouted(c)
	}
}

// unrouted is 404 as the web server says it, or 405 where the path is there.
func (o *Orchestrator) unrouted(c *server.Call) server.Answer {
	path, ok := o.resource(c)
	for r := range routes {
		if ok && r.path == path {
			return message(http.StatusMethodNotAllowed, "The requested resource does not support http method '"+c.Method+"'.")
		}
	}
	if c.Path == tokenPath {
		return message(http.StatusMethodNotAllowed, "The requested resource does not support http method '"+c.Method+"'.")
	}
	return server.Page(http.StatusNotFound)
}
