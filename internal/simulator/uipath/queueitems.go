package uipath

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

type addQueueItemBody struct {
	ItemData *itemData `json:"itemData"`
}

// itemData is QueueItemDataDto. A member that is null counts as not there.
type itemData struct {
	Name              string
	Priority          priority
	SpecificContent   jsontext.Value
	DeferDate         stamp
	DueDate           stamp
	RiskSlaDate       stamp
	Reference         string
	Progress          string
	Source            *string
	ParentOperationID string `json:"ParentOperationId"`
}

var errType = errors.New("value of another type than the model's")

// priority is High, Normal or Low.
type priority string

func (p *priority) UnmarshalText(text []byte) error { return choose(p, text, priorities) }

var priorities = []string{"High", "Normal", "Low"}

// choose sets an enumeration to one of its names, letter by letter.
func choose[T ~string](into *T, text []byte, names []string) error {
	if !slices.Contains(names, string(text)) {
		return errType
	}
	*into = T(text)
	return nil
}

// stamp is a date and time of RFC 3339, kept in UTC and in steps of 100 ns. The
// time is not embedded: it would bring a more lenient UnmarshalJSON along.
type stamp struct{ at time.Time }

func (s *stamp) UnmarshalText(text []byte) error {
	if err := s.at.UnmarshalText(text); err != nil {
		return errType
	}
	s.at = s.at.UTC().Truncate(100 * time.Nanosecond)
	return nil
}

// addQueueItem is POST /odata/Queues/UiPathODataSvc.AddQueueItem.
func (o *Orchestrator) addQueueItem(c *call) answer {
	fields, refused := o.options(c, itemSet.names())
	if refused != nil {
		return *refused
	}
	o.tenant.mu.RLock()
	_, missing := o.tenant.folderOf(c.header)
	o.tenant.mu.RUnlock()
	if missing != nil {
		return c.refuse(missing)
	}
	var body addQueueItemBody
	if refused := c.decode(&body, "itemData"); refused != nil {
		return *refused
	}
	if body.ItemData == nil || !body.ItemData.wellTyped() {
		return c.mustNotBeNull("itemData")
	}
	o.noteSource(c, body.ItemData.Source != nil)
	item, invalid := o.draft(body.ItemData)
	if invalid == nil {
		invalid = c.failing(body.ItemData.Reference)
	}
	if invalid != nil {
		return c.refuse(invalid)
	}
	item, invalid = o.storeItem(c, body.ItemData.Name, item)
	if invalid != nil {
		return c.refuse(invalid)
	}
	return o.entity(http.StatusCreated, appendEntity(nil, itemSet, &item, o.context("QueueItems/$entity"), fields.selected))
}

// storeItem commits one item under the lock.
func (o *Orchestrator) storeItem(c *call, queueName string, item Item) (Item, *refusal) {
	s := o.tenant
	s.mu.Lock()
	defer s.mu.Unlock()
	f, missing := s.folderOf(c.header)
	if missing != nil {
		return Item{}, missing
	}
	q, missing := f.queue(queueName)
	if missing != nil {
		return Item{}, missing
	}
	if refused := q.check(&item); refused != nil {
		return Item{}, refused
	}
	row := s.addItem(f, q, item)
	c.effects++
	return row.Item, nil
}

func (f *folder) queue(name string) (*queue, *refusal) {
	if q := f.queues[fold(name)]; q != nil {
		return q, nil
	}
	return nil, &refusal{status: http.StatusNotFound, code: codeItemNotFound, name: "ItemNotFound", message: name + " does not exist."}
}

// wellTyped reports whether SpecificContent is an object or absent; the other
// members were judged while they were read.
func (d *itemData) wellTyped() bool {
	switch d.SpecificContent.Kind() {
	case 0, 'n', '{':
		return true
	default:
		return false
	}
}

// draft checks what can be checked without the queue.
func (o *Orchestrator) draft(d *itemData) (Item, *refusal) {
	switch {
	case longer(d.Reference, maxReference):
		return Item{}, tooLong("Reference", maxReference)
	case longer(d.ParentOperationID, maxReference):
		return Item{}, tooLong("ParentOperationId", maxReference)
	case d.Source != nil && !slices.Contains(itemSources, *d.Source):
		return Item{}, invalidArgument("The field Source must match the regular expression '" + strings.Join(itemSources, "|") + "'.")
	}
	item := Item{
		Reference: strings.TrimLeftFunc(d.Reference, unicode.IsSpace), Priority: string(d.Priority), Status: "New",
		DeferDate: d.DeferDate.at, DueDate: d.DueDate.at, RiskSLADate: d.RiskSlaDate.at,
		Progress: d.Progress, ParentOperationID: d.ParentOperationID,
		// The database keeps milliseconds: an item may seem older than the call that made it.
		Created: o.now().UTC().Truncate(time.Millisecond),
	}
	setDefault(&item.Priority, "Normal")
	if d.Source != nil {
		item.Source = *d.Source
	}
	if d.SpecificContent.Kind() != '{' {
		return item, nil
	}
	content, refused := storeContent(d.SpecificContent)
	if refused != nil {
		return Item{}, refused
	}
	if len(content) > o.settings.ContentLimit && units(string(content)) > o.settings.ContentLimit {
		return Item{}, &refusal{status: http.StatusRequestEntityTooLarge, name: "QueueItemContentSizeExceeded", message: "Payload Too Large"}
	}
	item.Content = rewrite(content)
	return item, nil
}

var itemSources = []string{"Manual", "Apps", "ProcessOrchestration"}

// check judges an item by the rules of its queue.
func (q *queue) check(item *Item) *refusal {
	for _, name := range q.Required {
		if _, ok := item.Fields()[name]; !ok {
			// The status of a violated schema is not documented; 409 is the one of
			// test data queues, and easily taken for a duplicate.
			return &refusal{status: http.StatusConflict, name: "QueueItemSchemaViolationException",
				message: "Required properties are missing from object: " + name + "."}
		}
	}
	if !q.UniqueReference {
		return nil
	}
	if item.Reference == "" {
		return &refusal{status: http.StatusBadRequest, code: codeReferenceRequired, name: "TransactionReferenceRequired",
			message: "Error creating Transaction. Reference is required for Unique Reference Queues."}
	}
	if !q.BrokenIndex && q.holds(item.Reference) {
		return duplicateReference
	}
	return nil
}

var duplicateReference = &refusal{status: http.StatusConflict, code: codeDuplicateReference, name: "DuplicateReference",
	message: "Error creating Transaction. Duplicate Reference."}

func tooLong(field string, limit int) *refusal {
	return invalidArgument("The field " + field + " must be a string with a maximum length of " + strconv.Itoa(limit))
}

func invalidArgument(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: codeInvalidArgument, name: "ParameterInvalid", message: message}
}

// noteSource keeps book of a member that the worker must never send.
func (o *Orchestrator) noteSource(c *call, sent bool) {
	if sent {
		o.books.violate(string(c.op) + ": Source was sent")
	}
}
