package uipath

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// jobCalls answers what starting a job asks for: by the n-th call of each kind,
// from 1.
type jobCalls struct {
	releases, starts, lists func(n int) reply
}

func (j jobCalls) api() *fakeAPI {
	f := &fakeAPI{}
	counts := map[string]int{} // the calls of these tests come one after the other
	f.other = func(r *http.Request) reply {
		for path, answer := range map[string]func(int) reply{"/odata/Releases": j.releases, ".StartJobs": j.starts, "/odata/Jobs": j.lists} {
			if strings.HasSuffix(r.URL.Path, path) && answer != nil {
				counts[path]++
				return answer(counts[path])
			}
		}
		return reply{status: 418}
	}
	return f
}

// jobOrder is what was asked, in order: R for releases, S for a start, L for the list of jobs.
func (f *fakeAPI) jobOrder() (s string) {
	for _, r := range f.requests {
		switch {
		case strings.HasSuffix(r.URL.Path, "Releases"):
			s += "R"
		case strings.HasSuffix(r.URL.Path, "StartJobs"):
			s += "S"
		default:
			s += "L"
		}
	}
	return s
}

func keys(n int) string { return fmt.Sprintf("883749b2-0000-4000-8000-%012d", n) }

func releaseRow(name string, n int) string {
	return `{"Id":7,"Name":"` + name + `","Key":"` + keys(n) + `"}`
}

func rows(rows ...string) reply {
	return reply{status: 200, body: `{"value":[` + strings.Join(rows, ",") + `]}`}
}

func oneRelease(int) reply { return rows(releaseRow("PostInvoice", 1)) }

// started is the answer to a start.
func started(ids ...int) reply {
	var all []string
	for _, id := range ids {
		all = append(all, fmt.Sprintf(`{"Id":%d,"Key":"%s","State":"Pending","ReleaseName":"PostInvoice"}`, id, keys(id)))
	}
	a := rows(all...)
	a.status = 201
	return a
}

func startsWith(a reply) jobCalls {
	return jobCalls{releases: oneRelease, starts: func(int) reply { return a }}
}

// Every code, as a number and by its name, under the status that it comes with
// and under others.
func TestStartErrorCodes(t *testing.T) {
	t.Parallel()
	const well, ill = orchestrator.Well, orchestrator.Ill
	rejected := func(code string) meant { return meant{job.Rejected, job.RejectedByTarget, well, code} }
	gone := func(code string) meant { return meant{job.Rejected, job.NotFound, well, code} }
	busy := func(code string) meant { return meant{job.Busy, "", well, code} }
	deferred := func(code string) meant { return meant{job.Deferred, "", well, code} }
	partly := func(code string) meant { return meant{job.Unknown, job.UnknownOutcome, well, code} }
	lost := func(code string) meant { return meant{job.Unknown, job.ServiceUnavailable, ill, code} }
	tests := []struct {
		status int
		code   string
		want   meant
	}{
		{400, "0", rejected("")}, {409, "0", rejected("")}, {404, "0", gone("")},
		{403, "0", meant{job.Deferred, job.Forbidden, well, ""}},
		{413, "0", meant{job.Rejected, job.TooLarge, well, ""}},
		{500, "0", lost("")}, {503, "0", lost("")}, {408, "0", lost("")},
		{404, "1002", gone("1002")}, {400, `"ItemNotFound"`, gone("1002")}, {500, "1002", gone("1002")},
		{400, `"InvalidReleaseKey"`, gone("InvalidReleaseKey")}, {404, `"InvalidReleaseKeyAndName"`, gone("InvalidReleaseKeyAndName")},
		{400, "1009", rejected("1009")}, {400, "1000", rejected("1000")}, {400, "1014", rejected("1014")}, {400, "1015", rejected("1015")},
		{409, "1016", rejected("1016")}, {409, "1850", rejected("1850")},
		{409, `"InvalidStartJobRobotIds"`, rejected("InvalidStartJobRobotIds")},
		{409, "1670", busy("1670")}, {400, "1670", busy("1670")}, {409, `"PendingJobsAlreadyExist"`, busy("1670")},
		{409, `"MaxNumberJobsAlreadyExist"`, busy("MaxNumberJobsAlreadyExist")},
		{409, `"NoRobotsAvailable"`, busy("NoRobotsAvailable")}, {400, `"NoRobotsAvailable"`, busy("NoRobotsAvailable")},
		{409, `"PartiallyCreatedJobs"`, partly("PartiallyCreatedJobs")}, {500, `"PartiallyCreatedJobs"`, partly("PartiallyCreatedJobs")},
		{400, `"LicenseExpiredCannotStartJobs"`, busy("LicenseExpiredCannotStartJobs")},
		{409, `"UnregisteredCannotStartJobs"`, busy("UnregisteredCannotStartJobs")},
		{400, "1006", deferred("1006")}, {409, "1007", deferred("1007")}, {409, "1010", deferred("1010")}, {409, `"OptimisticConcurrency"`, deferred("1020")},
		{400, "1025", deferred("1025")}, {503, "1025", lost("1025")}, {500, "1010", lost("1010")},
		{403, "1100", meant{job.Deferred, job.Forbidden, well, "1100"}}, {400, "1100", meant{job.Deferred, job.Forbidden, well, "1100"}},
		{400, "1101", rejected("1101")}, {400, `"Another"`, rejected("Another")},
		{401, "0", meant{job.Unavailable, job.TokenRefused, orchestrator.Refused, ""}},
		{429, "1670", meant{job.Unavailable, job.Throttled, orchestrator.Throttled, ""}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("status=%d,code=%s", tt.status, tt.code), func(t *testing.T) {
			t.Parallel()
			bodies := []string{
				`{"message":"` + canary + `","errorCode":` + tt.code + `,"traceId":"00-0123-45-00"}`,
				`{"Message":"` + canary + `","ErrorCode":` + tt.code + `,"resourceIds":null}`,
			}
			if tt.code[0] != '"' {
				bodies = append(bodies, `{"message":"`+canary+`","errorCode":" `+tt.code+` "}`)
			}
			for _, body := range bodies {
				r := startsWith(reply{status: tt.status, body: body}).api().connector().Submit(t.Context(), orchestrator.Try{Request: start()})
				if got := meaningOf(r); got != tt.want || r.Status != tt.status || !r.Called || r.Detail == "" {
					t.Errorf("got %+v, want %+v", r, tt.want)
				}
				looksClean(t, body, r)
			}
		})
	}
}

