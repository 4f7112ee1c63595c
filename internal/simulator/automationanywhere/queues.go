package automationanywhere

import (
	"net/http"
	"strconv"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// Queue is a queue of work items.
type Queue struct {
	ID   int64
	Name string
}

// AddQueue adds a queue that is in use. Names are not checked, so that a list can
// hold what should be unique twice.
func (o *ControlRoom) AddQueue(name string) Queue {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lastID++
	q := Queue{ID: o.lastID, Name: name}
	o.queues = append(o.queues, q)
	return q
}

func (o *ControlRoom) listQueues(c *server.Call) server.Answer {
	var body listModel
	if refused := o.decode(c, &body); refused != nil {
		return *refused
	}
	o.mu.Lock()
	rows := make([]row, len(o.queues))
	for i, q := range o.queues {
		rows[i] = row{"id": strconv.FormatInt(q.ID, 10), "name": q.Name, "status": "IN_USE", "description": ""}
	}
	o.mu.Unlock()
	page, passed, ok := body.take(rows)
	if !ok {
		return envelope(http.StatusBadRequest, codeMalformed, "The filter or the sort could not be read")
	}
	list := make([]any, len(page))
	for i, r := range page {
		list[i] = o.queueRow(r)
	}
	offset := 0
	if body.Page != nil {
		offset = body.Page.Offset
	}
	return server.JSON(http.StatusOK, map[string]any{
		"page": map[string]any{"offset": offset, "total": len(rows), "totalFilter": passed},
		"list": list,
	})
}

// queueRow writes a queue as the generation does: Enterprise 11 has its numbers
// as texts.
func (o *ControlRoom) queueRow(r row) map[string]any {
	shown := map[string]any{
		"id": r["id"], "name": r["name"], "status": r["status"], "description": r["description"],
		"workItemModelId": "3", "tenantId": "1", "version": "24",
	}
	if o.settings.Generation == A360 {
		id, _ := strconv.ParseInt(r["id"], 10, 64)
		shown["id"], shown["workItemModelId"], shown["version"] = id, 3, 24
	}
	return shown
}
