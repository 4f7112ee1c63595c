package consumer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/queueferry/queueferry/internal/job"
)

// fingerprint tells requests of the same id apart: equal for the same request,
// however its JSON was written.
func fingerprint(r *job.Request) string {
	same := *r
	same.ID, same.FolderFromRoute = "", false
	same.Content, same.Arguments, same.Options = canonical(r.Content), canonical(r.Arguments), canonical(r.Options)
	b, err := json.Marshal(same)
	if err != nil { // the decoder lets no such request through
		return ""
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
