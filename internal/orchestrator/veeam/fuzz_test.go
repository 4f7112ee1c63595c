package veeam

import (
	"net/http"
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// Whatever an answer holds, it is read without a panic, nothing of it is repeated
// that is no error code, and only what the API promises is a success.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		"", "null", "{}", "[]", idle, failed, inCheck, ownError, htmlPage, listOf(planA, "Site A").body, `{"total":-1,"data":[{}]}`,
		`{"error":"invalid_grant","error_description":"x"}`, `{"title":"x","status":400}`, `{"Message":"x"}`, `{"message":null}`,
		`{"isRunningState":"True","state":7,"currentCheckResult":{}}`, "\xef\xbb\xbf{}", `{"data":null}`, `"` + strings.Repeat("é", 99) + `"`,
	} {
		for _, status := range []int{200, 204, 302, 400, 401, 403, 404, 409, 429, 500, 503} {
			f.Add(status, "application/json", body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, kind, body string) {
		a := orchestrator.Answer{Status: 200 + (status%400+400)%400, Header: http.Header{"Content-Type": {kind}}, Body: []byte(body), Written: true}
		good := a.Status < 300
		if accepted(a) && !good {
			t.Error("accepted with", a.Status)
		}
		for _, acts := range []bool{true, false} {
			r := refine(a, acts)
			if r.Settled() || r.Status != a.Status || r.ErrorCode != "" && !identifier.MatchString(r.ErrorCode) {
				t.Errorf("%+v", r)
			}
			if acts && good && r.Verdict != job.Unknown || a.Status == http.StatusConflict && r.Verdict != job.Busy {
				t.Errorf("%+v", r)
			}
		}
		if p, ok := readPage(a); ok && !good {
			t.Errorf("a list %+v", p)
		} else if len(p.rows) > 0 {
			find(p.rows, planA)
			p.endsAt(len(p.rows))
		}
		if s, ok := readState([]byte(body)); ok {
			got, read := readNote(noteOf(planA, s), planA)
			s.edited = false
			if !read || got != s {
				t.Errorf("noted as %+v, was %+v", got, s)
			}
			shows(action{name: readinessCheck}, got, s)
		}
		readNote(body, planA)
	})
}
