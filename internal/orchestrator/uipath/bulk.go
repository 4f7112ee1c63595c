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
	c     *Connector
	tries []orchestrator.Try
	body  []byte
}

// SubmitBatch adds the items with one call, each independently of the others.
func (c *Connector) SubmitBatch(ctx context.Context, tries []orchestrator.Try) []orchestrator.Result {
	results := make([]orchestrator.Result, len(tries))
	b := bulk{c: c, body: bulkHead(tries)}
	items := make([][]byte, len(tries)) // parts of the body, each with a comma behind it
	end := b.body
	for i, t := range tries {
		begin := len(end)
		var ok bool
		if end, ok = appendOne(end, t.Request); !ok {
			results[i] = unwritable()
			continue
		}
		items[i] = end[begin:]
	}
	b.tries = make([]orchestrator.Try, 0, len(tries))
	sent := make([]int, 0, len(tries)) // the numbers, in tries, of the items in the body
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
func bulkHead(tries []orchestrator.Try) []byte {
	name, _ := json.Marshal(tries[0].Request.Queue) // text can always be written
	room := 100 + len(name)
	for _, t := range tries {
		room += itemLength(t.Request)
	}
	head := append(make([]byte, 0, room), `{"queueName":`...)
	head = append(head, name...)
	return append(head, `,"commitType":"ProcessAllIndependently","queueItems":[`...)
}

// add moves an item to the end of the body: over those before it that were lost.
func (b *bulk) add(t orchestrator.Try, item []byte) {
	b.tries, b.body = append(b.tries, t), append(b.body, item...)
}

func (b *bulk) send(ctx context.Context) []orchestrator.Result {
	b.body = append(b.body[:len(b.body)-1], "]}"...) // over the last comma
	a := b.c.Client.Do(ctx, orchestrator.Call{
		Operation: "BulkAddQueueItems", Method: http.MethodPost, Path: "/odata/Queues/UiPathODataSvc.BulkAddQueueItems",
		Header: b.c.header(b.tries[0].Request.Folder), Body: b.body, Acts: true,
	})
	return b.results(a)
}
