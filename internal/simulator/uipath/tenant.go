package uipath

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// AddQueue makes a queue in a folder, and the folder where there is none. A queue
// of the same name is replaced by an empty one with another id; its items stay
// in the folder.
func (o *Orchestrator) AddQueue(folder, name string, q Queue) Queue {
	s := o.tenant
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.makeFolder(folder)
	q.ID, q.Key, q.Name, q.FolderID, q.Folder = s.id(), newKey(), name, f.ID, f.Path
	q.created = o.now().UTC().Truncate(time.Millisecond)
	f.queues[fold(name)] = &queue{Queue: q, itemsBy: map[string][]*itemRow{}, retired: map[string]bool{}}
	return q
}

// RemoveQueue takes a queue away: adding to it is refused with 1002.
func (o *Orchestrator) RemoveQueue(folder, name string) {
	o.tenant.mu.Lock()
	defer o.tenant.mu.Unlock()
	if f := o.tenant.folderAt(folder); f != nil {
		delete(f.queues, fold(name))
	}
}

// AddProcess makes a process in a folder, and the folder where there is none. One
// of the same name is replaced, under another id and key.
func (o *Orchestrator) AddProcess(folder, name string) Process {
	o.RemoveProcess(folder, name)
	return o.AddNamesake(folder, name)
}

// AddNamesake makes a process as AddProcess does, beside those that bear its
// name: whether names are unique in a folder is not documented.
func (o *Orchestrator) AddNamesake(folder, name string) Process {
	s := o.tenant
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.makeFolder(folder)
	p := &Process{ID: s.id(), Key: newKey(), Name: name, FolderID: f.ID, Folder: f.Path}
	p.created = o.now().UTC().Truncate(time.Millisecond)
	f.processes = append(f.processes, p)
	return *p
}

// RemoveProcess takes the processes of a name away: starting one is refused with
// 1002.
func (o *Orchestrator) RemoveProcess(folder, name string) {
	o.tenant.mu.Lock()
	defer o.tenant.mu.Unlock()
	if f := o.tenant.folderAt(folder); f != nil {
		f.processes = slices.DeleteFunc(f.processes, named(name))
	}
}

func named(name string) func(*Process) bool {
	return func(p *Process) bool { return fold(p.Name) == fold(name) }
}

// AddRobot makes an unattended robot in a folder, for the start strategies that
// name or count robots, and gives its id.
func (o *Orchestrator) AddRobot(folder string) int64 {
	o.tenant.mu.Lock()
	defer o.tenant.mu.Unlock()
	f := o.tenant.makeFolder(folder)
	id := o.tenant.id()
	f.robots = append(f.robots, id)
	return id
}

// AddItem puts an item into a queue as someone else would, past every check. Of
// the item, what identifies it is set here (Key only if it is empty); Priority,
// Status and Created have their usual defaults. ok is false without such a queue.
func (o *Orchestrator) AddItem(folder, queue string, item Item) (added Item, ok bool) {
	o.tenant.mu.Lock()
	defer o.tenant.mu.Unlock()
	f := o.tenant.folderAt(folder)
	if f == nil || f.queues[fold(queue)] == nil {
		return Item{}, false
	}
	setDefault(&item.Priority, "Normal")
	setDefault(&item.Status, "New")
	if item.Created.IsZero() {
		item.Created = o.now().UTC().Truncate(time.Millisecond)
	}
	return o.tenant.addItem(f, f.queues[fold(queue)], item).Item, true
}

// AddJob puts a job of a process into a folder as someone else would. ok is false
// without such a process.
func (o *Orchestrator) AddJob(folder, process string, job Job) (added Job, ok bool) {
	o.tenant.mu.Lock()
	defer o.tenant.mu.Unlock()
	f := o.tenant.folderAt(folder)
	if f == nil || !slices.ContainsFunc(f.processes, named(process)) {
		return Job{}, false
	}
	p := f.processes[slices.IndexFunc(f.processes, named(process))]
	job.Process, job.ProcessKey = p.Name, p.Key
	setDefault(&job.State, "Pending")
	setDefault(&job.Priority, "Normal")
	setDefault(&job.Source, "Manual")
	setDefault(&job.BatchKey, newKey())
	if job.Created.IsZero() {
		job.Created = o.now().UTC().Truncate(time.Millisecond)
	}
	return o.tenant.addJob(f, job).Job, true
}

