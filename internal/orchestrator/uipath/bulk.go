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
	const others = 200 // its other members, at their longest, and the names of the options
	return others + len(r.Reference) + r.Content.Size() + len(`"":,`)*len(r.Content) + r.Options.Size()
}

// bulk is one call for several items.
type bulk struct {
	c       *Connector
	tries   []*orchestrator.Try // those in the body
	results []*orchestrator.Result
	body    []byte
}

// SubmitBatch adds the items with one call, each independently of the others.
func (c *Connector) SubmitBatch(ctx context.Context, tries []*orchestrator.Try) []orchestrator.Result {
	results := make([]orchestrator.Result, len(tries))
	b := bulk{c: c, body: bulkHead(tries), tries: make([]*orchestrator.Try, 0, len(tries)), results: make([]*orchestrator.Result, 0, len(tries))}
	items := make([][]byte, len(tries)) // parts of the body, each with a comma behind it
	end := b.body
	for i := range tries {
		begin := len(end)
		var ok bool
		if end, ok = appendOne(end, tries[i].Request); !ok {
			results[i] = unwritable()
			continue
		}
		items[i] = end[begin:]
	}
	for i := range tries {
		if items[i] == nil {
			continue
		}
		if lost, is := tries[i].Lost(); is {
			results[i] = lost
			continue
		}
		b.add(tries[i], &results[i], items[i])
	}
	if len(b.tries) > 0 {
		b.send(ctx)
	}
	return results
}

// appendOne writes an item and a comma. What cannot be written leaves nothing.
func appendOne(b []byte, r *job.Request) (longer []byte, ok bool) {
	data := newItem(r)
	data.Name = "" // the body names the queue
	longer, err := appendItem(b, data)
	if err != nil {
		return b, false
	}
	return append(longer, ','), true
}

// bulkHead is the body up to the first item, with room for all of them.
// QueueItems is an array of QueueItemDataDto of the v20 definition.
func bulkHead(tries []*orchestrator.Try) []byte {
	name, _ := json.Marshal(tries[0].Request.Queue) // text can always be written
	room := 100 + len(name)
	for i := range tries {
		room += itemLength(tries[i].Request)
	}
	head := append(make([]byte, 0, room), `{"queueName":`...)
	head = append(head, name...)
	return append(head, `,"commitType":"ProcessAllIndependently","queueItems":[`...)
}

// add moves an item to the end of the body: over those before it that were lost.
func (b *bulk) add(t *orchestrator.Try, r *orchestrator.Result, item []byte) {
	b.tries, b.results, b.body = append(b.tries, t), append(b.results, r), append(b.body, item...)
}

// send makes the call, and sets the results.
func (b *bulk) send(ctx context.Context) {
	b.body = append(b.body[:len(b.body)-1], "]}"...) // over the last comma
	a := b.c.Client.Do(ctx, orchestrator.Call{
		Operation: "BulkAddQueueItems", Method: http.MethodPost, Path: "/odata/Queues/UiPathODataSvc.BulkAddQueueItems",
		Header: b.c.header(b.tries[0].Request.Folder), Body: b.body, Acts: true,
	})
	b.judge(a)
}
