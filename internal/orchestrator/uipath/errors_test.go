package uipath

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/retry"
)

// meant is what a result says, without its texts.
type meant struct {
	verdict job.Verdict
	reason  job.Reason
	health  orchestrator.Health
	code    string
}

func meaningOf(r orchestrator.Result) meant {
	return meant{r.Verdict, r.Reason, r.Health, r.ErrorCode}
}

func submit(t *testing.T, a reply) orchestrator.Result {
	t.Helper()
	r := always(a).connector().Submit(t.Context(), orchestrator.Try{Request: item()})
	if strings.Contains(fmt.Sprintf("%+v", r), canary) {
		t.Errorf("the result repeats the answer: %+v", r)
	}
	return r
}

// Every code, under the status that it comes with and under those of trouble.
func TestErrorCodes(t *testing.T) {
	t.Parallel()
	const (
		well = orchestrator.Well
		ill  = orchestrator.Ill
	)
	rejected := func(code string) meant { return meant{job.Rejected, job.RejectedByTarget, well, code} }
	deferred := func(code string) meant { return meant{job.Deferred, "", well, code} }
	unknown := func(code string) meant { return meant{job.Unknown, job.ServiceUnavailable, ill, code} }
	tests := []struct {
		status int
		code   string
		want   meant
	}{
		{400, "0", rejected("")},
		{403, "0", meant{job.Deferred, job.Forbidden, well, ""}},
		{404, "0", meant{job.Rejected, job.NotFound, well, ""}},
		{409, "0", rejected("")},
		{413, "0", meant{job.Rejected, job.TooLarge, well, ""}},
		{500, "0", unknown("")},
		{400, "1000", rejected("1000")},
		{409, "1001", rejected("1001")},
		{404, "1002", meant{job.Rejected, job.NotFound, well, "1002"}},
		{400, "1002", meant{job.Rejected, job.NotFound, well, "1002"}},
		{500, "1002", meant{job.Rejected, job.NotFound, well, "1002"}},
		{400, "1003", rejected("1003")},
		{409, "1004", rejected("1004")},
		{400, "1006", deferred("1006")},
		{409, "1007", deferred("1007")},
		{500, "1006", unknown("1006")},
		{400, "1008", rejected("1008")},
		{400, "1009", rejected("1009")},
		{409, "1010", deferred("1010")},
		{500, "1010", unknown("1010")},
		{408, "1010", unknown("1010")},
		{400, "1014", rejected("1014")},
		{400, "1015", rejected("1015")},
		{409, "1016", meant{job.Rejected, job.ReferenceConflict, well, "1016"}},
		{400, "1016", meant{job.Rejected, job.ReferenceConflict, well, "1016"}},
		{500, "1016", meant{job.Rejected, job.ReferenceConflict, well, "1016"}},
		{400, "1017", rejected("1017")},
		{403, "1017", meant{job.Deferred, job.Forbidden, well, "1017"}},
		{400, "1018", rejected("1018")},
		{400, "1019", rejected("1019")},
		{409, "1020", deferred("1020")},
		{503, "1025", unknown("1025")},
		{400, "1025", deferred("1025")},
		{403, "1100", meant{job.Deferred, job.Forbidden, well, "1100"}},
		{400, "1100", meant{job.Deferred, job.Forbidden, well, "1100"}},
		{400, "1101", rejected("1101")},
		{400, "1102", rejected("1102")},
		{409, "1670", rejected("1670")},
		{400, "1850", rejected("1850")},
		{409, "1850", rejected("1850")},
		{418, "123456", rejected("123456")},
		{401, "0", meant{job.Unavailable, job.TokenRefused, orchestrator.Refused, ""}},
		{401, "1016", meant{job.Unavailable, job.TokenRefused, orchestrator.Refused, ""}},
		{429, "1002", meant{job.Unavailable, job.Throttled, orchestrator.Throttled, ""}},
		{409, `"DuplicateReference"`, meant{job.Rejected, job.ReferenceConflict, well, "1016"}},
		{404, `"ItemNotFound"`, meant{job.Rejected, job.NotFound, well, "1002"}},
		{403, `"InvalidOrganizationUnit"`, meant{job.Deferred, job.Forbidden, well, "1100"}},
		{409, `"OptimisticConcurrency"`, deferred("1020")},
		{400, `"TransactionReferenceRequired"`, rejected("1850")},
		{400, `"QueueItemContentSizeExceeded"`, meant{job.Rejected, job.TooLarge, well, "QueueItemContentSizeExceeded"}},
		{409, `"QueueItemSchemaViolationException"`, rejected("QueueItemSchemaViolationException")},
		{400, `"Another"`, rejected("Another")},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("status=%d,code=%s", tt.status, tt.code), func(t *testing.T) {
			t.Parallel()
			bodies := map[string]string{
				"as it comes":   `{"message":"` + canary + `","errorCode":` + tt.code + `,"traceId":"00-0123-45-00"}`,
				"old server":    `{"message":"` + canary + `","errorCode":` + tt.code + `,"resourceIds":null}`,
				"another case":  `{"Message":"` + canary + `","ErrorCode":` + tt.code + `}`,
				"beside others": `{"errorCode":` + tt.code + `,"errors":["` + canary + `"],"__abp":"` + canary + `","errorMessage":{"` + canary + `":1}}`,
			}
			if tt.code[0] != '"' {
				bodies["quoted"] = `{"message":"` + canary + `","errorCode":" ` + tt.code + ` "}`
			}
			for name, body := range bodies {
				r := submit(t, reply{status: tt.status, body: body})
				if got := meaningOf(r); got != tt.want {
					t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
				}
				if r.Status != tt.status || !r.Called || r.Detail == "" {
					t.Errorf("%s: %+v", name, r)
				}
			}
		})
	}
}

