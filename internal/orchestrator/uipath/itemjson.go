package uipath

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/queueferry/queueferry/internal/job"
)

// appendItem writes an item as JSON. The values of its content are valid JSON
// already, and are copied as they were written: encoding/json reads and checks
// each of them once more, which costs three times as much as all the rest.
func appendItem(b []byte, d itemData) ([]byte, error) {
	w := objectWriter{b: append(b, '{')}
	w.textIfAny("Name", d.Name)
	w.textIfAny("Priority", d.Priority)
	if len(d.SpecificContent) > 0 {
		w.fields("SpecificContent", d.SpecificContent)
	}
	w.textIfAny("DeferDate", d.DeferDate)
	w.textIfAny("DueDate", d.DueDate)
	w.textIfAny("Reference", d.Reference)
	w.textIfAny("RiskSlaDate", d.RiskSlaDate)
	w.textIfAny("Progress", d.Progress)
	w.textIfAny("ParentOperationId", d.ParentOperationID)
	return append(w.b, '}'), w.err
}

// objectWriter writes the members of an object. The first error stays.
type objectWriter struct {
	b   []byte
	err error
}

func (w *objectWriter) quote(s string) {
	b, err := jsontext.AppendQuote(w.b, s)
	if w.b = b; w.err == nil {
		w.err = err
	}
}

// name begins a member.
func (w *objectWriter) name(s string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.quote(s)
	w.b = append(w.b, ':')
}

func (w *objectWriter) text(name, value string) {
	w.name(name)
	w.quote(value)
}

func (w *objectWriter) textIfAny(name, value string) {
	if value != "" {
		w.text(name, value)
	}
}

// fields writes an object, its names in order: the same request is always the
// same bytes.
func (w *objectWriter) fields(name string, fields job.Fields) {
	w.name(name)
	w.b = append(w.b, '{')
	var few [32]string // as many as most have
	keys := few[:0]
	for key := range fields {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		w.name(key)
		w.b = append(w.b, fields[key]...)
	}
	w.b = append(w.b, '}')
}
