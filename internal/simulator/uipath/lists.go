package uipath

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// entity is a good answer of the API.
func (o *Orchestrator) entity(status int, body []byte) answer {
	return answer{status: status, contentType: odataJSON, header: odataHeader, body: body}
}

// odataHeader is never changed.
var odataHeader = http.Header{"Odata-Version": {"4.0"}}

func (o *Orchestrator) context(of string) string { return o.URL() + "/odata/$metadata#" + of }

// openList begins a list; a count of -1 is not told.
func (o *Orchestrator) openList(of string, count int) []byte {
	dst := append(make([]byte, 0, 1024), `{"@odata.context":`...)
	dst = appendText(dst, o.context(of))
	if count >= 0 {
		dst = append(dst, `,"@odata.count":`...)
		dst = strconv.AppendInt(dst, int64(count), 10)
	}
	return append(dst, `,"value":[`...)
}

// listing is a list as it is asked for: where its rows are and what they are.
type listing[T any] struct {
	of  string
	set *entitySet[T]
	// rows gives the candidates, oldest first, under the store's lock.
	rows func(f *folder, filter expression) []*T
}

// list answers a list. The rows of the page are copied under the lock and
// written after it.
func list[T any](o *Orchestrator, c *call, l listing[T]) answer {
	opts, refused := o.options(c, l.set.names())
	if refused != nil {
		return *refused
	}
	if c.lens.ignoreFilter {
		opts.filter = nil
	}
	page, total, missing := l.read(o, c, opts)
	if missing != nil {
		return c.refuse(missing)
	}
	if !opts.count {
		total = -1
	}
	out := o.openList(l.of, total)
	for i := range page {
		out = appendRow(out, i, l.set, &page[i], opts.selected)
	}
	return o.entity(http.StatusOK, append(out, "]}"...))
}

func (l listing[T]) read(o *Orchestrator, c *call, opts options) (page []T, total int, missing *refusal) {
	o.tenant.mu.RLock()
	defer o.tenant.mu.RUnlock()
	var f *folder
	if c.route.inFolder {
		if f, missing = o.tenant.folderOf(c.header); missing != nil {
			return nil, 0, missing
		}
	}
	var rows []*T
	for _, row := range l.rows(f, opts.filter) {
		if l.set.matches(opts.filter, row) {
			rows = append(rows, row)
		}
	}
	sortRows(l.set, rows, opts.order)
	total = len(rows)
	rows = rows[min(opts.skip, total):]
	for _, row := range rows[:min(opts.top, len(rows))] {
		page = append(page, *row)
	}
	return page, total, nil
}

func (o *Orchestrator) listQueueItems(c *call) answer {
	return list(o, c, listing[Item]{"QueueItems", itemSet, func(f *folder, filter expression) []*Item {
		references, bound := bounds(filter, "reference")
		var rows []*Item
		for _, row := range f.itemsOf(references, bound) {
			if c.sees(row.appeared) {
				rows = append(rows, &row.Item)
			}
		}
		return rows
	}})
}

func (o *Orchestrator) listJobs(c *call) answer {
	return list(o, c, listing[Job]{"Jobs", jobSet, func(f *folder, filter expression) []*Job {
		references, bound := bounds(filter, "reference")
		var rows []*Job
		for _, row := range f.jobsOf(references, bound) {
			if c.sees(row.appeared) {
				rows = append(rows, &row.Job)
			}
		}
		return rows
	}})
}

// sees reports whether a row is old enough for a list that lags.
func (c *call) sees(appeared time.Time) bool {
	return c.lens.lag == 0 || time.Since(appeared) >= c.lens.lag
}

func (o *Orchestrator) listQueueDefinitions(c *call) answer {
	return list(o, c, listing[Queue]{"QueueDefinitions", queueSet, func(f *folder, _ expression) []*Queue {
		var rows []*Queue
		for _, q := range f.queues {
			rows = append(rows, &q.Queue)
		}
		return byID(rows, func(q *Queue) int64 { return q.ID })
	}})
}

func (o *Orchestrator) listReleases(c *call) answer {
	return list(o, c, listing[Process]{"Releases", processSet, func(f *folder, _ expression) []*Process {
		return f.processes
	}})
}

func (o *Orchestrator) listFolders(c *call) answer {
	return list(o, c, listing[Folder]{"Folders", folderSet, func(*folder, expression) []*Folder {
		var rows []*Folder
		for _, f := range o.tenant.folders {
			rows = append(rows, &f.Folder)
		}
		return rows
	}})
}

func byID[T any](rows []*T, id func(*T) int64) []*T {
	slices.SortFunc(rows, func(a, b *T) int { return int(id(a) - id(b)) })
	return rows
}

// getQueueItem and getJob read one entity. Single reads do not lag.
func (o *Orchestrator) getQueueItem(c *call) answer {
	return get(o, c, itemSet, "QueueItems", func() (Item, int64, bool) {
		if row := o.tenant.items[c.key]; row != nil {
			return row.Item, row.FolderID, true
		}
		return Item{}, 0, false
	})
}

func (o *Orchestrator) getJob(c *call) answer {
	return get(o, c, jobSet, "Jobs", func() (Job, int64, bool) {
		if row := o.tenant.jobs[c.key]; row != nil {
			return row.Job, row.FolderID, true
		}
		return Job{}, 0, false
	})
}

// get answers with the entity that find gives under the store's lock, if it is
// in the folder of the call.
func get[T any](o *Orchestrator, c *call, set *entitySet[T], of string, find func() (T, int64, bool)) answer {
	opts, refused := o.options(c, set.names())
	if refused != nil {
		return *refused
	}
	row, missing := func() (T, *refusal) {
		o.tenant.mu.RLock()
		defer o.tenant.mu.RUnlock()
		f, missing := o.tenant.folderOf(c.header)
		if missing != nil {
			var none T
			return none, missing
		}
		row, folderID, ok := find()
		if !ok || folderID != f.ID {
			return row, &refusal{status: http.StatusNotFound, code: codeItemNotFound,
				message: strconv.FormatInt(c.key, 10) + " does not exist."}
		}
		return row, nil
	}()
	if missing != nil {
		return c.refuse(missing)
	}
	return o.entity(http.StatusOK, appendEntity(nil, set, &row, o.context(of+"/$entity"), opts.selected))
}
