package veeam

import (
	"net/http"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// The operations beside Actions. The three that give tokens share one path and are
// told apart by grant_type; a call to it that names none of the grants is LogIn.
// The rest is server.Unrouted.
const (
	LogIn        server.Operation = "LogIn" // password or client_credentials
	Renew        server.Operation = "Renew" // refresh_token
	MFA          server.Operation = "MFA"   // mfa
	LogOut       server.Operation = "LogOut"
	ListPlans    server.Operation = "ListPlans"
	GetPlan      server.Operation = "GetPlan"
	GetDetails   server.Operation = "GetDetails" // of a plan, RuntimeDetails
	ListClients  server.Operation = "ListClients"
	CreateClient server.Operation = "CreateClient"
	DeleteClient server.Operation = "DeleteClient"
)

// Identity are the operations that give and end tokens.
var Identity = []server.Operation{LogIn, Renew, MFA, LogOut}

const tokenPath = "/api/token"

// methods of a path and what each asks for.
type methods map[string]server.Operation

func (o *Orchestrator) find(c *server.Call) server.Operation {
	op, ok := o.resource(c)[c.Method]
	if !ok {
		return server.Unrouted
	}
	return op
}

// resource gives what there is at a call's path; nothing where there is none.
func (o *Orchestrator) resource(c *server.Call) methods {
	if c.Path == tokenPath {
		return methods{http.MethodPost: tokenOperation(c), http.MethodDelete: LogOut}
	}
	version, rest, ok := strings.Cut(strings.TrimPrefix(c.Path, "/api/"), "/")
	if !ok || !strings.HasPrefix(c.Path, "/api/") || !slices.Contains(versions[o.settings.Version], version) {
		return nil
	}
	switch parts := strings.Split(rest, "/"); {
	case rest == "Plans":
		return methods{http.MethodGet: ListPlans}
	case rest == "Clients" && o.settings.hasClients():
		return methods{http.MethodGet: ListClients, http.MethodPost: CreateClient, http.MethodDelete: DeleteClient}
	case len(parts) == 2 && parts[0] == "Plans":
		return methods{http.MethodGet: GetPlan}
	case len(parts) == 3 && parts[0] == "RuntimeDetails" && parts[1] == "Plans":
		return methods{http.MethodGet: GetDetails}
	case len(parts) == 3 && parts[0] == "Plans" && of(version, server.Operation(parts[2])):
		return methods{http.MethodPost: server.Operation(parts[2])}
	default:
		return nil
	}
}

func tokenOperation(c *server.Call) server.Operation {
	form, err := readForm(c)
	switch {
	case err == nil && form["grant_type"] == "refresh_token":
		return Renew
	case err == nil && form["grant_type"] == "mfa":
		return MFA
	default:
		return LogIn
	}
}

func (o *Orchestrator) answer(c *server.Call) server.Answer {
	switch c.Operation {
	case LogIn, Renew, MFA:
		return o.giveToken(c).With("Cache-Control", "no-store")
	case LogOut:
		return o.authorized(c, o.logOut)
	case ListPlans:
		return o.authorized(c, o.listPlans)
	case GetPlan:
		return o.authorized(c, o.getPlan)
	case GetDetails:
		return o.authorized(c, o.getDetails)
	case ListClients:
		return o.authorized(c, o.listClients)
	case CreateClient:
		return o.authorized(c, o.createClient)
	case DeleteClient:
		return o.authorized(c, o.deleteClient)
	case server.Unrouted:
		return o.unrouted(c)
	default:
		return o.authorized(c, o.act)
	}
}

// unrouted is 404 as the web server says it, or 405 where the path is there.
func (o *Orchestrator) unrouted(c *server.Call) server.Answer {
	if o.resource(c) == nil {
		return server.Page(http.StatusNotFound)
	}
	return o.message(http.StatusMethodNotAllowed, "The requested resource does not support http method '"+c.Method+"'.")
}
