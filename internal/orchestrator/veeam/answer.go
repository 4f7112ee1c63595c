package veeam

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// errorMembers are the members by which a JSON object is known for an error of the
// product. No source shows its errors: these are those of the web framework that
// it is built with, of OAuth 2.0 (RFC 6749, section 5.2), and of RFC 9457.
var errorMembers = []string{"error_description", "error", "message", "Message", "title", "detail"}

// identifier is what an error code looks like. Nothing else that an answer says is
// repeated in a log or a dead letter.
var identifier = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// readError takes an error body. It reports whether the body is the product's
// own, and gives its error code, if it has one.
func readError(body []byte) (code string, own bool) {
	var members map[string]json.RawMessage
	if values.First(body) != '{' || json.Unmarshal(body, &members) != nil {
		return "", false
	}
	for _, name := range errorMembers {
		var text string
		if values.First(members[name]) != '"' || json.Unmarshal(members[name], &text) != nil {
			continue
		}
		own = true
		if name == "error" && identifier.MatchString(text) {
			code = text
		}
	}
	return code, own
}

// refine says what an answer that is no success means.
func refine(a orchestrator.Answer, acts bool) orchestrator.Result {
	code, own := readError(a.Body)
	own = own && a.Err == nil
	r := orchestrator.Classify(a, acts, own)
	if own && a.Status >= 400 {
		r.ErrorCode = code
	}
	if a.Status == http.StatusConflict && a.Err == nil {
		r.Health, r.Verdict, r.Reason, r.Detail = orchestrator.Well, job.Busy, "", "the plan is at work, says the API"
	}
	return r
}

func succeeded(a orchestrator.Answer) bool {
	return a.Err == nil && a.Status >= 200 && a.Status <= 299
}

// accepted reports whether an action was accepted: the answer is empty, null, or
// any other JSON. A page comes from something in between.
func accepted(a orchestrator.Answer) bool {
	if !succeeded(a) {
		return false
	}
	body := bytes.TrimSpace(a.Body)
	return len(body) == 0 || !isPage(a.Header) && json.Valid(body)
}

// denies reports whether an answer of success says in its body that there was none:
// some answers come in a wrapper (Orchestrator 5 REST API changelog,
// ResponseWrapper).
func denies(a orchestrator.Answer) bool {
	var wrapper struct {
		Success truth `json:"success"`
	}
	return json.Unmarshal(a.Body, &wrapper) == nil && wrapper.Success.told && !wrapper.Success.yes
}

// isPage reports whether the answer calls itself a page.
func isPage(h http.Header) bool {
	return strings.Contains(strings.ToLower(h.Get("Content-Type")), "html")
}

// ofIngress tells the page with which an ingress says that the product is not
// there, as in an upgrade. The product's own answers are JSON, or empty.
func ofIngress(a orchestrator.Answer) bool {
	body := bytes.TrimSpace(a.Body)
	return (a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed) && a.Err == nil &&
		len(body) > 0 && (body[0] == '<' || isPage(a.Header))
}

// text is a member that is expected to be text; anything else is taken for none.
type text string

// UnmarshalJSON never fails.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if b[0] == '"' && json.Unmarshal(b, &s) == nil {
		*t = text(s)
	}
	return nil
}

// truth is a member that is expected to be true or false, perhaps as text;
// anything else tells nothing.
type truth struct{ told, yes bool }

// UnmarshalJSON never fails.
func (t *truth) UnmarshalJSON(b []byte) error {
	switch strings.ToLower(string(bytes.Trim(b, `"`))) {
	case "true":
		*t = truth{true, true}
	case "false":
		*t = truth{true, false}
	}
	return nil
}
