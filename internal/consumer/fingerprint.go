package consumer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// identity is what makes a request the one that it is. Its form stands in the
// ledger for long: a field is added with omitzero, or every request that was
// carried out before would seem to be another one.
type identity struct {
	Action     job.Action   `json:"action,omitzero"`
	Folder     string       `json:"folder,omitzero"`
	Queue      string       `json:"queue,omitzero"`
	Process    string       `json:"process,omitzero"`
	Reference  string       `json:"reference,omitzero"`
	Priority   job.Priority `json:"priority,omitzero"`
	DeferUntil time.Time    `json:"defer_until,omitzero"`
	DueBy      time.Time    `json:"due_by,omitzero"`
	Content    job.Fields   `json:"content,omitempty"`
	Arguments  job.Fields   `json:"arguments,omitempty"`
	Options    job.Fields   `json:"options,omitempty"`
}

// fingerprint tells requests of the same id apart: equal for the same request,
// however its JSON was written.
func fingerprint(r *job.Request) string {
	b, err := json.Marshal(identity{
		r.Action, r.Folder, r.Queue, r.Process, r.Reference, r.Priority, r.DeferUntil, r.DueBy,
		canonical(r.Content), canonical(r.Arguments), canonical(r.Options),
	})
	if err != nil { // the decoder lets no such request through
		b = []byte(r.ID)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// canonical writes the keys of nested objects in order; numbers stay as they
// were written.
func canonical(fields job.Fields) job.Fields {
	out := make(job.Fields, len(fields))
	for name, value := range fields {
		d := json.NewDecoder(bytes.NewReader(value))
		d.UseNumber()
		var v any
		if d.Decode(&v) == nil {
			if b, err := json.Marshal(v); err == nil {
				value = b
			}
		}
		out[name] = value
	}
	return out
}
