package uipath

import (
	"regexp"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// instant is a value of compact JSON that is a date and time of RFC 3339. A
// quotation mark within a text is escaped, so this never matches inside one.
var instant = regexp.MustCompile(`":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2}))"`)

// rewrite gives content as the server keeps it: what means the same need not
// look the same. Members come in another order than they were sent in, and a
// date in the notation of .NET, in UTC. Whether the product does either is not
// documented; a client must not count on its own letters coming back.
func rewrite(content []byte) []byte {
	content = instant.ReplaceAllFunc(content, func(value []byte) []byte {
		at, err := time.Parse(time.RFC3339, string(value[len(`":"`):len(value)-1]))
		if err != nil {
			return value
		}
		return at.UTC().AppendFormat(nil, `":"2006-01-02T15:04:05.0000000Z"`)
	})
	value := jsontext.Value(content)
	_ = value.Format(jsontext.ReorderRawObjects(true)) // it is valid: we wrote it
	return value
}
