package uipath

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// queueDefinition is what is used of QueueDefinitionDto.
type queueDefinition struct {
	ID                     code `json:"Id"`
	Name                   string
	EnforceUniqueReference bool
}

// queueKey has names as the product compares them: without case.
type queueKey struct{ folder, queue string }

func keyOf(folder, queue string) queueKey {
	return queueKey{strings.ToLower(folder), strings.ToLower(strings.TrimSpace(queue))}
}

// queue finds a queue's definition. Where there is none the result says what
// came of the look-up, with the zero Outcome if no row, or several, bear the name.
func (c *Connector) queue(ctx context.Context, folder, name string) (queueDefinition, bool, orchestrator.Result) {
	if d, ok := c.queues.Get(keyOf(folder, name)); ok {
		return d, true, orchestrator.Result{}
	}
	a := c.Client.Do(ctx, orchestrator.Call{
		Operation: "GetQueueDefinitions", Method: http.MethodGet,
		Path: "/odata/QueueDefinitions" + query(
			"$filter", "Name eq "+quote(strings.TrimSpace(name)), "$select", "Id,Name,EnforceUniqueReference", "$top", "10"),
		Header: c.header(folder),
	})
	rows, ok := readList[queueDefinition](a)
	if !ok {
		return queueDefinition{}, false, c.refine(a, false)
	}
	well := orchestrator.Result{Health: orchestrator.Well}
	d, ok := only(rows, name)
	if !ok {
		return queueDefinition{}, false, well
	}
	c.queues.Put(keyOf(folder, name), d)
	return d, true, well
}

// forgetQueue drops what is known of the request's queue, which was refused.
func (c *Connector) forgetQueue(r *job.Request) {
	name := keyOf(r.Folder, r.Queue)
	if d, ok := c.queues.Get(name); ok {
		c.queues.Forget(name, d)
	}
}

// only is the one row of that name: a server may ignore the filter.
func only(rows []queueDefinition, name string) (found queueDefinition, ok bool) {
	for _, row := range rows {
		if !strings.EqualFold(strings.TrimSpace(row.Name), strings.TrimSpace(name)) {
			continue
		}
		if ok && row.ID != found.ID {
			return queueDefinition{}, false
		}
		found, ok = row, true
	}
	return found, ok
}

// readList takes the answer to a GET of an entity set.
func readList[T any](a orchestrator.Answer) ([]T, bool) {
	var list struct {
		Value *[]T
	}
	if !a.Succeeded() || json.Unmarshal(a.Body, &list) != nil || list.Value == nil {
		return nil, false
	}
	return *list.Value, true
}

// quote writes an OData string literal.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// escape writes text for a URL's query. A space is %20: not every OData server
// takes a plus for one.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// query writes pairs of names and values.
func query(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(pairs[i] + "=" + escape(pairs[i+1]))
	}
	return b.String()
}
