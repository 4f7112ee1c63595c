package veeam

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// row is a plan as the lists show it.
func (p *plan) row() map[string]string {
	return map[string]string{
		"id": p.ID, "name": p.Name, "planType": p.Type, "planMode": p.mode(), "state": string(p.state), "stateName": p.state.name(),
	}
}

// getPlan is GET /Plans/{id}.
func (o *Orchestrator) getPlan(c *server.Call, _ session) server.Answer {
	options, err := server.Parameters(c.Query)
	for name, value := range options {
		if _, wrong := strconv.ParseBool(value); wrong != nil || name != "includeEditingChanges" {
			err = strconv.ErrSyntax
		}
	}
	if err != nil {
		return o.message(http.StatusBadRequest, "The query could not be read.")
	}
	return o.onePlan(c, func(p *plan, _ time.Time) map[string]any {
		whole := map[string]any{"description": "", "recoveryLocationId": recoveryLocation}
		for name, value := range p.row() {
			whole[name] = value
		}
		return whole
	})
}

// listPlans is GET /Plans. A page has at most Settings.MaxPage plans, whatever
// limit says: that it is obeyed without bounds is not documented.
func (o *Orchestrator) listPlans(c *server.Call, _ session) server.Answer {
	query, err := o.readListQuery(c.Query)
	if err != nil {
		return o.message(http.StatusBadRequest, "The query could not be read.")
	}
	rows := []map[string]string{}
	o.library.each(func(p *plan, _ time.Time) {
		if row := p.row(); (!query.onlyEnabled || !p.Disabled) && passes(row, query.filter) {
			rows = append(rows, row)
		}
	})
	total := len(rows)
	rows = rows[min(query.start, total):]
	rows = rows[:min(query.limit, o.settings.MaxPage, len(rows))]
	return server.JSON(http.StatusOK, map[string]any{"total": total, "data": rows})
}

type listQuery struct {
	start, limit int
	onlyEnabled  bool
	filter       []condition
}

// condition is one element of a list's filter.
type condition struct {
	Property string `json:"property"`
	Operator string `json:"operator"`
	Value    string `json:"value"`
}

// readListQuery reads the options of a list. sort is known and has no effect:
// plans come in the order of their making.
func (o *Orchestrator) readListQuery(text string) (listQuery, error) {
	q := listQuery{limit: o.settings.MaxPage}
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
			q.filter, wrong = o.readFilter(value)
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

// readFilter reads the conditions and leaves out those that are ignored. Of the
// documented operators it has == and != alone, and no list of values.
func (o *Orchestrator) readFilter(text string) ([]condition, error) {
	var all []condition
	if err := json.Unmarshal([]byte(text), &all, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	known := (&plan{}).row()
	var kept []condition
	for _, c := range all {
		if _, ok := known[c.Property]; !ok || c.Operator != "==" && c.Operator != "!=" {
			return nil, strconv.ErrSyntax
		}
		if c.Property == "name" {
			switch o.settings.NameFilter {
			case RefusesNames:
				return nil, strconv.ErrSyntax
			case IgnoresNames:
				continue
			}
		}
		kept = append(kept, c)
	}
	return kept, nil
}

// passes reports whether a row meets every condition. Letters do not count, so
// that a filter by name can give plans of nearly that name.
func passes(row map[string]string, filter []condition) bool {
	for _, c := range filter {
		if strings.EqualFold(row[c.Property], c.Value) != (c.Operator == "==") {
			return false
		}
	}
	return true
}