// Items are all items, oldest first, deleted ones included, purged ones not.
func (o *Orchestrator) Items() []Item {
	o.tenant.mu.RLock()
	defer o.tenant.mu.RUnlock()
	items := make([]Item, 0, len(o.tenant.items))
	for row := range maps.Values(o.tenant.items) {
		items = append(items, row.Item)
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Compare(a.ID, b.ID) })
	return items
}

// ItemsByReference are the items of a queue under a reference, oldest first. Case
// does not count.
func (o *Orchestrator) ItemsByReference(folder, queue, reference string) []Item {
	o.tenant.mu.RLock()
	defer o.tenant.mu.RUnlock()
	f := o.tenant.folderAt(folder)
	if f == nil || f.queues[fold(queue)] == nil {
		return nil
	}
	var items []Item
	for _, row := range f.queues[fold(queue)].itemsBy[fold(reference)] {
		items = append(items, row.Item)
	}
	return items
}

// Jobs are all jobs, oldest first.
func (o *Orchestrator) Jobs() []Job {
	o.tenant.mu.RLock()
	defer o.tenant.mu.RUnlock()
	jobs := make([]Job, 0, len(o.tenant.jobs))
	for row := range maps.Values(o.tenant.jobs) {
		jobs = append(jobs, row.Job)
	}
	slices.SortFunc(jobs, func(a, b Job) int { return cmp.Compare(a.ID, b.ID) })
	return jobs
}

// SetItemStatus changes an item's status, as a robot's work does. It reports
// whether there is such an item and such a status.
func (o *Orchestrator) SetItemStatus(id int64, status string) bool {
	o.tenant.mu.Lock()
	defer o.tenant.mu.Unlock()
	row := o.tenant.items[id]
	if row == nil || !slices.Contains(itemStatuses, status) {
		return false
	}
	row.Status = status
	return true
}

// DeleteItem marks an item as deleted, which sets its reference free.
func (o *Orchestrator) DeleteItem(id int64) bool { return o.SetItemStatus(id, "Deleted") }

// SetJobState changes a job's state. It reports whether there is such a job and
// such a state.
func (o *Orchestrator) SetJobState(id int64, state string) bool {
	o.tenant.mu.Lock()
	defer o.tenant.mu.Unlock()
	row := o.tenant.jobs[id]
	if row == nil || !slices.Contains(jobStates, state) {
		return false
	}
	row.State = state
	return true
}

// RetryItem makes the product's own repetition of an item: the old one becomes
// Retried, a new one bears its key and reference.
func (o *Orchestrator) RetryItem(id int64) (retry Item, ok bool) {
	o.tenant.mu.Lock()
	defer o.tenant.mu.Unlock()
	row := o.tenant.items[id]
	f, q := o.tenant.home(row)
	if q == nil {
		return Item{}, false
	}
	again := row.Item
	row.Status = "Retried"
	again.Status, again.AncestorID = "New", row.ID
	again.RetryNumber++
	again.Created = o.now().UTC().Truncate(time.Millisecond)
	return o.tenant.addItem(f, q, again).Item, true
}

// PurgeItem removes an item as retention does: no list and no read shows it any
// more, but its reference stays taken.
func (o *Orchestrator) PurgeItem(id int64) bool {
	o.tenant.mu.Lock()
	defer o.tenant.mu.Unlock()
	row := o.tenant.items[id]
	f, q := o.tenant.home(row)
	if q == nil {
		return false
	}
	key := fold(row.Reference)
	gone := func(other *itemRow) bool { return other == row }
	f.items = slices.DeleteFunc(f.items, gone)
	q.itemsBy[key] = slices.DeleteFunc(q.itemsBy[key], gone)
	q.retired[key] = true
	delete(o.tenant.items, id)
	return true
}

// home finds where an item lies; q is nil if its queue is gone or row is nil.
func (s *store) home(row *itemRow) (f *folder, q *queue) {
	if row == nil {
		return nil, nil
	}
	f = s.folderAt(row.Folder)
	if f == nil || f.queues[fold(row.Queue)] == nil || f.queues[fold(row.Queue)].ID != row.QueueID {
		return nil, nil
	}
	return f, f.queues[fold(row.Queue)]
}
