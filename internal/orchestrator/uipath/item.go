package uipath

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// itemData is QueueItemDataDto of the v20 definition. Source is left out: it
// tells who made the item by hand, and its values differ between versions.
type itemData struct {
	Name            string     `json:"Name,omitempty"`
	Priority        string     `json:"Priority,omitempty"`
	SpecificContent job.Fields `json:"SpecificContent,omitempty"`
	DeferDate       string     `json:"DeferDate,omitempty"`
	DueDate         string     `json:"DueDate,omitempty"`
	Reference       string     `json:"Reference,omitempty"`
	itemOptions
}

// itemOptions are the fields that a request sets under options.
type itemOptions struct {
	RiskSlaDate       string `json:"RiskSlaDate,omitempty"`
	Progress          string `json:"Progress,omitempty"`
	ParentOperationID string `json:"ParentOperationId,omitempty"`
}

// readItemOptions takes the options of a queue item, of which null is one that is
// not set; name and wrong say what is not right.
func readItemOptions(options job.Fields) (o itemOptions, name, wrong string) {
	for name, value := range options {
		field := o.field(name)
		if field == nil {
			return o, name, "unknown for a queue item; there are RiskSlaDate, Progress and ParentOperationId"
		}
		if json.Unmarshal(value, field) != nil {
			return o, name, "must be text"
		}
	}
	if values.Units(o.ParentOperationID) > maxText {
		return o, "ParentOperationId", fmt.Sprintf("longer than %d characters", maxText)
	}
	if o.RiskSlaDate != "" {
		at, err := time.Parse(time.RFC3339, o.RiskSlaDate)
		if err != nil {
			return o, "RiskSlaDate", "must be a date and time with its zone, as 2026-01-31T06:00:00Z"
		}
		o.RiskSlaDate = date(at)
	}
	return o, "", ""
}

func (o *itemOptions) field(name string) *string {
	switch name {
	case "RiskSlaDate":
		return &o.RiskSlaDate
	case "Progress":
		return &o.Progress
	case "ParentOperationId":
		return &o.ParentOperationID
	}
	return nil
}

var priorities = map[job.Priority]string{job.Low: "Low", job.Normal: "Normal", job.High: "High"}

func newItem(r *job.Request) itemData {
	options, _, _ := readItemOptions(r.Options)
	return itemData{
		Name: r.Queue, Priority: priorities[r.Priority], SpecificContent: r.Content,
		DeferDate: date(r.DeferUntil), DueDate: date(r.DueBy), Reference: r.Reference,
		itemOptions: options,
	}
}

// marshalItem writes the body of an add.
func marshalItem(r *job.Request) ([]byte, error) {
	const head = `{"itemData":`
	room := len(head) + len(`"Name":"",}`) + len(r.Queue) + itemLength(r)
	body, err := appendItem(append(make([]byte, 0, room), head...), newItem(r))
	return append(body, '}'), err
}

// date is in UTC, and as exact as the server stores: 100 ns.
func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(100 * time.Nanosecond).Format("2006-01-02T15:04:05.9999999Z")
}

func (c *Connector) addQueueItem(ctx context.Context, t *orchestrator.Try) orchestrator.Result {
	body, err := marshalItem(t.Request)
	if err != nil {
		return unwritable()
	}
	if r, lost := t.Lost(); lost {
		return r
	}
	a := c.Client.Do(ctx, orchestrator.Call{
		Operation: "AddQueueItem", Method: http.MethodPost, Path: "/odata/Queues/UiPathODataSvc.AddQueueItem",
		Header: c.header(t.Request.Folder), Body: body, Acts: true,
	})
	return c.added(ctx, t, a)
}

// added is what the answer to an add means.
func (c *Connector) added(ctx context.Context, t *orchestrator.Try, a orchestrator.Answer) orchestrator.Result {
	if receipt, ok := readItem(a); ok {
		lookup.Take(&c.items, t.Request.ID, storedItem{receipt: receipt})
		return orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{Verdict: job.Delivered, Status: a.Status, Receipt: receipt, Called: true}}
	}
	r := withNames(c.refine(a, true), t.Request)
	switch r.ErrorCode {
	case codeDuplicateReference:
		return c.taken(ctx, *t, r)
	case codeItemNotFound:
		c.forgetQueue(t.Request)
	}
	return r
}

func unwritable() orchestrator.Result {
	return orchestrator.Result{Outcome: job.Reject(job.InvalidRequest, "content: cannot be written as JSON")}
}

// readItem takes the answer to an add: a QueueItemDto. Its id is a number; text
// is understood as well. Whatever is neither an id nor a key is not kept.
func readItem(a orchestrator.Answer) (job.Receipt, bool) {
	if !a.Succeeded() {
		return job.Receipt{}, false
	}
	number, key, err := readIDs(a.Body)
	if err != nil {
		return job.Receipt{}, false
	}
	var receipt job.Receipt
	if id, err := strconv.ParseInt(string(number), 10, 64); err == nil && id > 0 {
		receipt.ID = strconv.FormatInt(id, 10)
	}
	if values.IsGUID(key) {
		receipt.Key = key
	}
	return receipt, receipt != job.Receipt{}
}
