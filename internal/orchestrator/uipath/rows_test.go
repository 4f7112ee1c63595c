package uipath

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// row is a queue item as the API lists it. What is left at zero is that of an
// item of item() made now.
type row struct {
	id                              int
	key, reference, status, content string
	queue                           string
	created                         time.Time
	bare                            string // members in place of the content
	timeless                        bool
}

func (r row) String() string {
	orElse := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	if r.created.IsZero() {
		r.created = time.Now()
	}
	made := `"` + r.created.UTC().Format("2006-01-02T15:04:05.999Z") + `"`
	if r.timeless {
		made = "null"
	}
	return fmt.Sprintf(`{"Id":%d,"QueueDefinitionId":%s,"Key":"%s","Reference":"%s","Status":"%s","CreationTime":%s,%s}`,
		max(r.id, 1), orElse(r.queue, "7"), orElse(r.key, fmt.Sprintf("883749b2-5a9c-4c38-a6b5-%012d", max(r.id, 1))),
		orElse(r.reference, "inv-1"), orElse(r.status, "New"), made,
		orElse(r.bare, `"SpecificContent":`+orElse(r.content, `null`)))
}

func listed(rows ...row) reply {
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = r.String()
	}
	return reply{status: 200, body: `{"value":[` + strings.Join(texts, ",") + `]}`}
}

var noItems = reply{status: 200, body: notThere}

// full is a page of as many items as a look-up returns, and of these first.
func full(first ...row) reply {
	for len(first) < mostRows {
		n := 1000 - len(first)
		first = append(first, row{id: n, content: `{"n":1}`, created: time.Now().Add(-24 * time.Hour)})
	}
	return listed(first...)
}

func (a reply) dated(at time.Time) reply {
	a.header = http.Header{"Date": {at.UTC().Format(http.TimeFormat)}}
	return a
}