// A license that has run out is nobody's request's fault: the route waits where
// its own folder is asked for, else each message does.
func TestLicense(t *testing.T) {
	t.Parallel()
	for _, name := range []string{nameLicenseExpired, nameUnregistered} {
		for own, want := range map[bool]meant{
			true:  {job.Deferred, job.Forbidden, orchestrator.Well, name},
			false: {job.Busy, "", orchestrator.Well, name},
		} {
			r := start()
			r.FolderFromRoute = own
			got := startsWith(reply{status: 409, body: `{"errorCode":"` + name + `"}`}).api().connector().Submit(t.Context(), orchestrator.Try{Request: r})
			if meaningOf(got) != want {
				t.Errorf("%s, the route's folder %t: %+v", name, own, got)
			}
		}
	}
}

// Of several jobs, a conflict that is not known may have left some behind.
func TestConflictOfSeveral(t *testing.T) {
	t.Parallel()
	unknown := meant{job.Unknown, job.UnknownOutcome, orchestrator.Well, ""}
	for name, tt := range map[string]struct {
		options job.Fields
		status  int
		code    string
		want    meant
	}{
		"no code":       {fields("JobsCount", "2"), 409, "0", unknown},
		"unknown code":  {fields("JobsCount", "2"), 409, "2001", meant{job.Unknown, job.UnknownOutcome, orchestrator.Well, "2001"}},
		"all robots":    {fields("Strategy", `"All"`), 409, "0", unknown},
		"a known code":  {fields("JobsCount", "2"), 409, "1670", meant{job.Busy, "", orchestrator.Well, "1670"}},
		"one job":       {nil, 409, "0", meant{job.Rejected, job.RejectedByTarget, orchestrator.Well, ""}},
		"another error": {fields("JobsCount", "2"), 400, "0", meant{job.Rejected, job.RejectedByTarget, orchestrator.Well, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start()
			r.Options = tt.options
			got := startsWith(reply{status: tt.status, body: `{"errorCode":` + tt.code + `,"traceId":"0"}`}).api().connector().Submit(t.Context(), orchestrator.Try{Request: r})
			if meaningOf(got) != tt.want {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestStartAnswers(t *testing.T) {
	t.Parallel()
	delivered := orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{
		Verdict: job.Delivered, Status: 201, Called: true, Receipt: job.Receipt{ID: "42", Key: keys(42)},
	}}
	unexpected := meant{job.Unknown, job.UnexpectedAnswer, orchestrator.Ill, ""}
	got := startsWith(started(42)).api().connector().Submit(t.Context(), orchestrator.Try{Request: start()})
	if diff := cmp.Diff(delivered, got); diff != "" {
		t.Error(diff)
	}
	several := start()
	several.Options = fields("JobsCount", "3")
	for name, tt := range map[string]struct {
		request *job.Request
		answer  reply
		want    meant
	}{
		"all of several":     {several, started(42, 43, 44), meant{job.Delivered, "", orchestrator.Well, ""}},
		"more than asked":    {start(), started(42, 43), meant{job.Delivered, "", orchestrator.Well, ""}},
		"fewer than asked":   {several, started(42, 43), meant{job.Unknown, job.UnknownOutcome, orchestrator.Well, ""}},
		"none":               {start(), started(), unexpected},
		"another 2xx":        {start(), reply{status: 200, body: started(42).body}, meant{job.Delivered, "", orchestrator.Well, ""}},
		"a job of no id":     {start(), reply{status: 201, body: `{"value":[{"Id":0,"Key":"` + canary + `"}]}`}, unexpected},
		"no list":            {start(), reply{status: 201, body: `{"Id":42}`}, unexpected},
		"a page":             {start(), reply{status: 200, body: "<html>"}, unexpected},
		"nothing":            {start(), reply{status: 204}, unexpected},
		"cut off":            {start(), reply{status: 201, body: started(42).body, cut: true}, meant{job.Unknown, job.ConnectionLost, orchestrator.Ill, ""}},
		"a page of trouble":  {start(), reply{status: 502, body: "<html>"}, meant{job.Unknown, job.ServiceUnavailable, orchestrator.Ill, ""}},
		"an ingress":         {start(), reply{status: 404, body: "<html>"}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}},
		"a proxy's own page": {start(), reply{status: 403, body: "<html>"}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startsWith(tt.answer).api().connector().Submit(t.Context(), orchestrator.Try{Request: tt.request})
			if meaningOf(r) != tt.want {
				t.Errorf("%+v", r)
			}
			looksClean(t, name, r)
		})
	}
}

// The process is asked for by its name, and what comes of that.
func TestRelease(t *testing.T) {
	t.Parallel()
	well := orchestrator.Well
	var ten []string
	for i := range releasePage {
		ten = append(ten, releaseRow(fmt.Sprint("P", i), i))
	}
	for name, tt := range map[string]struct {
		answer reply
		want   meant
		detail string
	}{
		"one":             {rows(releaseRow("PostInvoice", 1)), meant{job.Delivered, "", well, ""}, ""},
		"another case":    {rows(releaseRow("postINVOICE ", 1)), meant{job.Delivered, "", well, ""}, ""},
		"twice the same":  {rows(releaseRow("PostInvoice", 1), releaseRow("PostInvoice", 1)), meant{job.Delivered, "", well, ""}, ""},
		"among others":    {rows(releaseRow("Other", 2), releaseRow("PostInvoice", 1)), meant{job.Delivered, "", well, ""}, ""},
		"none":            {rows(), meant{job.Rejected, job.NotFound, well, ""}, `process: "PostInvoice" does not exist in the folder "Finance/AP"`},
		"another":         {rows(releaseRow("Other", 1)), meant{job.Rejected, job.NotFound, well, ""}, "process: "},
		"several":         {rows(releaseRow("PostInvoice", 1), releaseRow("postinvoice", 2)), meant{job.Rejected, job.RejectedByTarget, well, ""}, "process: the folder has several"},
		"no filter":       {rows(ten...), meant{job.Rejected, job.RejectedByTarget, well, ""}, "process: the API does not find"},
		"no right":        {reply{status: 403, body: `{"errorCode":0}`}, meant{job.Deferred, job.Forbidden, well, ""}, "the process's key could not be asked for: the API refused the request with status 403: the account lacks a permission or a scope (Processes.View"},
		"no folder":       {reply{status: 403, body: `{"errorCode":1100}`}, meant{job.Deferred, job.Forbidden, well, "1100"}, `folder: "Finance/AP" does not exist, or the account`},
		"refused":         {reply{status: 400, body: `{"errorCode":1000}`}, meant{job.Rejected, job.RejectedByTarget, well, "1000"}, "the process's key"},
		"down":            {reply{status: 503}, meant{job.Unavailable, job.ServiceUnavailable, orchestrator.Ill, ""}, "the process's key"},
		"throttled":       {reply{status: 429}, meant{job.Unavailable, job.Throttled, orchestrator.Throttled, ""}, "the process's key"},
		"not signed in":   {reply{status: 401}, meant{job.Unavailable, job.TokenRefused, orchestrator.Refused, ""}, "the process's key"},
		"no answer":       {reply{err: errBroken}, meant{job.Unavailable, job.ConnectionFailed, orchestrator.Ill, ""}, "the process's key"},
		"a page":          {reply{status: 200, body: "<html>"}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}, "the process's key"},
		"a row of no key": {rows(`{"Name":"PostInvoice"}`), meant{job.Rejected, job.NotFound, well, ""}, "process: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := jobCalls{releases: func(int) reply { return tt.answer }, starts: func(int) reply { return started(42) }}.api()
			r := api.connector().Submit(t.Context(), orchestrator.Try{Request: start()})
			if meaningOf(r) != tt.want || !strings.HasPrefix(r.Detail, tt.detail) {
				t.Errorf("%+v", r)
			}
			delivered := r.Verdict == job.Delivered
			if order := api.jobOrder(); order != map[bool]string{true: "RS", false: "R"}[delivered] || r.Called != delivered {
				t.Errorf("calls %s, called %t", order, r.Called)
			}
			if delivered && !strings.Contains(api.bodies[1], `"ReleaseKey":"`+keys(1)+`"`) {
				t.Errorf("body %s", api.bodies[1])
			}
		})
	}
}

