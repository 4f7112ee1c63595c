package request

import (
	"context"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// Message is one message as it came.
type Message struct {
	Subject string
	// Header is the header as NATS carries it. Names are compared without
	// regard to case; of several values the first counts.
	Header   map[string][]string
	Data     []byte
	Stream   string
	Sequence uint64
	Time     time.Time // the stream's timestamp
}

// header is the first value under name and whether the name is there. Of names
// that differ in case alone the exact one counts, then the first in order, so
// that the answer is the same at every delivery.
func (m Message) header(name string) (string, bool) {
	key, values := name, m.Header[name]
	if values == nil {
		for k, v := range m.Header {
			if strings.EqualFold(k, name) && (values == nil || k < key) {
				key, values = k, v
			}
		}
	}
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

// form is the shape of a message as its headers tell it.
type form int

const (
	plain      form = iota // form 1 or UiPath native, or by content a CloudEvent
	structured             // a CloudEvent in the body
	binary                 // a CloudEvent whose attributes are headers
	batched                // several CloudEvents
	encoded                // a CloudEvent in another format than JSON
)

// formOf reads the form off the headers; typed tells that they name a content
// type, other than plain JSON, so that the body need not be looked at.
func formOf(m Message) (f form, typed bool) {
	if len(m.Header) == 0 {
		return plain, false
	}
	contentType, _ := m.header("Content-Type")
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch {
	case media == "application/cloudevents+json" || media == "application/cloudevents":
		return structured, true
	case strings.HasPrefix(media, "application/cloudevents-batch"):
		return batched, true
	case strings.HasPrefix(media, "application/cloudevents+"):
		return encoded, true
	}
	if _, ok := m.header("ce-specversion"); ok {
		return binary, true
	}
	return plain, media != "" && media != "application/json"
}

// read fills the draft from the message. Nil means go on.
func (d *Decoder) read(ctx context.Context, m Message, dr *draft) *job.Outcome {
	f, typed := formOf(m)
	switch f {
	case batched:
		return invalid("Content-Type: a batch of CloudEvents is not taken; publish each event as a message of its own")
	case encoded:
		dr.event = true
		return invalid("Content-Type: this format of CloudEvents is not taken; use application/cloudevents+json")
	case structured:
		return d.readStructured(ctx, m, dr)
	case binary:
		return d.readBinary(ctx, m, dr)
	}
	if d.transform != nil {
		return d.readTransformed(ctx, m, dr, typed)
	}
	eventLike, stop := readBody(m.Data, dr)
	if eventLike && !typed && isEvent(m.Data) {
		*dr.req = job.Request{}
		return d.readStructured(ctx, m, dr)
	}
	return stop
}

// readTransformed runs the transform on a message that no header calls a CloudEvent.
func (d *Decoder) readTransformed(ctx context.Context, m Message, dr *draft, typed bool) *job.Outcome {
	v, stop := readValue(m.Data)
	if stop != nil {
		return stop
	}
	if !typed && isEventValue(v) {
		return d.readStructured(ctx, m, dr)
	}
	return d.runTransform(ctx, m, v, dr)
}

// readData reads what a CloudEvent carries.
func (d *Decoder) readData(ctx context.Context, m Message, data []byte, dr *draft) *job.Outcome {
	if d.transform == nil {
		_, stop := readBody(data, dr)
		return within("data", stop)
	}
	v, stop := readValue(data)
	if stop != nil {
		return within("data", stop)
	}
	return d.runTransform(ctx, m, v, dr)
}

// runTransform puts the transform's output into the draft.
func (d *Decoder) runTransform(ctx context.Context, m Message, input any, dr *draft) *job.Outcome {
	output, stop := d.transform.run(ctx, m, input)
	if stop != nil {
		return stop
	}
	_, stop = readBody(output, dr)
	return within("the transform's output", stop)
}
