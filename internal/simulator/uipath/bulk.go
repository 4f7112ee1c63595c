package uipath

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

type bulkBody struct {
	QueueName  *string     `json:"queueName"`
	CommitType commitType  `json:"commitType"`
	QueueItems []*itemData `json:"queueItems"`
}

// commitType says what a failed item means for the others.
type commitType string

const (
	allOrNothing            commitType = "AllOrNothing"
	stopOnFirstFailure      commitType = "StopOnFirstFailure"
	processAllIndependently commitType = "ProcessAllIndependently"
)

func (t *commitType) UnmarshalText(text []byte) error {
	return choose(t, text, []string{string(allOrNothing), string(stopOnFirstFailure), string(processAllIndependently)})
}

// candidate is one item of a batch: an item, or why it is none.
type candidate struct {
	item    Item
	refused *refusal
}

// failedItem is what the answer says of an item. The ordinal counts from 1; 0
// is told as null.
type failedItem struct {
	ordinal int
	refusal *refusal
}

// bulkAddQueueItems is POST /odata/Queues/UiPathODataSvc.BulkAddQueueItems. The
// answer is 200 whatever became of the items.
func (o *Orchestrator) bulkAddQueueItems(c *call) answer {
	if _, refused := o.options(c, nil); refused != nil {
		return *refused
	}
	o.tenant.mu.RLock()
	_, missing := o.tenant.folderOf(c.header)
	o.tenant.mu.RUnlock()
	if missing != nil {
		return c.refuse(missing)
	}
	var body bulkBody
	if refused := c.decode(&body, "queueItems"); refused != nil {
		return *refused
	}
	if refused := c.checkBulk(&body); refused != nil {
		return *refused
	}
	candidates := make([]candidate, len(body.QueueItems))
	for i, d := range body.QueueItems {
		o.noteSource(c, d.Source != nil)
		candidates[i].item, candidates[i].refused = o.draft(d)
		if d.Name != "" && !strings.EqualFold(d.Name, *body.QueueName) {
			candidates[i].refused = invalidArgument("The item names another queue: " + d.Name + ".")
		}
		if candidates[i].refused == nil {
			candidates[i].refused = c.failing(d.Reference)
		}
	}
	failed, missing := o.storeItems(c, *body.QueueName, body.CommitType, candidates)
	if missing != nil {
		return c.refuse(missing)
	}
	return o.bulkAnswer(c, failed)
}

func (c *call) checkBulk(body *bulkBody) *answer {
	refuse := func(a answer) *answer { return &a }
	switch {
	case body.QueueName == nil || *body.QueueName == "":
		return refuse(c.modelError("queueName", "The queueName field is required."))
	case body.CommitType == "":
		return refuse(c.modelError("commitType", "The commitType field is required."))
	case len(body.QueueItems) > maxBulkItems:
		return refuse(c.refuse(invalidArgument("At most " + strconv.Itoa(maxBulkItems) + " items can be added at once.")))
	case slices.ContainsFunc(body.QueueItems, func(d *itemData) bool { return d == nil || !d.wellTyped() }):
		return refuse(c.mustNotBeNull("queueItems"))
	}
	return nil
}

// storeItems commits a batch under one lock, as its commit type wants it.
func (o *Orchestrator) storeItems(c *call, queueName string, how commitType, candidates []candidate) ([]failedItem, *refusal) {
	s := o.tenant
	s.mu.Lock()
	defer s.mu.Unlock()
	f, missing := s.folderOf(c.header)
	if missing != nil {
		return nil, missing
	}
	q, missing := f.queue(queueName)
	if missing != nil {
		return nil, missing
	}
	if how == allOrNothing {
		if failed := q.failures(candidates); len(failed) > 0 {
			return failed, nil
		}
	}
	var failed []failedItem
	for i, candidate := range candidates {
		refused := candidate.refused
		if refused == nil {
			refused = q.check(&candidate.item)
		}
		if refused == nil {
			s.addItem(f, q, candidate.item)
			c.effects++
			continue
		}
		failed = append(failed, failedItem{ordinal: i + 1, refusal: refused})
		if how == stopOnFirstFailure {
			break
		}
	}
	return failed, nil
}

// failures judges a whole batch before any of it is stored: an item also fails
// if one before it has its reference.
func (q *queue) failures(candidates []candidate) []failedItem {
	var failed []failedItem
	seen := map[string]bool{}
	for i, candidate := range candidates {
		refused := candidate.refused
		if refused == nil {
			refused = q.check(&candidate.item)
		}
		key := fold(candidate.item.Reference)
		if refused == nil && q.UniqueReference && !q.BrokenIndex && seen[key] {
			refused = duplicateReference
		}
		if refused != nil {
			failed = append(failed, failedItem{ordinal: i + 1, refusal: refused})
			continue
		}
		seen[key] = true
	}
	return failed
}

var (
	bulkMembers      = []string{`{"Success":`, `,"Message":`, `,"FailedItems":[`}
	lowerBulkMembers = []string{`{"success":`, `,"message":`, `,"failedItems":[`}
)

func (o *Orchestrator) bulkAnswer(c *call, failed []failedItem) answer {
	members := bulkMembers
	if o.settings.LowerCaseBulkAnswer {
		members = lowerBulkMembers
	}
	body := strconv.AppendBool([]byte(members[0]), len(failed) == 0)
	body = append(body, members[1]...)
	if len(failed) == 0 {
		body = append(body, "null"...)
	} else {
		body = appendText(body, strconv.Itoa(len(failed))+" of the items could not be added.")
	}
	body = append(body, members[2]...)
	if !c.lens.noFailedItems {
		for i, f := range failed {
			if i > 0 {
				body = append(body, ',')
			}
			body = f.append(body, c.lens.nullOrdinals)
		}
	}
	return o.entity(http.StatusOK, append(body, "]}"...))
}

func (f failedItem) append(dst []byte, unknown bool) []byte {
	dst = append(dst, `{"Ordinal":`...)
	if unknown {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendInt(dst, int64(f.ordinal), 10)
	}
	dst = append(dst, `,"ErrorCode":`...)
	dst = appendText(dst, f.refusal.name)
	dst = append(dst, `,"ErrorMessage":`...)
	dst = appendText(dst, f.refusal.message)
	return append(dst, '}')
}
