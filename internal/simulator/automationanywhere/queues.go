package automationanywhere

import (
	"slices"
	"strconv"
	"strings"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// Queue is a queue of work items.
type Queue struct {
	ID   int64
	Name string
	// Columns are those of its work-item model; must not be changed.
	Columns []Column
}

// Column is one of a work-item model.
type Column struct {
	Name string
	Type ColumnType // empty: Text
	// Display is N where the column is shown as colN. 0: it is not shown.
	Display int
	// Reference is the column that the books know an item by.
	Reference bool
}

// maxDisplay is the most columns that a model can show.
const maxDisplay = 10

// AddQueue adds a queue that is in use, with a model of these columns; without
// columns an item of it can have no content. Names of queues are not checked, so
// that a list can hold what should be unique twice.
func (o *ControlRoom) AddQueue(name string, columns ...Column) Queue {
	shown := map[int]bool{}
	for _, column := range columns {
		if column.Display < 0 || column.Display > maxDisplay || column.Display > 0 && shown[column.Display] {
			panic("automationanywhere: " + column.Name + " cannot be shown there") // a test's own mistake
		}
		shown[column.Display] = true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	q := Queue{ID: o.nextID(), Name: name, Columns: slices.Clone(columns)}
	o.queues = append(o.queues, q)
	return q
}

// RemoveQueue takes the queues of a name away, letter by letter. Their items stay
// in the books.
func (o *ControlRoom) RemoveQueue(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queues = slices.DeleteFunc(o.queues, func(q Queue) bool { return q.Name == name })
}

// nextID is shared by everything that has a number, so that an id of one kind is
// never good for another. The lock is held.
func (o *ControlRoom) nextID() int64 {
	o.lastID++
	return o.lastID
}

// id is a number as the generation writes it: Enterprise 11 has its numbers as
// texts.
func (o *ControlRoom) id(n int64) any {
	if o.settings.Generation == E11 || o.settings.TextIDs {
		return strconv.FormatInt(n, 10)
	}
	return n
}

func (o *ControlRoom) listQueues(c *server.Call, _ Account) server.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	return list(o, c, table[Queue]{
		fields: []string{"id", "name", "status", "description"},
		get: func(q Queue, field string) string {
			return map[string]string{"id": strconv.FormatInt(q.ID, 10), "name": q.Name, "status": "IN_USE"}[field]
		},
		show: func(q Queue) map[string]any {
			return map[string]any{
				"id": o.id(q.ID), "name": q.Name, "status": "IN_USE", "description": "",
				"workItemModelId": o.id(3), "tenantId": "1", "version": o.id(24),
			}
		},
	}, o.queues)
}

// queueOf finds the queue whose id stands in the path, for an account that may
// use it. The lock is held.
func (o *ControlRoom) queueOf(c *server.Call, a Account) (Queue, *server.Answer) {
	id := strings.Split(c.Path, "/")[4]
	i := slices.IndexFunc(o.queues, func(q Queue) bool { return strconv.FormatInt(q.ID, 10) == id })
	if i < 0 {
		refused := notFound("Queue")
		return Queue{}, &refused
	}
	if slices.Contains(a.ForbiddenQueues, o.queues[i].Name) {
		refused := forbidden()
		return Queue{}, &refused
	}
	return o.queues[i], nil
}
