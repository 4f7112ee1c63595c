package server

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Operation names what a call asks for. Each product has its own.
type Operation string

// Unrouted is a call that no operation answers.
const Unrouted Operation = "Unrouted"

// Call is one request, read in full.
type Call struct {
	Time         time.Time // when it had arrived
	Operation    Operation
	Method, Path string
	Query        string // as it came
	Header       http.Header
	Body         []byte
	// TooLarge tells that the rest of the body was not read, Cut that it never came.
	TooLarge, Cut bool
	// Status that was answered, 0 for none or none yet.
	Status int
	// Effects is how many things it has made, perhaps later.
	Effects int

	bends *bends
}

func newCall(r *http.Request, limit int64) *Call {
	c := &Call{Time: time.Now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Header: r.Header, bends: &bends{}}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	c.Body, c.Cut = body, err != nil
	if int64(len(body)) > limit {
		c.Body, c.TooLarge = body[:limit], true
	}
	return c
}

// HasType reports whether the Content-Type is of this media type. Another charset
// than UTF-8, or an encoded body, is not.
func (c *Call) HasType(want string) bool {
	if c.Header.Get("Content-Encoding") != "" {
		return false
	}
	media, parameters, _ := strings.Cut(c.Header.Get("Content-Type"), ";")
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

var errRepeated = errors.New("a parameter twice")

// Parameters reads a query, or a form's body, in which every name stands once.
func Parameters(text string) (map[string]string, error) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, err
	}
	single := make(map[string]string, len(values))
	for name, all := range values {
		if len(all) != 1 {
			return nil, errRepeated
		}
		single[name] = all[0]
	}
	return single, nil
}
