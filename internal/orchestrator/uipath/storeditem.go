package uipath

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// itemRow is what is used of QueueItemDto.
type itemRow struct {
	ID                code `json:"Id"`
	QueueDefinitionID code `json:"QueueDefinitionId"`
	Key               string
	Reference         string
	Status            string
	CreationTime      string
	SpecificContent   json.RawMessage
	// SpecificData is the content as text, on servers that show no SpecificContent.
	SpecificData string
}

const itemColumns = "Id,QueueDefinitionId,Key,Reference,Status,CreationTime,SpecificContent"

// storedItem is an item of the queue: all rows that share a key, for the retries
// of an item bear the key of the first.
type storedItem struct {
	receipt job.Receipt // of the first
	created time.Time   // of the first; zero: not known
	deleted bool        // no row of it is left
	content job.Fields
	shown   bool // content is known
}

func (i storedItem) Names() []string { return lookup.NamesOf(i.receipt) }

// mergeRows makes items of rows that are in the order of their ids, last first.
func mergeRows(rows []itemRow) []storedItem {
	var items []storedItem
	at := map[string]int{}
	for _, row := range rows {
		next := row.item()
		name := next.receipt.Key
		if name == "" {
			name = string(row.ID)
		}
		i, known := at[name]
		if !known {
			at[name] = len(items)
			items = append(items, next)
			continue
		}
		items[i].receipt = next.receipt
		items[i].deleted = items[i].deleted && next.deleted
		if next.created.Before(items[i].created) {
			items[i].created = next.created
		}
	}
	return items
}

func (r itemRow) item() storedItem {
	i := storedItem{deleted: r.Status == "Deleted"}
	if id, err := strconv.ParseInt(string(r.ID), 10, 64); err == nil && id > 0 {
		i.receipt.ID = strconv.FormatInt(id, 10)
	}
	if values.IsGUID(r.Key) {
		i.receipt.Key = strings.ToLower(r.Key)
	}
	i.created, _ = values.Instant(r.CreationTime)
	i.content, i.shown = r.content()
	return i
}

// content reports false where the row shows none, or none that can be read.
func (r itemRow) content() (fields job.Fields, ok bool) {
	if !values.Null(r.SpecificContent) {
		return fields, json.Unmarshal(r.SpecificContent, &fields) == nil
	}
	if r.SpecificData == "" {
		return nil, false
	}
	var data struct{ DynamicProperties job.Fields }
	if json.Unmarshal([]byte(r.SpecificData), &data) != nil {
		return nil, false
	}
	return data.DynamicProperties, data.DynamicProperties != nil
}

// holds reports whether the item has the content, if that can be told.
func (i storedItem) holds(content job.Fields) (same, told bool) {
	if !i.shown {
		return values.Empty(content), values.Empty(content)
	}
	return values.SameContent(content, i.content), true
}

// since reports whether the item was made after our clock showed a time. ahead is
// by how much the server's clock is ahead of ours.
func (i storedItem) since(first time.Time, ahead time.Duration) bool {
	return !i.created.Add(-ahead).Before(first.Add(-lookup.Slack))
}
