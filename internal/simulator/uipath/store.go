package uipath

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// store is what the tenant holds. Every field, and every field of what hangs
// below it, is guarded by mu.
type store struct {
	mu      sync.RWMutex
	lastID  int64
	folders []*folder // in order of creation
	items   map[int64]*itemRow
	jobs    map[int64]*jobRow
}

type folder struct {
	Folder
	queues    map[string]*queue // by folded name
	processes []*Process        // in order of creation
	robots    []int64
	items     []*itemRow // by id
	jobs      []*jobRow  // by id
	jobsBy    map[string][]*jobRow
}

type queue struct {
	Queue
	itemsBy map[string][]*itemRow // by folded reference
	retired map[string]bool       // references of purged items that still count
}

// itemRow and jobRow carry when they appeared, on our own clock: lagging lists
// go by that.
type itemRow struct {
	Item
	appeared time.Time
}

type jobRow struct {
	Job
	appeared time.Time
}

func newStore() *store {
	return &store{lastID: 1000, items: map[int64]*itemRow{}, jobs: map[int64]*jobRow{}}
}

func (s *store) id() int64 {
	s.lastID++
	return s.lastID
}

// fold is how the product compares names and references: case does not count.
func fold(text string) string { return strings.ToLower(text) }

func (s *store) folderWith(match func(*folder) bool) *folder {
	if i := slices.IndexFunc(s.folders, match); i >= 0 {
		return s.folders[i]
	}
	return nil
}

func (s *store) folderAt(path string) *folder {
	return s.folderWith(func(f *folder) bool { return strings.EqualFold(f.Path, path) })
}

func (s *store) makeFolder(path string) *folder {
	if f := s.folderAt(path); f != nil {
		return f
	}
	f := &folder{
		queues: map[string]*queue{}, jobsBy: map[string][]*jobRow{},
	}
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		parent := s.makeFolder(path[:i])
		f.parentID, f.parentKey = parent.ID, parent.Key
	}
	f.ID, f.Key, f.Path = s.id(), newKey(), path
	s.folders = append(s.folders, f)
	return f
}

func (s *store) renumber(f *folder) {
	f.ID = s.id()
	for _, q := range f.queues {
		q.FolderID = f.ID
	}
	for _, p := range f.processes {
		p.FolderID = f.ID
	}
	for _, row := range f.items {
		row.FolderID = f.ID
	}
	for _, row := range f.jobs {
		row.FolderID = f.ID
	}
}

func (s *store) dropFolder(path string) {
	f := s.folderAt(path)
	if f == nil {
		return
	}
	s.folders = slices.DeleteFunc(s.folders, func(other *folder) bool { return other == f })
	for _, row := range f.items {
		delete(s.items, row.ID)
	}
	for _, row := range f.jobs {
		delete(s.jobs, row.ID)
	}
}

// addItem stores an item of which the identity is still to be given.
func (s *store) addItem(f *folder, q *queue, item Item) *itemRow {
	row := &itemRow{Item: item, appeared: time.Now()}
	row.ID, row.UniqueKey = s.id(), newKey()
	setDefault(&row.Key, newKey())
	row.FolderID, row.Folder, row.QueueID, row.Queue = f.ID, f.Path, q.ID, q.Name
	f.items = append(f.items, row)
	s.items[row.ID] = row
	key := fold(row.Reference)
	q.itemsBy[key] = append(q.itemsBy[key], row)
	return row
}

func (s *store) addJob(f *folder, job Job) *jobRow {
	row := &jobRow{Job: job, appeared: time.Now()}
	row.ID = s.id()
	setDefault(&row.Key, newKey())
	row.FolderID, row.Folder = f.ID, f.Path
	f.jobs = append(f.jobs, row)
	s.jobs[row.ID] = row
	key := fold(row.Reference)
	f.jobsBy[key] = append(f.jobsBy[key], row)
	return row
}

// holds reports whether a reference is taken: deleted and retried items do not
// hold theirs (UiPath Orchestrator API definition, QueueDefinition,
// EnforceUniqueReference), ones that retention removed do.
func (q *queue) holds(reference string) bool {
	key := fold(reference)
	return q.retired[key] || slices.ContainsFunc(q.itemsBy[key], func(row *itemRow) bool {
		return row.Status != "Deleted" && row.Status != "Retried"
	})
}

// itemsOf are the rows of a folder that may match: all of them, or, if the
// filter names references, those that bear one.
func (f *folder) itemsOf(references []string, bound bool) []*itemRow {
	if !bound {
		return f.items
	}
	var rows []*itemRow
	for _, key := range foldAll(references) {
		for _, q := range f.queues {
			rows = append(rows, q.itemsBy[key]...)
		}
	}
	slices.SortFunc(rows, func(a, b *itemRow) int { return cmp.Compare(a.ID, b.ID) })
	return rows
}

func (f *folder) jobsOf(references []string, bound bool) []*jobRow {
	if !bound {
		return f.jobs
	}
	var rows []*jobRow
	for _, key := range foldAll(references) {
		rows = append(rows, f.jobsBy[key]...)
	}
	slices.SortFunc(rows, func(a, b *jobRow) int { return cmp.Compare(a.ID, b.ID) })
	return rows
}

func foldAll(texts []string) []string {
	folded := make([]string, 0, len(texts))
	for _, text := range texts {
		if key := fold(text); !slices.Contains(folded, key) {
			folded = append(folded, key)
		}
	}
	return folded
}
