package request

import (
	"bytes"
	"regexp"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

var bodyKeys = []string{
	"id", "action", "folder", "queue", "process", "reference", "priority",
	"defer_until", "due_by", "content", "arguments", "options", "itemData", "startInfo",
}

var priorities = [...]job.Priority{job.Low, job.Normal, job.High}

// body reads the JSON object of a request: a Queueferry request or the one key
// of the UiPath native form.
type body struct {
	*reader
	dr          *draft
	req         *job.Request
	item, start bool         // the native keys that are there
	other       []byte       // the first key beside them that is not null
	eventLike   bool         // it has the key specversion
	strange     *job.Outcome // of the first unknown key; the others are not looked at
}

// readBody reads one JSON object into the draft. It reads on behind the first
// fault, so that the id is found wherever it stands. eventLike tells that the
// object may be a CloudEvent.
func readBody(data []byte, dr *draft) (eventLike bool, stop *job.Outcome) {
	r := open(data)
	defer r.release()
	b := body{reader: r, dr: dr, req: dr.req}
	if stop := r.beginObject(); stop != nil {
		return false, stop
	}
	stop = r.members(b.member)
	r.end()
	if broken := r.broken(); broken != nil {
		dr.id = findStrings(data, "id")[0] // none in what is not JSON
		return broken.Reason == job.InvalidRequest, broken
	}
	if native := b.alone(); native != nil {
		return b.eventLike, native
	}
	return b.eventLike, stop
}

// beginObject checks that the message is not empty and begins an object.
func (r *reader) beginObject() *job.Outcome {
	if len(bytes.TrimSpace(r.data)) == 0 {
		return undecodable("empty; expected one JSON object")
	}
	switch k := r.kind(); k {
	case '{':
		return nil
	case 0:
		r.token()
		return r.broken()
	default:
		if k != '[' { // text may begin as a value does: "not a request" as null
			r.value()
			r.end()
		}
		if broken := r.broken(); broken != nil {
			return broken
		}
		return undecodable("not a JSON object but %s", kindName(k))
	}
}

// member reads the value of one key.
func (b *body) member(name []byte) *job.Outcome {
	null := b.kind() == 'n'
	switch string(name) {
	case "itemData":
		b.item = b.item || !null
		return b.itemData()
	case "startInfo":
		b.start = b.start || !null
		return b.startInfo()
	}
	if b.other == nil && !null {
		b.other = name
	}
	return b.field(name)
}

// field reads a key of a Queueferry request.
func (b *body) field(name []byte) *job.Outcome {
	switch string(name) {
	case "id":
		return b.setID()
	case "action":
		return b.setAction()
	case "folder":
		return b.setWord("folder", &b.req.Folder)
	case "queue":
		return b.setWord("queue", &b.req.Queue)
	case "process":
		return b.setWord("process", &b.req.Process)
	case "reference":
		return b.setReference("reference")
	case "priority":
		return b.setPriority()
	case "defer_until":
		return b.setTime("defer_until", &b.req.DeferUntil)
	case "due_by":
		return b.setTime("due_by", &b.req.DueBy)
	case "content":
		return b.setObject("content", &b.req.Content)
	case "arguments":
		return b.setObject("arguments", &b.req.Arguments)
	case "options":
		return b.setObject("options", &b.req.Options)
	}
	return b.unknown(name)
}

func (b *body) unknown(name []byte) *job.Outcome {
	b.value()
	if string(name) == "specversion" {
		b.eventLike = true
		return invalid(`unknown key "specversion"; a CloudEvent needs the header Content-Type: application/cloudevents+json`)
	}
	if b.strange == nil {
		b.strange = invalid("unknown key %s%s", quote(name), didYouMean(string(name), bodyKeys))
	}
	return b.strange
}

func (b *body) setID() *job.Outcome {
	id, stop := b.text("id")
	b.dr.id = string(id)
	return stop
}

func (b *body) setAction() *job.Outcome {
	w, stop := b.word("action")
	if stop != nil || w == nil {
		return stop
	}
	switch string(w) {
	case string(job.AddQueueItem):
		b.req.Action = job.AddQueueItem
	case string(job.StartJob):
		b.req.Action = job.StartJob
	default:
		return invalid("action: %s is none; expected add_queue_item or start_job", quote(w))
	}
	return nil
}

func (b *body) setPriority() *job.Outcome {
	w, stop := b.word("priority")
	if stop != nil || w == nil {
		return stop
	}
	for _, p := range priorities {
		if string(w) == string(p) {
			b.req.Priority = p
			return nil
		}
	}
	return invalid("priority: %s is none; expected low, normal or high", quote(w))
}

func (b *body) setWord(field string, to *string) *job.Outcome {
	w, stop := b.word(field)
	*to = string(w)
	return stop
}

func (b *body) setReference(field string) *job.Outcome {
	w, stop := b.word(field)
	if stop != nil || w == nil {
		return stop
	}
	b.req.Reference = string(w)
	if !fitsReference(b.req.Reference) {
		return invalid("%s: must be 1 to %d UTF-16 units without control characters and without white space at its ends", field, maxReference)
	}
	return nil
}

func (b *body) setObject(field string, to *job.Fields) *job.Outcome {
	fields, stop := b.object(field)
	*to = fields
	return stop
}

// setTime reads an RFC 3339 time with its zone and keeps it in UTC. A time
// outside the years 1 to 9999 in UTC could not be sent on.
// rfc3339 is the form of a time in RFC 3339, section 5.6; the time package is
// less strict.
var rfc3339 = regexp.MustCompile(`(?i)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func (b *body) setTime(field string, to *time.Time) *job.Outcome {
	w, stop := b.word(field)
	if stop != nil || w == nil {
		return stop
	}
	var t time.Time
	err := t.UnmarshalText(bytes.ToUpper(w))
	t = t.UTC()
	if err != nil || !rfc3339.Match(w) || t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return invalid("%s: %s is no time; expected RFC 3339 with its zone, as 2026-01-31T06:00:00Z or 2026-01-31T06:00:00+01:00", field, quote(w))
	}
	*to = t
	return nil
}
