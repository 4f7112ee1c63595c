package automationanywhere

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

const stampLayout = "2006-01-02T15:04:05.000Z"

// listWorkItems lists the items of one queue, the oldest first: no other order is
// documented.
func (o *ControlRoom) listWorkItems(c *server.Call, a Account) server.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	q, refused := o.queueOf(c, a)
	if refused != nil {
		return *refused
	}
	fields := []string{"id", "status", "result", "createdOn", "updatedOn"}
	if o.settings.Generation == A360 {
		fields = append(fields, "computedStatus")
	}
	for _, column := range q.Columns {
		if column.Display > 0 {
			fields = append(fields, "col"+strconv.Itoa(column.Display))
		}
	}
	var rows []*WorkItem
	for _, item := range o.items {
		if item.QueueID == q.ID {
			rows = append(rows, item)
		}
	}
	return list(o, c, table[*WorkItem]{
		fields: fields,
		// The documents show substring on a column and nothing else.
		allows: func(field, operator string) bool {
			return !strings.HasPrefix(field, "col") || operator == "substring"
		},
		get:      (*WorkItem).field,
		show:     o.showItem,
		appeared: func(item *WorkItem) time.Time { return item.appeared },
	}, rows)
}

func (i *WorkItem) field(name string) string {
	switch name {
	case "id":
		return strconv.FormatInt(i.ID, 10)
	case "status", "computedStatus":
		return i.Status
	case "createdOn", "updatedOn":
		return i.Created.Format(stampLayout)
	default:
		return i.Columns[name]
	}
}

// showItem writes an item as the generation does.
func (o *ControlRoom) showItem(i *WorkItem) map[string]any {
	shown := map[string]any{
		"id": o.id(i.ID), "createdBy": o.id(1), "createdOn": i.Created.Format(stampLayout), "updatedBy": o.id(0),
		"updatedOn": i.Created.Format(stampLayout), "version": o.id(0), "json": jsontext.Value(i.Content), "result": "",
		"deviceId": o.id(0), "status": i.Status,
	}
	if o.settings.Generation == A360 {
		shown["queueId"], shown["deviceUserId"] = o.id(i.QueueID), o.id(0)
		shown["automationId"], shown["comment"], shown["error"] = nil, "", ""
	}
	for name, value := range i.Columns {
		shown[name] = value
	}
	return shown
}

// PutWorkItem puts an item into a queue as someone else would, past permissions
// and the books of effects. It panics without such a queue, or where the content
// does not fit its model.
func (o *ControlRoom) PutWorkItem(queueID int64, content string) WorkItem {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.queues, func(q Queue) bool { return q.ID == queueID })
	if i < 0 {
		panic("automationanywhere: no such queue")
	}
	item, fault := o.queues[i].draft(jsontext.Value(content))
	if fault != "" {
		panic("automationanywhere: " + fault)
	}
	o.keepItem(item)
	return *item
}

// SetWorkItemStatus changes an item's status, as a robot's work does. Any text is
// one. It reports whether there is such an item.
func (o *ControlRoom) SetWorkItemStatus(id int64, status string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.items, func(item *WorkItem) bool { return item.ID == id })
	if i >= 0 {
		o.items[i].Status = status
	}
	return i >= 0
}

// DeleteWorkItem removes an item from the lists; in the books of effects it stays.
// It reports whether there was one.
func (o *ControlRoom) DeleteWorkItem(id int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := len(o.items)
	o.items = slices.DeleteFunc(o.items, func(item *WorkItem) bool { return item.ID == id })
	return len(o.items) < before
}

// WorkItems are all items, oldest first, those of removed queues included.
func (o *ControlRoom) WorkItems() []WorkItem {
	return o.itemsWith(func(*WorkItem) bool { return true })
}

// WorkItemsByReference are the items of the queues of a name under a reference,
// oldest first, both letter by letter.
func (o *ControlRoom) WorkItemsByReference(queue, reference string) []WorkItem {
	return o.itemsWith(func(i *WorkItem) bool { return i.Queue == queue && i.Reference == reference })
}

func (o *ControlRoom) itemsWith(match func(*WorkItem) bool) []WorkItem {
	o.mu.Lock()
	defer o.mu.Unlock()
	var items []WorkItem
	for _, item := range o.items {
		if match(item) {
			items = append(items, *item)
		}
	}
	return items
}
