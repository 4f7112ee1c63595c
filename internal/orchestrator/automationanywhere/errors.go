package automationanywhere

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// identifier is what an error code looks like, as UM1117 and
// generic.server.exception. Nothing else is repeated in a log or a dead letter.
var identifier = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// readError takes an error body, {"code","details","message"}. It reports whether
// the body is the product's own; a proxy's page is not. Its texts are not kept:
// they may quote the request.
func readError(body []byte) (code string, envelope bool) {
	body = bytes.Trim(body, " \t\r\n") // what JSON takes for blanks, and no more
	if len(body) == 0 || body[0] != '{' {
		return "", false
	}
	var e struct {
		Code    json.RawMessage `json:"code"`
		Details json.RawMessage `json:"details"`
		Message json.RawMessage `json:"message"`
	}
	if json.Unmarshal(body, &e) != nil || values.First(e.Code) != '"' || e.Details == nil && values.First(e.Message) != '"' {
		return "", false
	}
	if json.Unmarshal(e.Code, &code) != nil || !identifier.MatchString(code) {
		code = ""
	}
	return code, true
}

// matter is what a call is about: what the product's statuses mean of it, for it
// lists no error codes.
type matter struct {
	rights string // that the account needs
	wrong  string // what a request most likely has that is refused with 400
}

var (
	ofItem = matter{
		rights: "owner or participant of the queue to add to it, and consumer to list it; on Enterprise 11 the role AAE_Queue Admin",
		wrong:  "a name in content may be no column of the queue, or a value may not fit its column",
	}
	ofBot = matter{
		rights: "to run the bot, to see its folder, and to use the run-as users or devices",
		wrong:  "an argument may be no input of the bot, or not of its type",
	}
)

// refine says what an answer that is no success means, by its status.
func refine(a orchestrator.Answer, acts bool, of matter) orchestrator.Result {
	code, envelope := readError(a.Body)
	envelope = envelope && a.Err == nil
	r := orchestrator.Classify(a, acts, envelope)
	if !envelope || a.Status < 400 || r.Health == orchestrator.Refused || r.Health == orchestrator.Throttled {
		return r
	}
	r.ErrorCode = code
	switch {
	case a.Status == http.StatusForbidden:
		r.Detail += ": the account lacks a permission (" + of.rights + ")"
	case a.Status == http.StatusPreconditionFailed && acts:
		r.Detail += "; a licence or a device may be missing"
	case r.Health == orchestrator.Well && code != "":
		r.Detail += " and error code " + strconv.Quote(code)
	}
	if a.Status == http.StatusBadRequest && acts {
		r.Detail += ": " + of.wrong
	}
	return r
}

// stale is the result of a 404 to a call with an id that was remembered: the next
// try asks for it anew.
func stale(r orchestrator.Result, field string) orchestrator.Result {
	r.Verdict, r.Reason = job.Deferred, ""
	r.Detail = field + ": the API does not know its id any more; the next try asks for it anew"
	return r
}

// untold is the result of a request of which nobody can tell what became of it.
func untold(r orchestrator.Result, doubt, why, look string) orchestrator.Result {
	r.Verdict, r.Reason, r.Wait = job.Unknown, job.UnknownOutcome, 0
	r.Detail = doubt + ", and it cannot be told whether it did: " + why + "; " + look
	return r
}

// refused says that the product refuses to list.
func refused(r orchestrator.Result) string {
	why := "the look-up was refused with status " + strconv.Itoa(r.Status)
	if r.ErrorCode != "" {
		why += " and error code " + strconv.Quote(r.ErrorCode)
	}
	return why
}
