package uipath

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// itemData is QueueItemDataDto of the v20 definition. Source is left out: it
// tells who made the item by hand, and its values differ between versions.
type itemData struct {
	Name            string     `json:"Name"`
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

// readItemOptions takes the options of a queue item; name and wrong say what is
// not right.
func readItemOptions(options job.Fields) (o itemOptions, name, wrong string) {
	for name, value := range options {
		var text string
		if json.Unmarshal(value, &text) != nil {
			return o, name, "must be text"
		}
		switch name {
		case "RiskSlaDate":
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return o, name, "must be a date and time with its zone, as 2026-01-31T06:00:00Z"
			}
			o.RiskSlaDate = date(at)
		case "Progress":
			o.Progress = text
		case "ParentOperationId":
			if units(text) > maxText {
				return o, name, fmt.Sprintf("longer than %d characters", maxText)
			}
			o.ParentOperationID = text
		default:
			return o, name, "unknown for a queue item; there are RiskSlaDate, Progress and ParentOperationId"
		}
	}
	return o, "", ""
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

// date is in UTC, and as exact as the server stores: 100 ns.
func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(100 * time.Nanosecond).Format("2006-01-02T15:04:05.9999999Z")
}

func (c *Connector) addQueueItem(ctx context.Context, t orchestrator.Try) orchestrator.Result {
	body, err := json.Marshal(struct {
		ItemData itemData `json:"itemData"`
	}{newItem(t.Request)})
	if err != nil {
		return orchestrator.Result{Outcome: job.Reject(job.InvalidRequest, "content: cannot be written as JSON")}
	}
	a := c.Client.Do(ctx, orchestrator.Call{
		Operation: "AddQueueItem", Method: http.MethodPost, Path: "/odata/Queues/UiPathODataSvc.AddQueueItem",
		Header: c.header(t.Request.Folder), Body: body, Acts: true,
	})
	if receipt, ok := readItem(a); ok {
		return orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{Verdict: job.Delivered, Status: a.Status, Receipt: receipt, Called: true}}
	}
	r := c.refine(a, true)
	switch r.ErrorCode {
	case codeDuplicateReference:
		r.Outcome = duplicate(r.Outcome, t)
	case codeItemNotFound:
		c.queues.forget(t.Request.Folder, t.Request.Queue)
	}
	return r
}

// readItem takes the answer to an add: a QueueItemDto. Its id is a number; text
// is understood as well.
func readItem(a orchestrator.Answer) (job.Receipt, bool) {
	if a.Err != nil || a.Status < 200 || a.Status > 299 {
		return job.Receipt{}, false
	}
	var item struct {
		ID  code
		Key string
	}
	if json.Unmarshal(a.Body, &item) != nil || (item.ID == "" || item.ID == "0") && item.Key == "" {
		return job.Receipt{}, false
	}
	return job.Receipt{ID: string(item.ID), Key: item.Key}, true
}

// duplicate decides about a reference that is taken: by an earlier try of ours,
// or by somebody else.
func duplicate(o job.Outcome, t orchestrator.Try) job.Outcome {
	if t.Again || !t.FirstTry.IsZero() || t.AcceptDuplicate {
		o.Verdict, o.Reason, o.Detail = job.Duplicate, "", ""
		return o
	}
	o.Verdict, o.Reason = job.Rejected, job.ReferenceConflict
	o.Detail = "reference: the queue has an item of this reference, which this request did not make"
	return o
}
