package uipath

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// secretive is a request with a canary in all that is nobody's business.
func secretive() *job.Request {
	r := item()
	r.Reference, r.ID = "ref-"+canary, "id-"+canary
	r.Content = fields("Vendor", `"`+canary+`"`)
	r.Options = fields("Progress", `"`+canary+`"`)
	return r
}

func looksClean(t *testing.T, what string, r any) {
	t.Helper()
	for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(form, r); strings.Contains(text, canary) {
			t.Errorf("%s: %s", what, text)
			return
		}
	}
}

// Whatever the API says, none of it but its error code, and nothing of the
// request, is in a result.
func TestResultsLeakNothing(t *testing.T) {
	t.Parallel()
	bodies := []string{
		canary,
		"<html>" + canary,
		`{"message":"` + canary + `","errorCode":0,"traceId":"` + canary + `"}`,
		`{"message":"` + canary + `","errorCode":1002,"errorMessage":"` + canary + `"}`,
		`{"message":"` + canary + `","errorCode":1016}`,
		`{"message":"` + canary + `","errorCode":1100}`,
		`{"message":"` + canary + `","errorCode":"https://example.com/?token=` + canary + `"}`,
		`{"Id":"` + canary + `","Key":"` + canary + `"}`,
		`{"value":[{"Id":"` + canary + `","Name":"` + canary + `"}]}`,
		`{"errors":{"` + canary + `":["` + canary + `"]}}`,
	}
	header := http.Header{"Location": {"https://example.com/?token=" + canary}, "Retry-After": {canary}, "WWW-Authenticate": {canary}}
	statuses := []int{100, 101, 200, 201, 204, 299, 300, 302, 308, 451, 499, 599}
	for _, first := range []int{400, 410, 420, 500} {
		for n := range 10 {
			statuses = append(statuses, first+n)
		}
	}
	for _, status := range statuses {
		for i, body := range bodies {
			a := reply{status: status, body: body, header: header}
			api := &fakeAPI{other: func(*http.Request) reply { return a }}
			c := api.connector()
			what := fmt.Sprintf("status %d, body %d", status, i)
			for _, again := range []bool{false, true} {
				looksClean(t, what, c.Submit(t.Context(), orchestrator.Try{Request: secretive(), Again: again}))
			}
			looksClean(t, what+", probe", c.Probe(t.Context(), job.AddQueueItem))
		}
	}
}

// The errors of net/http quote the URL, and may quote a header.
func TestErrorsLeakNothing(t *testing.T) {
	t.Parallel()
	inner := []error{
		errors.New(canary),
		&net.OpError{Op: "dial", Net: "tcp", Err: errors.New(canary)},
		&net.OpError{Op: "read", Net: "tcp", Source: &net.UnixAddr{Name: canary}, Err: errors.New(canary)},
	}
	for i, err := range inner {
		api := &fakeAPI{other: func(*http.Request) reply {
			return reply{err: &url.Error{Op: "Post", URL: "https://example.com/?token=" + canary, Err: err}}
		}}
		c := api.connector()
		what := fmt.Sprintf("error %d", i)
		looksClean(t, what, c.Submit(t.Context(), orchestrator.Try{Request: secretive()}))
		looksClean(t, what, c.Probe(t.Context(), job.StartJob))
	}
}

// What Check says names a field, never its value.
func TestCheckLeaksNothing(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*job.Request){
		"folder":   func(r *job.Request) { r.Folder = canary + "/" },
		"id":       func(r *job.Request) { r.Folder = strings.Repeat("9", 30) },
		"queue":    func(r *job.Request) { r.Queue = strings.Repeat(canary, 20) },
		"nested":   func(r *job.Request) { r.Content = fields("a", `{"b":"`+canary+`"}`) },
		"type":     func(r *job.Request) { r.Content = fields("a@odata.type", `"`+canary+`"`) },
		"date":     func(r *job.Request) { r.Options = fields("RiskSlaDate", `"`+canary+`"`) },
		"no text":  func(r *job.Request) { r.Options = fields("Progress", `["`+canary+`"]`) },
		"too long": func(r *job.Request) { r.Content = fields("a", `"`+strings.Repeat(canary, 100)+`"`) },
	} {
		r := item()
		set(r)
		o, ok := New(Settings{ContentLimit: 100}).Check(r)
		if ok {
			t.Errorf("%s: let through", name)
		}
		looksClean(t, name, o)
	}
}
