package veeam

import (
	"net/http"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// createClient makes a child credential of a user; a client cannot make one.
func (o *Orchestrator) createClient(c *server.Call, s session) server.Answer {
	if s.client {
		// 403 is not documented.
		return o.message(http.StatusForbidden, "Clients cannot create new client accounts.")
	}
	if len(c.Body) > 0 {
		return o.message(http.StatusBadRequest, "The request takes no body.")
	}
	client := Client{ID: strings.ToUpper(server.NewID()), Secret: server.Opaque() + "/+=", Owner: s.holder}
	o.mu.Lock()
	o.clients = append(o.clients, client)
	o.mu.Unlock()
	return server.JSON(http.StatusOK, map[string]any{"client_id": client.ID, "client_secret": client.Secret})
}

// sees reports whether a session may see and delete a client: a user its own
// ones, a client itself.
func (s *session) sees(c Client) bool {
	if s.client {
		return c.ID == s.holder
	}
	return strings.EqualFold(c.Owner, s.holder)
}

// listClients shows no secrets. The shape of a row is not documented.
func (o *Orchestrator) listClients(_ *server.Call, s session) server.Answer {
	list := []any{}
	for _, client := range o.Clients() {
		if s.sees(client) {
			list = append(list, map[string]any{"client_id": client.ID})
		}
	}
	return server.JSON(http.StatusOK, list)
}

func (o *Orchestrator) deleteClient(c *server.Call, s session) server.Answer {
	query, err := server.Parameters(c.Query)
	if err != nil || len(query) != 1 || query["clientId"] == "" {
		return o.message(http.StatusBadRequest, "clientId is needed.")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.clients, func(client Client) bool { return client.ID == query["clientId"] && s.sees(client) })
	if i < 0 {
		return o.message(http.StatusBadRequest, "There is no such client.") // the status is not documented
	}
	id := o.clients[i].ID
	o.clients = slices.Delete(slices.Clone(o.clients), i, i+1)
	o.end(func(other *session) bool { return other.client && other.holder == id }, false)
	return server.Answer{Status: http.StatusNoContent}
}
