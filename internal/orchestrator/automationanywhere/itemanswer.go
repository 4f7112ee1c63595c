package automationanywhere

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// itemRow is what is used of a work item.
type itemRow struct {
	id      values.Code
	created string
	content job.Fields        // the columns by their names in the model; nil: not shown
	columns map[string]string // the display columns that are text, by their numbers: col1, col2 …
}

var displayColumn = regexp.MustCompile(`^col[0-9]{1,3}$`)

// UnmarshalJSON takes a row. A member that is not what it should be counts as
// missing; only an id must be one.
func (r *itemRow) UnmarshalJSON(b []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return err
	}
	*r = itemRow{content: readContent(members["json"])}
	if id, there := members["id"]; there {
		if err := json.Unmarshal(id, &r.id); err != nil {
			return err
		}
	}
	r.created, _ = text(members["createdOn"])
	for name, value := range members {
		if shown, ok := text(value); ok && displayColumn.MatchString(name) {
			if r.columns == nil {
				r.columns = map[string]string{}
			}
			r.columns[name] = shown
		}
	}
	return nil
}

// text is a JSON string's.
func text(value json.RawMessage) (s string, ok bool) {
	ok = values.First(value) == '"' && json.Unmarshal(value, &s) == nil
	return s, ok
}

// readContent takes an item's columns, an object or the text of one.
func readContent(value json.RawMessage) (content job.Fields) {
	if inner, ok := text(value); ok {
		value = json.RawMessage(inner)
	}
	if values.First(value) != '{' || json.Unmarshal(value, &content) != nil {
		return nil
	}
	return content
}

// receipt is empty if the row has no id.
func (r itemRow) receipt() job.Receipt {
	if !r.id.Positive() {
		return job.Receipt{}
	}
	return job.Receipt{ID: string(r.id)}
}

// readItems takes the answer to an add: a list of items, or one item. Each must
// have an id.
func readItems(a orchestrator.Answer) ([]itemRow, bool) {
	if !a.Succeeded() {
		return nil, false
	}
	all, ok := readRows(bytes.TrimSpace(a.Body))
	for _, row := range all {
		if row.receipt() == (job.Receipt{}) {
			return nil, false
		}
	}
	return all, ok && len(all) > 0
}

func readRows(body []byte) (all []itemRow, ok bool) {
	if values.First(body) == '[' {
		return all, json.Unmarshal(body, &all) == nil
	}
	var list struct {
		List json.RawMessage `json:"list"`
	}
	if json.Unmarshal(body, &list) != nil {
		return nil, false
	}
	if list.List != nil {
		return all, json.Unmarshal(list.List, &all) == nil
	}
	var one itemRow
	if json.Unmarshal(body, &one) != nil {
		return nil, false
	}
	return []itemRow{one}, true
}

// batchResults say of each item what the answer means for it.
func (c *Connector) batchResults(a orchestrator.Answer, together []*job.Request) []orchestrator.Result {
	results := make([]orchestrator.Result, len(together))
	rows, ok := readItems(a)
	for i, r := range together {
		switch {
		case ok && len(rows) == len(together):
			receipt := receiptOf(rows, i, r)
			c.own(r, receipt)
			results[i] = delivered(a.Status, receipt)
		case ok:
			results[i] = orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{
				Verdict: job.Unknown, Reason: job.UnexpectedAnswer, Status: a.Status, Called: true,
				Detail: "the API was given " + strconv.Itoa(len(together)) + " items and tells of " + strconv.Itoa(len(rows)),
			}}
		default:
			results[i] = asWhole(a)
		}
	}
	return results
}

// receiptOf is the id of the i-th item, if its row stands where it was sent, or
// is the only one that bears the reference.
func receiptOf(rows []itemRow, i int, r *job.Request) job.Receipt {
	if rows[i].holds(contentOf(r)) {
		return rows[i].receipt()
	}
	var found job.Receipt
	for _, row := range rows {
		if r.ReferenceColumn == "" || !row.bears(r.ReferenceColumn, r.Reference) {
			continue
		}
		if (found != job.Receipt{}) {
			return job.Receipt{}
		}
		found = row.receipt()
	}
	return found
}

// asWhole is the result of every item where the answer is none to a batch. A
// refusal judges nobody: any item may be the reason, and each goes alone next.
func asWhole(a orchestrator.Answer) orchestrator.Result {
	r := refine(a, true, ofItem)
	if r.Verdict == job.Unavailable || r.Verdict == job.Unknown || a.Status == http.StatusForbidden {
		return r
	}
	return orchestrator.Apart(r.Health)
}

// bears reports whether the item's column holds a reference, letter by letter.
func (r itemRow) bears(column, reference string) bool {
	held, ok := text(r.content[column])
	return ok && held == reference
}

// holds reports whether the item shows a content.
func (r itemRow) holds(content job.Fields) bool {
	return r.content != nil && values.SameContent(loose(content), loose(r.content))
}

// loose takes text that is a number for one: the server writes either for either.
func loose(content job.Fields) job.Fields {
	loosened := make(job.Fields, len(content))
	for name, value := range content {
		if s, ok := text(value); ok && number.MatchString(s) {
			value = json.RawMessage(s)
		}
		loosened[name] = value
	}
	return loosened
}

// number is what JSON takes for one.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// storedItem is a work item that a list shows.
type storedItem struct {
	receipt job.Receipt
	created time.Time // zero: not known
	row     itemRow
}

// Names are those of its id.
func (i storedItem) Names() []string {
	if i.receipt.ID == "" {
		return nil
	}
	return []string{i.receipt.ID}
}

func (r itemRow) item() storedItem {
	return storedItem{receipt: r.receipt(), created: instant(r.created), row: r}
}

// instant is a time that a row tells; zero if it tells none. One without a zone
// may be of any, and one of long ago was never set: what is wrongly taken for made
// before the first try would be made twice.
func instant(told string) time.Time {
	at, err := time.Parse(time.RFC3339, told)
	if err != nil || at.Year() < 2000 {
		return time.Time{}
	}
	return at
}

// before reports whether the item was certainly made before a time of the
// server's clock.
func (i storedItem) before(at time.Time) bool { return !i.created.IsZero() && i.created.Before(at) }