// The forms of bodies that were seen, with the status they come with, and those
// that are not the product's.
func TestErrorBodies(t *testing.T) {
	t.Parallel()
	const abp = `"result":null,"targetUrl":null,"success":false,"error":{"code":0,"message":"` + canary + `","details":"` + canary + `","validationErrors":null},"unAuthorizedRequest":true,"__abp":true}`
	forbidden := meant{job.Deferred, job.Forbidden, orchestrator.Well, ""}
	rejected := meant{job.Rejected, job.RejectedByTarget, orchestrator.Well, ""}
	foreign := meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}
	tests := map[string]struct {
		status int
		body   string
		want   meant
	}{
		"401":                     {401, `{"message":"You are not authenticated!","errorCode":0,` + abp, meant{job.Unavailable, job.TokenRefused, orchestrator.Refused, ""}},
		"403":                     {403, `{"message":"You are not authorized!","errorCode":0,` + abp, forbidden},
		"403 without a code":      {403, `{` + abp, forbidden},
		"missing scope":           {403, `{"errorMessage":"Scope(s) '` + canary + `' is(are) invalid."}`, forbidden},
		"model binding":           {400, `{"type":"https://tools.ietf.org/html/rfc9110","title":"One or more validation errors occurred.","status":400,"errors":{"` + canary + `":["` + canary + `"]},"traceId":"00"}`, rejected},
		"model binding, 404":      {404, `{"errors":{"` + canary + `":["x"]}}`, meant{job.Rejected, job.NotFound, orchestrator.Well, ""}},
		"null body":               {400, `{"message":"itemData must not be null","errorCode":0,"traceId":"00"}`, rejected},
		"no code, a trace":        {404, `{"message":"` + canary + `","traceId":"00"}`, meant{job.Rejected, job.NotFound, orchestrator.Well, ""}},
		"no code, resources":      {403, `{"message":"` + canary + `","resourceIds":null}`, forbidden},
		"code of null":            {403, `{"message":"` + canary + `","errorCode":null}`, forbidden},
		"code of another kind":    {403, `{"errorCode":{"` + canary + `":1}}`, forbidden},
		"code of a list":          {403, `{"errorCode":[1016]}`, forbidden},
		"code that is no code":    {400, `{"errorCode":"` + canary + ` \r\nX: y"}`, rejected},
		"code that is too long":   {400, `{"errorCode":"` + strings.Repeat("a", 65) + `"}`, rejected},
		"number that is too long": {400, `{"errorCode":1234567890}`, rejected},
		"code with a fraction":    {400, `{"errorCode":1016.5}`, rejected},
		"html, 403":               {403, "<html>" + canary, foreign},
		"html, 404":               {404, "<html>" + canary, foreign},
		"html, 405":               {405, "<html>" + canary, foreign},
		"html, 400":               {400, "<html>" + canary, rejected},
		"html, 413":               {413, "<html>" + canary, meant{job.Rejected, job.TooLarge, orchestrator.Well, ""}},
		"html, 502":               {502, "<html>" + canary, meant{job.Unknown, job.ServiceUnavailable, orchestrator.Ill, ""}},
		"empty, 404":              {404, "", foreign},
		"text, 404":               {404, "default backend - 404", foreign},
		"a gateway's message":     {403, `{"message":"Forbidden"}`, foreign},
		"a gateway's number":      {404, `{"statusCode":404,"message":"` + canary + `"}`, foreign},
		"a gateway's request id":  {404, `{"message":"no Route matched with those values","request_id":"1"}`, foreign},
		"a list":                  {404, `[{"errorCode":1002}]`, foreign},
		"broken":                  {404, `{"errorCode":1002`, foreign},
		"twice":                   {404, `{"errorCode":1002}{}`, foreign},
		"a redirect":              {302, `{"errorCode":1016}`, foreign},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := meaningOf(submit(t, reply{status: tt.status, body: tt.body})); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// A code in a body that was cut off is not believed.
func TestErrorBodyCutOff(t *testing.T) {
	t.Parallel()
	r := submit(t, reply{status: 409, body: `{"errorCode":1016}`, cut: true})
	if want := (meant{job.Unknown, job.ConnectionLost, orchestrator.Ill, ""}); meaningOf(r) != want {
		t.Errorf("%+v", r)
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 503} {
		r := submit(t, reply{status: status, body: `{"errorCode":1025}`, header: http.Header{"Retry-After": {"17"}}})
		if r.RetryAfter != 17*time.Second {
			t.Errorf("%d: %s", status, r.RetryAfter)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	r := submit(t, reply{err: errors.New(canary)})
	if want := (meant{job.Unavailable, job.ConnectionFailed, orchestrator.Ill, ""}); meaningOf(r) != want || r.Called {
		t.Errorf("%+v", r)
	}
}

// The details say what to do, in words of our own.
func TestDetails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		want   string
	}{
		"permission":  {403, `{"errorCode":0}`, "the API refused the request with status 403: the account lacks a permission or a scope (Queues.View, Transactions.View and Transactions.Create in the folder)"},
		"queue":       {404, `{"errorCode":1002}`, `queue: "Invoices" does not exist in the folder "Finance/AP"`},
		"folder":      {403, `{"errorCode":1100}`, `folder: "Finance/AP" does not exist, or the account has no access to it`},
		"unknown":     {400, `{"errorCode":1009}`, `the API refused the request with status 400 and error code "1009"`},
		"no code":     {400, `{"errorCode":0}`, `the API refused the request with status 400`},
		"not our own": {404, ``, "the answer does not come from the product: a page of a proxy or an ingress; check the connection's url"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := submit(t, reply{status: tt.status, body: tt.body}).Detail; got != tt.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

// FuzzAnswer gives the API any word: no panic, no text of it repeated, and never
// a meaning that would lose a request or send it twice.
func FuzzAnswer(f *testing.F) {
	bodies := []string{
		`{"message":"m","errorCode":1002,"traceId":"00"}`, `{"errorCode":"1016"}`, `{"errorCode":null}`, `{"errorCode":1e3}`, `{"__abp":true}`,
		`{"errors":{"a":["b"]}}`, `{"errorMessage":"m"}`, `{"message":"m","resourceIds":null}`, `<html>`, ` {} `, `{`, `{"errorCode":{"a":[]}}`, "\xff",
		`{"errorCode":"NoRobotsAvailable"}`, `{"errorCode":"PartiallyCreatedJobs"}`, `{"errorCode":1100}`, `{"message":"Forbidden"}`, `{"errorCode":1025}`,
	}
	for _, status := range []int{0, 101, 200, 201, 302, 400, 401, 403, 404, 407, 408, 409, 429, 500, 503, 599} {
		for i, body := range bodies {
			f.Add(status, []byte(body), []string{"17", "Mon, 01 Jan 2029 00:00:00 GMT", ""}[i%3], i%2 == 0, i%5 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, after string, acts, cut bool) {
		checkEnvelope(t, body)
		a := orchestrator.Answer{Status: status, Body: body, Written: true, Header: http.Header{"Retry-After": {after}}}
		if cut {
			a.Err = io.ErrUnexpectedEOF
		}
		_, envelope := readError(body)
		believed := envelope && !cut && status >= 400
		for _, w := range []words{itemWords, jobWords} {
			r := w.refine(a, acts)
			checkTexts(t, r, body, after)
			checkMeaning(t, r, a, acts, believed)
		}
	})
}

// checkEnvelope holds for every body: a code is the product's own or none, and
// blanks around it change nothing.
func checkEnvelope(t *testing.T, body []byte) {
	t.Helper()
	e, envelope := readError(body)
	if e.ErrorCode != "" && !envelope {
		t.Error("a code in a body that is not the product's")
	}
	if envelope && !json.Valid(body) {
		t.Errorf("%q is taken for the product's", body)
	}
	if c := string(e.ErrorCode); len(c) > 64 || strings.ContainsAny(c, " \r\n\t\x00\"{}<>=:/?&") || !utf8.ValidString(c) {
		t.Errorf("code %q", c)
	}
	again, envelopeAgain := readError(append(append([]byte(" \n"), body...), '\t'))
	if diff := cmp.Diff(e, again); diff != "" || envelope != envelopeAgain {
		t.Errorf("blanks around it change it: %s", diff)
	}
}

// checkTexts holds for every result: one line of our own words, in which nothing
// of the body is repeated but an error code in quotes.
func checkTexts(t *testing.T, r orchestrator.Result, body []byte, after string) {
	t.Helper()
	if r.Detail == "" || len(r.Detail) > 512 || !utf8.ValidString(r.Detail) || strings.ContainsFunc(r.Detail, unicode.IsControl) {
		t.Errorf("detail %q", r.Detail)
	}
	own := strings.ReplaceAll(r.Detail, strconv.Quote(r.ErrorCode), "")
	for _, text := range append(strings.FieldsFunc(string(body), notOfAWord), after) {
		// What has digits beside letters is nowhere in our own words.
		if len(text) > 8 && strings.ContainsAny(text, "0123456789") && strings.Contains(own, text) {
			t.Errorf("detail %q repeats %q", r.Detail, text)
		}
	}
	if r.Receipt != (job.Receipt{}) {
		t.Errorf("an error with a receipt: %+v", r.Receipt)
	}
}

func notOfAWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// checkMeaning holds for every answer that is no success. believed tells that its
// body is the product's own, whole, and comes with a status of failure.
func checkMeaning(t *testing.T, r orchestrator.Result, a orchestrator.Answer, acts, believed bool) {
	t.Helper()
	if r.Settled() {
		t.Errorf("an error is %v", r.Verdict)
	}
	if r.Status != a.Status || r.Called != acts || r.Health == orchestrator.Untold {
		t.Errorf("%+v", r)
	}
	if !believed && (r.ErrorCode != "" || r.Verdict == job.Busy) {
		t.Errorf("%d is %v with code %q, and the body is not the product's", a.Status, r.Verdict, r.ErrorCode)
	}
	// Without the product's word only a 4xx that no ingress gives by itself judges the request.
	judged := r.Verdict == job.Rejected || r.Verdict == job.Deferred
	if judged && !believed && (a.Status < 400 || a.Status >= 500 || a.Err != nil || slices.Contains([]int{401, 403, 404, 405, 407, 408, 425, 429}, a.Status)) {
		t.Errorf("%d is %v, and the body is not the product's", a.Status, r.Verdict)
	}
	if (judged || r.Verdict == job.Busy) && (a.Status == 401 || a.Status == 429) {
		t.Errorf("%d is %v: it says nothing of the request", a.Status, r.Verdict)
	}
	if r.Verdict == job.Unknown && !acts && !believed {
		t.Error("a look-up is unknown")
	}
	// What the product is not sure of may have been carried out.
	if a.Status >= 500 && r.ErrorCode == "" && acts && r.Verdict != job.Unknown {
		t.Errorf("%d is %v without a code", a.Status, r.Verdict)
	}
	if r.RetryAfter != 0 && (r.RetryAfter < retry.MinRetryAfter || r.RetryAfter > retry.MaxRetryAfter || a.Status != 429 && a.Status != 503) {
		t.Errorf("%d: retry after %s", a.Status, r.RetryAfter)
	}
}
