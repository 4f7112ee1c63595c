package uipath

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

var _ orchestrator.Batcher = (*Connector)(nil)

// BatchKey has the items of one queue of one folder go together. A job does not:
// StartJobs starts several of one process alone.
func (c *Connector) BatchKey(r *job.Request) (orchestrator.BatchKey, bool) {
	if r.Action != job.AddQueueItem {
		return orchestrator.BatchKey{}, false
	}
	q := keyOf(r.Folder, r.Queue)
	return orchestrator.BatchKey{Group: q.folder + "\x00" + q.queue, Name: fold(r.Reference), Size: itemLength(r)}, true
}

// itemLength is about how many bytes an item has in a body.
func itemLength(r *job.Request) int {
	const others = 200 // its other members, at their longest
	return others + len(r.Reference) + contentLength(r.Content) + len(`"":,`)*len(r.Content)
}

// bulk is one call for several items.
type bulk struct {
	c     *Connector
	tries []orchestrator.Try
	body  []byte
}

// SubmitBatch adds the items with one call, each independently of the others.
func (c *Connector) SubmitBatch(ctx context.Context, tries []orchestrator.Try) []orchestrator.Result {
	results := make([]orchestrator.Result, len(tries))
	items := make([][]byte, len(tries))
	for i, t := range tries {
		items[i], results[i] = marshalOne(t.Request)
	}
	b := bulk{c: c, body: bulkHead(tries[0].Request.Queue)}
	var sent []int // the numbers, in tries, of the items in the body
	for i, t := range tries {
		if items[i] == nil {
			continue
		}
		if lost, is := t.Lost(); is {
			results[i] = lost
			continue
		}
		sent = append(sent, i)
		b.add(t, items[i])
	}
	if len(sent) == 0 {
		return results
	}
	for n, r := range b.send(ctx) {
		results[sent[n]] = r
	}
	return results
}

// marshalOne writes an item, or says that it cannot be written.
func marshalOne(r *job.Request) (item []byte, refused orchestrator.Result) {
	data := newItem(r)
	data.Name = "" // the body names the queue
	item, err := appendItem(nil, data)
	if err != nil {
		return nil, unwritable()
	}
	return item, orchestrator.Result{}
}

// bulkHead is the body up to the first item. QueueItems is an array of
// QueueItemDataDto of the v20 definition.
func bulkHead(queue string) []byte {
	name, _ := json.Marshal(queue) // text can always be written
	head := append([]byte(`{"queueName":`), name...)
	return append(head, `,"commitType":"ProcessAllIndependently","queueItems":[`...)
}

func (b *bulk) add(t orchestrator.Try, item []byte) {
	if len(b.tries) > 0 {
		b.body = append(b.body, ',')
	}
	b.tries, b.body = append(b.tries, t), append(b.body, item...)
}

func (b *bulk) send(ctx context.Context) []orchestrator.Result {
	b.body = append(b.body, "]}"...)
	a := b.c.Client.Do(ctx, orchestrator.Call{
		Operation: "BulkAddQueueItems", Method: http.MethodPost, Path: "/odata/Queues/UiPathODataSvc.BulkAddQueueItems",
		Header: b.c.header(b.tries[0].Request.Folder), Body: b.body, Acts: true,
	})
	return b.results(a)
}
