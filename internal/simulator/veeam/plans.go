package veeam

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// Plan is a recovery plan.
type Plan struct {
	ID   string // a UUID
	Name string
	Type string // Restore, Failover, ...
	// Disabled plans cannot be run.
	Disabled bool
}

// AddPlan adds a plan and gives it back with its id and type. Names are not
// checked, so that a list can hold the same one twice.
func (o *Orchestrator) AddPlan(p Plan) Plan {
	fill(&p.ID, server.NewID())
	fill(&p.Type, "Restore")
	o.mu.Lock()
	defer o.mu.Unlock()
	o.plans = append(o.plans, p)
	return p
}

func (p Plan) row() map[string]string {
	mode := "ENABLED"
	if p.Disabled {
		mode = "DISABLED"
	}
	return map[string]string{"id": p.ID, "name": p.Name, "planType": p.Type, "planMode": mode}
}

// condition is one element of a list's filter.
type condition struct {
	Property string `json:"property"`
	Operator string `json:"operator"`
	Value    string `json:"value"`
}

func (o *Orchestrator) listPlans(c *server.Call, _ session) server.Answer {
	query, err := readListQuery(c.Query)
	if err != nil {
		return message(http.StatusBadRequest, "The query could not be read.")
	}
	o.mu.Lock()
	plans := slices.Clone(o.plans)
	o.mu.Unlock()
	rows := []map[string]string{}
	for _, p := range plans {
		passes, ok := p.passes(query)
		if !ok {
			return message(http.StatusBadRequest, "The filter could not be read.")
		}
		if passes {
			rows = append(rows, p.row())
		}
	}
	total := len(rows)
	rows = rows[min(query.start, total):]
	return server.JSON(http.StatusOK, map[string]any{"total": total, "data": rows[:min(query.limit, len(rows))]})
}

type listQuery struct {
	start, limit int
	onlyEnabled  bool
	filter       []condition
}

// readListQuery reads the options of a list. sort is known and has no effect:
// plans come in the order of their making.
func readListQuery(text string) (listQuery, error) {
	q := listQuery{limit: 100}
	options, err := server.Parameters(text)
	for name, value := range options {
		var wrong error
		switch name {
		case "start":
			q.start, wrong = natural(value)
		case "limit":
			q.limit, wrong = natural(value)
		case "onlyEnabled":
			q.onlyEnabled, wrong = strconv.ParseBool(value)
		case "filter":
			wrong = json.Unmarshal([]byte(value), &q.filter, json.RejectUnknownMembers(true))
		case "sort":
		default:
			wrong = strconv.ErrSyntax
		}
		if wrong != nil {
			err = wrong
		}
	}
	return q, err
}

func natural(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err
}

func (p Plan) passes(q listQuery) (passes, ok bool) {
	passes = !q.onlyEnabled || !p.Disabled
	row := p.row()
	for _, c := range q.filter {
		value, known := row[c.Property]
		if !known || c.Operator != "==" && c.Operator != "!=" {
			return false, false
		}
		passes = passes && (value == c.Value) == (c.Operator == "==")
	}
	return passes, true
}
