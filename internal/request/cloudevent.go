package request

import (
	"bytes"
	"context"
	"encoding/base64"
	"slices"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/queueferry/queueferry/internal/job"
)

// cloudEvent is what a request needs of a CloudEvent. Attributes that mean
// nothing to a request are not looked at.
type cloudEvent struct {
	version, id, source, kind string
	data                      []byte // nil: none
}

// identity is the event's name in the world, empty where a part is missing.
func (e cloudEvent) identity() string {
	if e.source == "" || e.id == "" {
		return ""
	}
	return e.source + "|" + e.id
}

// check holds the event to the rules of CloudEvents 1.0 for the attributes
// that must be there.
func (e cloudEvent) check() *job.Outcome {
	if e.version != event.CloudEventsVersionV1 {
		return invalid("specversion: must be %q, found %s", event.CloudEventsVersionV1, quote(e.version))
	}
	attributes := event.EventContextV1{ID: e.id, Type: e.kind}
	if uri := types.ParseURIRef(e.source); uri != nil {
		attributes.Source = *uri
	}
	wrong := attributes.Validate()
	for _, name := range []string{"id", "source", "type"} {
		if err, ok := wrong[name]; ok {
			return invalid("%s: missing or not as CloudEvents 1.0 wants it: %s", name, shown(err.Error(), maxQuoted))
		}
	}
	return nil
}

// readStructured reads a CloudEvent whose attributes stand in the body.
func (d *Decoder) readStructured(ctx context.Context, m Message, dr *draft) *job.Outcome {
	dr.event = true
	e, stop := readEvent(m.Data)
	dr.eventID = e.identity()
	if stop != nil {
		return stop
	}
	if stop := e.check(); stop != nil {
		return stop
	}
	if e.data == nil {
		return invalid("data: missing; the event's data is the request")
	}
	return d.readData(ctx, m, e.data, dr)
}

// readBinary reads a CloudEvent whose attributes are headers. They count as
// they are written, percent-encoding included.
func (d *Decoder) readBinary(ctx context.Context, m Message, dr *draft) *job.Outcome {
	e := cloudEvent{data: m.Data}
	e.version, _ = m.header("ce-specversion")
	e.id, _ = m.header("ce-id")
	e.source, _ = m.header("ce-source")
	e.kind, _ = m.header("ce-type")
	dr.event, dr.eventID = true, e.identity()
	if stop := e.check(); stop != nil {
		return within("the ce- headers", stop)
	}
	return d.readData(ctx, m, e.data, dr)
}

// readEvent reads the JSON format of CloudEvents.
func readEvent(data []byte) (e cloudEvent, stop *job.Outcome) {
	r := open(data)
	defer r.release()
	if stop := r.beginObject(); stop != nil {
		return e, stop
	}
	var encoded []byte
	stop = r.members(func(name []byte) *job.Outcome {
		switch string(name) {
		case "specversion":
			return r.attribute("specversion", &e.version)
		case "id":
			return r.attribute("id", &e.id)
		case "source":
			return r.attribute("source", &e.source)
		case "type":
			return r.attribute("type", &e.kind)
		case "data_base64":
			var stop *job.Outcome
			encoded, stop = r.text("data_base64")
			return stop
		case "data":
			if v := r.value(); v != nil && v[0] != 'n' {
				e.data = v
			}
			return nil
		}
		r.value() // an attribute that means nothing here, or an extension
		return nil
	})
	r.end()
	if broken := r.broken(); broken != nil {
		found := findStrings(data, "source", "id") // none in what is not JSON
		return cloudEvent{source: found[0], id: found[1]}, broken
	}
	if stop == nil && encoded != nil {
		stop = e.decode(encoded)
	}
	return e, stop
}

func (r *reader) attribute(name string, to *string) *job.Outcome {
	b, stop := r.text(name)
	*to = string(b)
	return stop
}

func (e *cloudEvent) decode(encoded []byte) *job.Outcome {
	if e.data != nil {
		return invalid("data, data_base64: only one of them can be in an event")
	}
	data, err := base64.StdEncoding.AppendDecode([]byte{}, encoded)
	if err != nil {
		return invalid("data_base64: not valid base64")
	}
	e.data = data
	return nil
}

// isEvent tells by its content whether a JSON object is a CloudEvent.
func isEvent(data []byte) bool {
	return !slices.Contains(findStrings(data, "specversion", "id", "source", "type"), "")
}

// isEventValue is isEvent for a value that is read already.
func isEventValue(v any) bool {
	object, _ := v.(map[string]any)
	for _, name := range []string{"specversion", "id", "source", "type"} {
		if s, _ := object[name].(string); s == "" {
			return false
		}
	}
	return true
}

// findStrings gives the strings under the named keys of a JSON object, empty
// where there is none. Of a key that is there twice the first counts. It finds
// nothing in what is not JSON.
func findStrings(data []byte, names ...string) []string {
	found := make([]string, len(names))
	dec := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true))
	if dec.PeekKind() != '{' || !jsontext.Value(data).IsValid(jsontext.AllowDuplicateNames(true)) {
		return found
	}
	for _, err := dec.ReadToken(); err == nil && dec.PeekKind() == '"'; {
		var name, value jsontext.Value
		if name, err = dec.ReadValue(); err != nil {
			return found
		}
		key := string(unquote(name))
		if value, err = dec.ReadValue(); err != nil {
			return found
		}
		for i := range names {
			if names[i] == key && found[i] == "" && value[0] == '"' {
				found[i] = string(unquote(value))
			}
		}
	}
	return found
}

// TraceContext is the W3C trace context that a message carries, empty where it
// has none: the headers traceparent and tracestate, else those of a CloudEvent,
// binary or, where the content type names it, structured. They are given as
// they are written.
func TraceContext(m Message) (traceparent, tracestate string) {
	for _, prefix := range []string{"", "ce-"} {
		if parent, _ := m.header(prefix + "traceparent"); parent != "" {
			state, _ := m.header(prefix + "tracestate")
			return parent, state
		}
	}
	if f, _ := formOf(m); f != structured {
		return "", ""
	}
	found := findStrings(m.Data, "traceparent", "tracestate")
	return found[0], found[1]
}
