package uipath

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// call is one request, read in full, and what was found out about it. It
// outlives the exchange where its effect appears late.
type call struct {
	op       Operation
	route    route
	key      int64 // of an entity's path
	method   string
	path     string
	query    string // as it came
	header   http.Header
	body     []byte
	tooLarge bool // the body, of which the rest was not read
	cut      bool // the body never came to its end
	started  time.Time

	lens    lens            // what the faults make it see
	effects int             // items or jobs it has made so far
	record  *Call           // nil where none is kept
	refs    func() []string // the references in the body, read once
}

// lens is how faults bend the way a call is carried out.
type lens struct {
	ignoreFilter  bool
	lag           time.Duration
	partial       bool
	nullOrdinals  bool
	noFailedItems bool
	failures      []*ActiveFault // of kind FailItems
}

// newCall takes from a request what comes before its body.
func newCall(r *http.Request, op Operation, key int64) *call {
	c := &call{
		op: op, route: routes[op], key: key,
		method: r.Method, path: r.URL.Path, query: r.URL.RawQuery, header: r.Header, started: time.Now(),
	}
	c.refs = sync.OnceValue(c.readReferences)
	return c
}

// receive reads the body, within a limit of bytes.
func (c *call) receive(r *http.Request, limit int64) {
	body, err := readBody(r, limit)
	c.body = body
	c.tooLarge = errors.Is(err, errTooLarge)
	c.cut = err != nil && !c.tooLarge
}

var errTooLarge = errors.New("body too large")

func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, errTooLarge
	}
	if r.ContentLength >= 0 {
		body := make([]byte, r.ContentLength)
		n, err := io.ReadFull(r.Body, body)
		return body[:n], err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if int64(len(body)) > limit {
		return nil, errTooLarge
	}
	return body, err
}

// readReferences finds the references in a body without judging the rest of it.
func (c *call) readReferences() []string {
	type referenced struct {
		Reference any
	}
	var body struct {
		ItemData   referenced   `json:"itemData"`
		StartInfo  referenced   `json:"startInfo"`
		QueueItems []referenced `json:"queueItems"`
	}
	if json.Unmarshal(c.body, &body) != nil {
		return nil
	}
	var found []string
	for _, r := range append(body.QueueItems, body.ItemData, body.StartInfo) {
		if text, ok := r.Reference.(string); ok {
			found = append(found, text)
		}
	}
	return found
}

// traceID is the caller's trace where it sent one.
func (c *call) traceID() string {
	if parts := strings.Split(c.header.Get("Traceparent"), "-"); len(parts) == 4 && len(parts[1]) == 32 {
		return "00-" + parts[1] + "-" + hex.EncodeToString(randomBytes(8)) + "-00"
	}
	return "00-" + hex.EncodeToString(randomBytes(16)) + "-" + hex.EncodeToString(randomBytes(8)) + "-00"
}

// isForm and isJSON judge the Content-Type. Another charset than UTF-8, or an
// encoded body, is refused.
func (c *call) isJSON() bool { return c.hasType("application/json") }
func (c *call) isForm() bool { return c.hasType("application/x-www-form-urlencoded") }

func (c *call) hasType(want string) bool {
	if c.header.Get("Content-Encoding") != "" {
		return false
	}
	media, parameters, _ := strings.Cut(c.header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(media), want) {
		return false
	}
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if strings.EqualFold(name, "charset") && !strings.EqualFold(strings.Trim(value, `"`), "utf-8") {
			return false
		}
	}
	return true
}

// snapshot copies what the books keep of the call.
func (c *call) snapshot() *Call {
	return &Call{
		Time: c.started, Operation: c.op, Path: c.path, Query: c.query, Header: c.header.Clone(),
		Folder: folderForm(c.header), Body: bytes.Clone(c.body), References: c.refs(),
	}
}