// The look-up and the start, as they are sent.
func TestStartForm(t *testing.T) {
	t.Parallel()
	api := startsWith(started(42)).api()
	r := start()
	r.Process, r.Folder = " Guns N' Roses ", keys(3)
	api.connector().Submit(t.Context(), orchestrator.Try{Request: r})
	got := api.requests[0]
	if q := got.URL.Query(); q.Get("$filter") != "Name eq 'Guns N'' Roses'" || q.Get("$select") != "Id,Key,Name,ProcessKey,ProcessVersion" || q.Get("$top") != "10" {
		t.Errorf("%v", q)
	}
	r.Process = keys(1)
	api.connector().Submit(t.Context(), orchestrator.Try{Request: r})
	got = api.requests[len(api.requests)-1]
	if got.Method != http.MethodPost || got.URL.Path != "/org/tenant/orchestrator_/odata/Jobs/UiPath.Server.Configuration.OData.StartJobs" || got.URL.RawQuery != "" {
		t.Errorf("%s %s", got.Method, got.URL)
	}
	name, _ := folderHeader(keys(3))
	if h := got.Header[name]; len(h) != 1 || h[0] != keys(3) {
		t.Errorf("header %v", got.Header)
	}
	if order := api.jobOrder(); order != "RS" { // of the first only the look-up, in vain
		t.Errorf("calls %s", order)
	}
}

