package automationanywhere

import (
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf16"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// WorkItem is an item of a queue as the books show it.
type WorkItem struct {
	ID      int64
	QueueID int64
	Queue   string
	// Reference is the text of the model's reference column, empty without one.
	Reference string
	Status    string
	// Content is its json as the server keeps it: members in order, numbers as
	// float64. Must not be changed.
	Content []byte
	// Columns are the display columns, by their colN. Must not be changed.
	Columns map[string]string
	Created time.Time // on the server's clock, in milliseconds

	appeared time.Time // on our own
}

// addModel is the body of an add (Enterprise 11, Workload Management API;
// Automation 360, Add work items to a queue).
type addModel struct {
	WorkItems []struct {
		JSON jsontext.Value `json:"json"`
	} `json:"workItems"`
}

// maxShown is the longest value of a display column, in UTF-16 units: whether
// characters are counted otherwise is not documented, and this is the strictest.
const maxShown = 1000

// addWorkItems has no device against repetition: every call that is accepted
// makes items.
func (o *ControlRoom) addWorkItems(c *server.Call, a Account) server.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	q, refused := o.queueOf(c, a)
	if refused != nil {
		return *refused
	}
	var body addModel
	if refused := o.decode(c, &body); refused != nil {
		return *refused
	}
	if o.settings.MaxItems > 0 && len(body.WorkItems) > o.settings.MaxItems {
		return envelope(http.StatusBadRequest, codeMalformed, "There are too many work items")
	}
	var drafts []*WorkItem
	for _, item := range body.WorkItems {
		draft, fault := q.draft(item.JSON)
		if fault == "" {
			drafts = append(drafts, draft)
			continue
		}
		if o.settings.Batches == RefuseLate {
			o.store(c, drafts)
		}
		if o.settings.Batches != SkipFaulty {
			return envelope(http.StatusBadRequest, codeMalformed, fault)
		}
	}
	if len(drafts) == 0 {
		return envelope(http.StatusBadRequest, codeMalformed, "No work item could be added")
	}
	o.store(c, drafts)
	return o.added(drafts)
}

// draft reads the content of an item, or says what is wrong with it.
func (q *Queue) draft(content jsontext.Value) (item *WorkItem, fault string) {
	var members map[string]jsontext.Value
	if content.Kind() != '{' || json.Unmarshal(content, &members) != nil {
		return nil, "json must be an object"
	}
	kept := content.Clone()
	if kept.Canonicalize() != nil {
		return nil, "json could not be read"
	}
	item = &WorkItem{QueueID: q.ID, Queue: q.Name, Content: kept, Columns: map[string]string{}}
	for name, value := range members {
		i := slices.IndexFunc(q.Columns, func(column Column) bool { return column.Name == name })
		if i < 0 {
			return nil, "A column is not in the work item model"
		}
		column := q.Columns[i]
		shown, ok := column.Type.read(value)
		if !ok {
			return nil, "A value is not of its column's type"
		}
		if column.Display > 0 {
			if len(utf16.Encode([]rune(shown))) > maxShown {
				return nil, "A displayed value is longer than 1000 characters"
			}
			item.Columns["col"+strconv.Itoa(column.Display)] = shown
		}
		if column.Reference {
			item.Reference = shown
		}
	}
	return item, ""
}

// store puts drafts into their queue and writes them down. The lock is held.
func (o *ControlRoom) store(c *server.Call, drafts []*WorkItem) {
	for _, item := range drafts {
		o.keepItem(item)
		o.Effect(c, item.Reference, strconv.FormatInt(item.ID, 10))
	}
}

func (o *ControlRoom) keepItem(item *WorkItem) {
	item.ID, item.appeared = o.nextID(), time.Now()
	item.Created = o.Now().UTC().Truncate(time.Millisecond)
	if item.Status == "" {
		item.Status = map[Generation]string{E11: "READY_TO_RUN", A360: "NEW"}[o.settings.Generation]
	}
	o.items = append(o.items, item)
}

// added is the answer to an add: a list, or the one item itself.
func (o *ControlRoom) added(items []*WorkItem) server.Answer {
	if len(items) == 1 && o.settings.SingleAnswer {
		return server.JSON(o.made(), o.showItem(items[0]))
	}
	shown := make([]any, len(items))
	for i, item := range items {
		shown[i] = o.showItem(item)
	}
	return server.JSON(o.made(), map[string]any{"list": shown})
}

// made is the status of a call that has made something.
func (o *ControlRoom) made() int {
	if o.settings.Created {
		return http.StatusCreated
	}
	return http.StatusOK
}
