package main

import (
	"fmt"
	"strconv"
	"time"

	aa "github.com/queueferry/queueferry/internal/simulator/automationanywhere"
	"github.com/queueferry/queueferry/internal/simulator/server"
)

// The queues and the bot of the simulated Control Rooms. Of Twins there are two.
const (
	tickets = "Tickets"
	orders  = "Orders"
	twins   = "Twins"
	bot     = `Automation Anywhere\Bots\Finance\PostInvoice`
)

// lag is how long what is new is missing from lists: for less than the
// connection's settle.
const lag = 300 * time.Millisecond

// openAutomationAnywhere starts two simulated Control Rooms: of Automation 360,
// with work items and bots, and of Enterprise 11, with work items.
func openAutomationAnywhere() (*product, error) {
	accounts := []aa.Account{{Username: "queueferry", APIKey: secret}}
	a360, err := aa.Start(aa.Settings{Generation: aa.A360, Accounts: accounts})
	if err != nil {
		return nil, err
	}
	e11, err := aa.Start(aa.Settings{Generation: aa.E11, Accounts: accounts})
	if err != nil {
		a360.Close()
		return nil, err
	}
	columns := []aa.Column{
		{Name: "Amount", Type: aa.Number, Display: 2}, {Name: "Reference", Display: 1, Reference: true}, {Name: "Vendor"},
	}
	for _, name := range []string{tickets, twins, twins} {
		a360.AddQueue(name, columns...)
	}
	e11.AddQueue(orders, columns...)
	a360.AddFile(aa.File{Path: bot, Inputs: map[string]string{"in_Vendor": "STRING", "in_Amount": "NUMBER"}})
	user := a360.AddRunAsUser(aa.RunAsUser{Username: "robot1"})
	p := &product{
		name:        "Automation Anywhere",
		connections: []string{"automation-360", "enterprise-11"},
		variables: map[string]string{
			"SANDBOX_A360_URL": a360.URL(), "SANDBOX_E11_URL": e11.URL(), "SANDBOX_RUN_AS_USER": strconv.FormatInt(user.ID, 10),
		},
		urls:  []string{a360.URL(), e11.URL()},
		kinds: roomKinds(a360, e11),
		bad:   roomBad,
	}
	p.handleRooms(a360, e11)
	return p, nil
}

// handleRooms has the play trouble Control Rooms, and read their books.
func (p *product) handleRooms(rooms ...*aa.ControlRoom) {
	p.revoke = func() { each(rooms, (*aa.ControlRoom).RevokeTokens) }
	p.close = func() { each(rooms, func(r *aa.ControlRoom) { r.Close() }) }
	p.away = func() []fault { return faultsOf(rooms, server.Fault{Kind: server.RefuseConnections}) }
	p.lose = func() []fault {
		return faultsOf(rooms, often(server.CommitThenDrop(aa.Acting...)), often(server.Fault{Kind: server.Drop, Operations: aa.Acting}))
	}
	p.trouble = func() []fault {
		return faultsOf(rooms, often(server.CommitThenDrop(aa.Acting...)), server.Lagging(lag, aa.ListWorkItems, aa.ListActivity))
	}
	p.operations = func() []operation { return roomOperations(rooms) }
	p.logIns = sum(rooms, func(r *aa.ControlRoom) int { return r.LogIns().LogIns })
	p.lookUps = sum(rooms, func(r *aa.ControlRoom) int {
		return r.Counts().Total(aa.ListWorkItems) + r.Counts().Total(aa.ListActivity)
	})
	p.sockets = sum(rooms, func(r *aa.ControlRoom) int { return r.Counts().Connections })
	p.violations = func() (all []string) {
		each(rooms, func(r *aa.ControlRoom) { all = append(all, r.Violations()...) })
		return all
	}
}

func each[T any](all []T, do func(T)) {
	for _, one := range all {
		do(one)
	}
}

// often limits a fault to one call in twenty.
func often(f server.Fault) server.Fault {
	f.Probability = 0.05
	return f
}

// faultsOf puts faults to work at several servers.
func faultsOf[S interface {
	AddFault(server.Fault) *server.ActiveFault
}](servers []S, faults ...server.Fault) (all []fault) {
	for _, s := range servers {
		for _, f := range faults {
			all = append(all, s.AddFault(f))
		}
	}
	return all
}

func sum[T any](all []T, of func(T) int) func() int {
	return func() (n int) {
		for _, one := range all {
			n += of(one)
		}
		return n
	}
}

func roomOperations(rooms []*aa.ControlRoom) []operation {
	row := func(op server.Operation, things string) operation {
		calls := sum(rooms, func(r *aa.ControlRoom) int { return r.Counts().Total(op) })
		made := sum(rooms, func(r *aa.ControlRoom) int { return r.Counts().Effects[op] })
		return operation{string(op), calls(), made(), things}
	}
	return []operation{row(aa.AddWorkItems, "work items"), row(aa.Deploy, "runs of a bot")}
}

func roomKinds(a360, e11 *aa.ControlRoom) []*kind {
	items := func(r *aa.ControlRoom) func() []string {
		return func() []string {
			return taking(r.WorkItems(), func(aa.WorkItem) bool { return true }, func(i aa.WorkItem) string { return i.Reference })
		}
	}
	runs := func() []string {
		return taking(a360.Deployments(), func(aa.Deployment) bool { return true }, func(d aa.Deployment) string { return d.Reference })
	}
	return []*kind{
		{subject: "jobs.tickets.new", id: "ticket-%06d", share: 1, body: workItem(12), try: tryItem, other: workItem(99), repeats: true, things: "work items", made: items(a360)},
		{subject: "jobs.orders.new", id: "order-%06d", share: 1, body: workItem(12), try: tryItem, other: workItem(99), repeats: true, things: "work items", made: items(e11)},
		{subject: "jobs.bots.new", id: "bot-%06d", share: 1, body: start(1250), try: tryStart, other: start(9999), repeats: true, things: "runs", made: runs},
	}
}

func workItem(amount int) func(id string) string {
	return func(id string) string {
		return fmt.Sprintf(`{"id": %q, "content": {"Vendor": "ACME", "Amount": %d}}`, id, amount)
	}
}

var roomBad = []badRequest{
	{"jobs.tickets.new", "undecodable", `not a request`},
	{"jobs.tickets.new", "invalid_request", `{"id": "ID", "folder": "Finance/AP"}`},
	{"jobs.tickets.new", "invalid_request", `{"id": "ID", "priority": "high"}`},
	{"jobs.tickets.new", "invalid_request", `{"id": "ID", "content": {"Reference": "of somebody else"}}`},
	{"jobs.tickets.new", "not_allowed", `{"id": "ID", "queue": "Payroll"}`},
	{"jobs.tickets.new", "not_found", `{"id": "ID", "queue": "` + missing + `"}`},
	{"jobs.tickets.new", "rejected", `{"id": "ID", "queue": "` + twins + `"}`},
	{"jobs.bots.new", "not_allowed", `{"id": "ID", "options": {"callbackInfo": {"url": "https://example.com"}}}`},
}