// A key is asked for once, for all spellings of a name, and again when it is old
// or refused. A key that was remembered is no reason to give a request up.
func TestReleaseCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone := reply{status: 404, body: `{"errorCode":1002}`}
		api := jobCalls{
			releases: func(n int) reply { return rows(releaseRow("PostInvoice", n)) },
			starts:   answers(started(1), started(2), started(3), gone, started(4), started(5), gone),
		}.api()
		c := api.connector()
		try := func(folder, process string, want job.Verdict, order string) {
			t.Helper()
			r := start()
			r.Folder, r.Process = folder, process
			before := len(api.jobOrder())
			got := c.Submit(t.Context(), orchestrator.Try{Request: r})
			if got.Verdict != want || api.jobOrder()[before:] != order {
				t.Errorf("%s/%s: calls %s, %+v", folder, process, api.jobOrder()[before:], got)
			}
		}
		try("Finance", "PostInvoice", job.Delivered, "RS")
		try("FINANCE", " postinvoice", job.Delivered, "S")
		time.Sleep(lookup.CacheLife + time.Second)
		try("Finance", "PostInvoice", job.Delivered, "RS")
		try("Finance", "PostInvoice", job.Deferred, "S") // the process was made anew
		try("Finance", "PostInvoice", job.Delivered, "RS")
		try("HR", "PostInvoice", job.Delivered, "RS")
		try("IT", "PostInvoice", job.Rejected, "RS")     // asked for just now, and refused
		try("IT", "PostInvoice", job.Rejected, "RS")     // and forgotten
		try("Finance", keys(9), job.Rejected, "S")       // named by its key
		try("Finance", "PostInvoice", job.Deferred, "S") // what others did changes nothing
	})
}
