package automationanywhere

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// addItem adds a work item.
func (c *Connector) addItem(ctx context.Context, t orchestrator.Try) orchestrator.Result {
	queue, remembered, none := c.queue(ctx, t.Request)
	if queue == "" {
		return none
	}
	body, err := appendItem(bodyHead(), t.Request)
	if err != nil {
		return unwritable()
	}
	if none, lost := t.Lost(); lost {
		return none
	}
	a := c.postItems(ctx, queue, append(body, "]}"...))
	if rows, ok := readItems(a); ok && len(rows) == 1 {
		receipt := rows[0].receipt()
		c.own(t.Request, receipt)
		return delivered(a.Status, receipt)
	}
	r := refine(a, true, ofItem)
	if r.Verdict == job.Rejected && r.Reason == job.NotFound {
		c.queues.Forget(t.Request.Queue, queue)
		if remembered {
			return stale(r, "queue")
		}
	}
	return r
}

func (c *Connector) postItems(ctx context.Context, queue string, body []byte) orchestrator.Answer {
	return c.post(ctx, "AddWorkItems", c.api.itemsOf(queue), body, true)
}

// own notes whose an item is. One whose id is not told has the name of its
// reference: another request of it must not take it for its own.
func (c *Connector) own(r *job.Request, receipt job.Receipt) {
	if receipt.ID != "" {
		lookup.Take(&c.items, r.ID, storedItem{receipt: receipt})
		return
	}
	lookup.Take(&c.items, r.ID, anonymousOf(r))
}

// anonymous is an item of which only the queue and the reference are known.
type anonymous string

func anonymousOf(r *job.Request) anonymous {
	return anonymous(r.Queue + "\x00" + r.ReferenceColumn + "\x00" + r.Reference)
}

// Names gives the one that it has.
func (a anonymous) Names() []string { return []string{string(a)} }

func unwritable() orchestrator.Result {
	return orchestrator.Result{Outcome: job.Reject(job.InvalidRequest, "content: cannot be written as JSON")}
}

// bodyHead is the body of an add up to the first item.
func bodyHead() []byte { return append(make([]byte, 0, 1<<10), `{"workItems":[`...) }

// appendItem writes an item as JSON. The values of its content are valid JSON
// already, and are copied as they were written. Names are in order: the same
// request is always the same bytes.
func appendItem(b []byte, r *job.Request) ([]byte, error) {
	content := contentOf(r)
	b = append(b, `{"json":{`...)
	for i, name := range slices.Sorted(maps.Keys(content)) {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = jsontext.AppendQuote(b, name); err != nil {
			return b, err
		}
		b = append(append(b, ':'), content[name]...)
	}
	return append(b, "}}"...), nil
}

// contentOf is the request's content with its reference in the column for it.
func contentOf(r *job.Request) job.Fields {
	if r.ReferenceColumn == "" {
		return r.Content
	}
	if _, there := r.Content[r.ReferenceColumn]; there {
		return r.Content // the same: it was checked
	}
	content := make(job.Fields, len(r.Content)+1)
	maps.Copy(content, r.Content)
	quoted, err := jsontext.AppendQuote(nil, r.Reference)
	_ = err // a reference is valid text, or is made so
	content[r.ReferenceColumn] = quoted
	return content
}

var _ orchestrator.Batcher = (*Connector)(nil)

// BatchKey has the items of one queue go together. A deployment goes alone.
func (c *Connector) BatchKey(r *job.Request) (orchestrator.BatchKey, bool) {
	if r.Action != job.AddQueueItem {
		return orchestrator.BatchKey{}, false
	}
	const others = 64 // names, quotes and commas
	size := others + len(r.Reference) + r.Content.Size() + len(`"":,`)*len(r.Content)
	return orchestrator.BatchKey{Group: r.Queue + "\x00" + r.ReferenceColumn, Name: r.Reference, Size: size}, true
}

// SubmitBatch adds the items with one call. Whether the product takes all of them
// or none is not promised.
func (c *Connector) SubmitBatch(ctx context.Context, tries []*orchestrator.Try) []orchestrator.Result {
	results := make([]orchestrator.Result, len(tries))
	queue, _, none := c.queue(ctx, tries[0].Request)
	if queue == "" {
		for i := range results {
			results[i] = none
		}
		return results
	}
	body, sent := bodyHead(), make([]int, 0, len(tries))
	for i, t := range tries {
		end := len(body)
		longer, err := appendItem(body, t.Request)
		if err != nil {
			results[i] = unwritable()
			continue
		}
		if lost, is := t.Lost(); is {
			results[i], body = lost, longer[:end]
			continue
		}
		longer = append(longer, ',')
		body, sent = longer, append(sent, i)
	}
	if len(sent) == 0 {
		return results
	}
	body = append(body[:len(body)-1], "]}"...) // over the last comma
	a := c.postItems(ctx, queue, body)
	together := make([]*job.Request, len(sent))
	for n, i := range sent {
		together[n] = tries[i].Request
	}
	for n, r := range c.batchResults(a, together) {
		results[sent[n]] = r
	}
	if a.Status == http.StatusNotFound {
		c.queues.Forget(tries[0].Request.Queue, queue)
	}
	return results
}
