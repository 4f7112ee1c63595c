package veeam

import (
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// member of an action's body.
type member struct {
	name string
	fits func(jsontext.Value) bool
}

// readBody reads and judges the body of an action. Names are matched letter by
// letter, and unknown or repeated members refused, though the framework of the
// product is known to be lenient in both: nothing documents that it is here.
func (o *Orchestrator) readBody(c *server.Call, members []member) (map[string]jsontext.Value, *server.Answer) {
	refuse := func(status int, text string) (map[string]jsontext.Value, *server.Answer) {
		a := o.message(status, text)
		return nil, &a
	}
	if c.Cut {
		return refuse(http.StatusBadRequest, "The request ended too early.")
	}
	if len(members) == 0 {
		if len(c.Body) > 0 {
			return refuse(http.StatusBadRequest, "The request takes no body.")
		}
		return nil, nil
	}
	if !c.HasType("application/json") {
		return refuse(http.StatusUnsupportedMediaType, "The request entity's media type is not supported for this resource.")
	}
	body := map[string]jsontext.Value{}
	if err := json.Unmarshal(c.Body, &body); err != nil || body == nil {
		return refuse(http.StatusBadRequest, "The request is invalid.")
	}
	for name := range body {
		if !slices.ContainsFunc(members, func(m member) bool { return m.name == name }) {
			return refuse(http.StatusBadRequest, "The member '"+name+"' is not known.")
		}
	}
	for _, m := range members {
		value, there := body[m.name]
		if !there && !o.settings.OmittableMembers || there && !m.fits(value) {
			return refuse(http.StatusBadRequest, "The member '"+m.name+"' is needed, with a value of its type.")
		}
	}
	return body, nil
}

func isTrue(v jsontext.Value) bool { return v.Kind() == 't' }

func isBoolean(v jsontext.Value) bool { return v.Kind() == 't' || v.Kind() == 'f' }

var uuid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

func isID(v jsontext.Value) bool { return uuid.MatchString(text(v)) }

// isDateOrNull accepts the form of the reference's example, which tells no zone,
// and RFC 3339.
func isDateOrNull(v jsontext.Value) bool {
	if v.Kind() == 'n' {
		return true
	}
	for _, layout := range []string{"2006-01-02T15:04:05", time.RFC3339} {
		if _, err := time.Parse(layout, text(v)); err == nil {
			return true
		}
	}
	return false
}

func isOneOf(known ...string) func(jsontext.Value) bool {
	return func(v jsontext.Value) bool { return slices.Contains(known, text(v)) }
}

// text is the string that a value is; empty for any other.
func text(v jsontext.Value) string {
	var s string
	if v.Kind() != '"' || json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}
