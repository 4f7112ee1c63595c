package uipath

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// aJob is a row of the list of jobs.
type aJob struct {
	id                        int
	reference, process, input string
	created                   time.Time
}

func (j aJob) String() string {
	created := `null`
	if !j.created.IsZero() {
		created = `"` + j.created.UTC().Format("2006-01-02T15:04:05.999Z") + `"`
	}
	return fmt.Sprintf(`{"Id":%d,"Key":"%s","Reference":%q,"ReleaseName":%q,"InputArguments":%q,"CreationTime":%s}`,
		j.id, keys(j.id), j.reference, j.process, j.input, created)
}

// page is the list as the server gives it, on a clock of its own.
func page(skew time.Duration, jobs ...aJob) reply {
	var all []string
	for _, j := range jobs {
		if !j.created.IsZero() {
			j.created = j.created.Add(skew)
		}
		all = append(all, j.String())
	}
	a := rows(all...)
	a.header = http.Header{"Date": {time.Now().Add(skew).UTC().Format(http.TimeFormat)}}
	return a
}

// jobLookUps are a connector with a settle time of a minute, the fake behind it,
// and what it told of its look-ups.
type jobLookUps struct {
	t    *testing.T
	api  *fakeAPI
	c    *Connector
	told []orchestrator.LookUp
	list func() reply
}

func newJobLookUps(t *testing.T, perMinute int) *jobLookUps {
	l := &jobLookUps{t: t, list: func() reply { return rows() }}
	l.api = jobCalls{
		releases: oneRelease,
		starts:   func(n int) reply { return started(1000 + n) },
		lists:    func(int) reply { return l.list() },
	}.api()
	l.c = l.api.connector()
	l.c.Settle, l.c.LookedUp = time.Minute, func(found orchestrator.LookUp) { l.told = append(l.told, found) }
	setBudget(l.c, perMinute)
	return l
}

// again is the try of a request whose first call was 100 s ago and ended 90 s ago.
func again(r *job.Request) orchestrator.Try {
	return orchestrator.Try{Request: r, Again: true, FirstTry: time.Now().Add(-100 * time.Second), UnknownSince: time.Now().Add(-90 * time.Second)}
}

// proven starts a job, and lets its proof grow old enough.
func (l *jobLookUps) proven() aJob {
	l.t.Helper()
	r := start()
	r.ID, r.Reference = "proof", "the-proof"
	got := l.c.Submit(l.t.Context(), orchestrator.Try{Request: r})
	if got.Verdict != job.Delivered {
		l.t.Fatalf("%+v", got)
	}
	id := 1001
	j := aJob{id, "the-proof", "PostInvoice", "", time.Now()}
	time.Sleep(2 * time.Minute)
	return j
}

func (l *jobLookUps) submit(try orchestrator.Try, want meant, calls string, told ...orchestrator.LookUp) orchestrator.Result {
	l.t.Helper()
	before := len(l.api.jobOrder())
	l.told = nil
	r := l.c.Submit(l.t.Context(), try)
	if got := meaningOf(r); got != want {
		l.t.Errorf("got %+v, want %+v", r, want)
	}
	if order := l.api.jobOrder()[before:]; order != calls || r.Called != strings.Contains(order, "S") {
		l.t.Errorf("calls %s, want %s; called %t", order, calls, r.Called)
	}
	if !slices.Equal(l.told, told) {
		l.t.Errorf("told %v, want %v", l.told, told)
	}
	return r
}

var (
	duplicateJob = meant{job.Duplicate, "", orchestrator.Well, ""}
	deliveredJob = meant{job.Delivered, "", orchestrator.Well, ""}
	unknownJob   = meant{job.Unknown, job.UnknownOutcome, orchestrator.Well, ""}
)

// What a look-up finds, where nothing is known of the filter, and where it was
// seen to work.
func TestJobLookUp(t *testing.T) {
	t.Parallel()
	since := 95 * time.Second // ago: after the first try began
	mine := func(id int, ago time.Duration) aJob {
		return aJob{id, "inv-1", "PostInvoice", `{"n":1.50}`, time.Now().Add(-ago)}
	}
	full := func(reference string) (all []aJob) {
		for i := range mostRows {
			all = append(all, aJob{i + 1, reference, "PostInvoice", `{"n":1.50}`, time.Now().Add(-time.Hour)})
		}
		return all
	}
	type result struct {
		want  meant
		calls string
		told  orchestrator.LookUp
	}
	found := result{duplicateJob, "L", orchestrator.Found}
	unclear := result{unknownJob, "L", orchestrator.Unclear}
	absent := result{deliveredJob, "LS", orchestrator.Absent}
	tests := map[string]struct {
		jobs     func() []aJob
		asked    int    // 0: 1
		untested result // with a filter of which nothing is known
		tested   result // with one that was seen to work
	}{
		"nothing":                {func() []aJob { return nil }, 0, unclear, absent},
		"it":                     {func() []aJob { return []aJob{mine(7, since)} }, 0, found, found},
		"it, in another case":    {func() []aJob { j := mine(7, since); j.process = "POSTINVOICE"; return []aJob{j} }, 0, found, found},
		"its time is cut off":    {func() []aJob { return []aJob{mine(7, 101*time.Second)} }, 0, found, found},
		"an older one":           {func() []aJob { return []aJob{mine(7, 104*time.Second)} }, 0, unclear, absent},
		"it and an older one":    {func() []aJob { return []aJob{mine(8, since), mine(7, time.Hour)} }, 0, found, found},
		"of no time":             {func() []aJob { j := mine(7, 0); j.created = time.Time{}; return []aJob{j} }, 0, unclear, unclear},
		"of no process":          {func() []aJob { j := mine(7, since); j.process = ""; return []aJob{j} }, 0, found, found},
		"another process":        {func() []aJob { j := mine(7, since); j.process = "Other"; return []aJob{j} }, 0, unclear, unclear},
		"it and another process": {func() []aJob { j := mine(8, since); j.process = "Other"; return []aJob{mine(7, since), j} }, 0, found, found},
		"of no input":            {func() []aJob { j := mine(7, since); j.input = ""; return []aJob{j} }, 0, found, found},
		"of more input":          {func() []aJob { j := mine(7, since); j.input = `{"n":1.5,"default":true}`; return []aJob{j} }, 0, found, found},
		"another input":          {func() []aJob { j := mine(7, since); j.input = `{"n":2}`; return []aJob{j} }, 0, unclear, unclear},
		"a folded reference":     {func() []aJob { j := mine(7, since); j.reference = "INV-1"; return []aJob{j} }, 0, unclear, unclear},
		"folded, of no time":     {func() []aJob { j := mine(7, 0); j.reference, j.created = "INV-1", time.Time{}; return []aJob{j} }, 0, unclear, unclear},
		"folded, an older one":   {func() []aJob { j := mine(7, 104*time.Second); j.reference = "INV-1"; return []aJob{j} }, 0, unclear, absent},
		"folded, another's":      {func() []aJob { j := mine(7, since); j.reference, j.process = "INV-1", "Other"; return []aJob{j} }, 0, unclear, absent},
		"it and a folded one":    {func() []aJob { j := mine(8, since); j.reference = "INV-1"; return []aJob{j, mine(7, since)} }, 0, found, found},
		"no filter":              {func() []aJob { j := mine(7, since); j.reference = "other"; return []aJob{j} }, 0, unclear, unclear},
		"no filter, but it":      {func() []aJob { j := mine(8, since); j.reference = "other"; return []aJob{j, mine(7, since)} }, 0, found, found},
		"a full page":            {func() []aJob { return full("inv-1") }, 0, unclear, unclear},
		"two":                    {func() []aJob { return []aJob{mine(8, since), mine(7, since)} }, 0, unclear, unclear},
		"two of two":             {func() []aJob { return []aJob{mine(8, since), mine(7, since)} }, 2, found, found},
		"one of two":             {func() []aJob { return []aJob{mine(8, since)} }, 2, unclear, unclear},
		"three of two":           {func() []aJob { return []aJob{mine(9, since), mine(8, since), mine(7, since)} }, 2, unclear, unclear},
	}
	for name, tt := range tests {
		for proven, want := range map[bool]result{false: tt.untested, true: tt.tested} {
			t.Run(fmt.Sprintf("%s,proven=%t", name, proven), func(t *testing.T) {
				t.Parallel()
				for _, skew := range []time.Duration{0, time.Hour, -time.Hour} {
					synctest.Test(t, func(t *testing.T) {
						l := newJobLookUps(t, 100)
						var others []aJob
						if proven {
							others = []aJob{l.proven()}
						}
						r := start()
						r.Arguments = fields("n", "1.50")
						if tt.asked > 0 {
							r.Options = fields("JobsCount", fmt.Sprint(tt.asked))
						}
						jobs := tt.jobs()
						if len(jobs)+len(others) > mostRows {
							jobs = jobs[:mostRows-len(others)]
						}
						l.list = func() reply { return page(skew, append(jobs, others...)...) }
						got := l.submit(again(r), want.want, want.calls, want.told)
						if want == found && got.Receipt.ID == "" || got.Status == 0 || (got.Detail == "") == (want == unclear) {
							t.Errorf("%+v", got)
						}
					})
				}
			})
		}
	}
}

// A route that wants what nobody can tell to be sent again gets that, but never
// of what was started.
func TestJobLookUpResend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for name, tt := range map[string]struct {
			jobs  []aJob
			asked string
			want  meant
			calls string
			told  orchestrator.LookUp
		}{
			"nothing":    {nil, "1", deliveredJob, "LS", orchestrator.Unclear},
			"no filter":  {[]aJob{{7, "other", "PostInvoice", "", now}}, "1", deliveredJob, "LS", orchestrator.Unclear},
			"found":      {[]aJob{{7, "inv-1", "PostInvoice", "", now}}, "1", duplicateJob, "L", orchestrator.Found},
			"two":        {[]aJob{{7, "inv-1", "PostInvoice", "", now}, {8, "inv-1", "PostInvoice", "", now}}, "1", unknownJob, "L", orchestrator.Unclear},
			"one of two": {[]aJob{{7, "inv-1", "PostInvoice", "", now}}, "2", unknownJob, "L", orchestrator.Unclear},
		} {
			l := newJobLookUps(t, 100)
			l.list = func() reply { return page(0, tt.jobs...) }
			r := start()
			r.Options = fields("JobsCount", tt.asked)
			if tt.asked == "2" {
				l.api = jobCalls{starts: func(int) reply { return started(1, 2) }, releases: oneRelease, lists: func(int) reply { return l.list() }}.api()
				l.c.Client.Transport = l.api
			}
			t.Log(name)
			try := again(r)
			try.Resend = true
			l.submit(try, tt.want, map[string]string{"LS": "LRS"}[tt.calls]+map[string]string{"L": "L"}[tt.calls], tt.told)
		}
	})
}

// What the route has to wait for before a look-up is made: the settle time, and
// the budget.
func TestJobLookUpWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newJobLookUps(t, 3)
		try := again(start())
		try.UnknownSince = time.Now().Add(-50 * time.Second)
		r := l.submit(try, meant{job.Unavailable, job.Settling, orchestrator.Untold, ""}, "")
		if r.Wait != 10*time.Second {
			t.Errorf("wait %s", r.Wait)
		}
		time.Sleep(r.Wait)
		l.submit(try, unknownJob, "L", orchestrator.Unclear)
		r = l.submit(try, meant{job.Unavailable, job.LookUpsLimited, orchestrator.Untold, ""}, "")
		if r.Wait <= 0 || r.Wait > time.Minute {
			t.Errorf("wait %s", r.Wait)
		}
		time.Sleep(r.Wait)
		l.submit(try, unknownJob, "L", orchestrator.Unclear)
	})
}

// An answer that is no list.
func TestJobLookUpFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer reply
		want   meant
		told   orchestrator.LookUp
	}{
		"throttled":       {reply{status: 429, header: http.Header{"Retry-After": {"40"}}}, meant{job.Unavailable, job.LookUpsLimited, orchestrator.Untold, ""}, orchestrator.Failed},
		"down":            {reply{status: 503}, meant{job.Unavailable, job.ServiceUnavailable, orchestrator.Ill, ""}, orchestrator.Failed},
		"not signed in":   {reply{status: 401}, meant{job.Unavailable, job.TokenRefused, orchestrator.Refused, ""}, orchestrator.Failed},
		"no answer":       {reply{err: errBroken}, meant{job.Unavailable, job.ConnectionFailed, orchestrator.Ill, ""}, orchestrator.Failed},
		"a page":          {reply{status: 200, body: "<html>"}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}, orchestrator.Failed},
		"an ingress":      {reply{status: 404, body: "<html>"}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}, orchestrator.Failed},
		"no folder":       {reply{status: 403, body: `{"errorCode":1100}`}, meant{job.Deferred, job.Forbidden, orchestrator.Well, "1100"}, orchestrator.Failed},
		"no right":        {reply{status: 403, body: `{"errorCode":0}`}, unknownJob, orchestrator.Unclear},
		"not filterable":  {reply{status: 400, body: `{"errorCode":1000}`}, unknownJob, orchestrator.Unclear},
		"another refusal": {reply{status: 404, body: `{"errorCode":1002}`}, unknownJob, orchestrator.Unclear},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newJobLookUps(t, 30)
				l.list = func() reply { return tt.answer }
				r := l.submit(again(start()), tt.want, "L", tt.told)
				if !strings.Contains(r.Detail, "an earlier try may have started the job") && tt.told == orchestrator.Unclear {
					t.Errorf("detail %q", r.Detail)
				}
				looksClean(t, name, r)
				if tt.answer.status != 429 {
					return
				}
				if r.Wait != 40*time.Second {
					t.Errorf("wait %s", r.Wait)
				}
				l.list = func() reply { return rows() }
				time.Sleep(39 * time.Second)
				l.submit(again(start()), meant{job.Unavailable, job.LookUpsLimited, orchestrator.Untold, ""}, "")
				time.Sleep(2 * time.Second)
				l.submit(again(start()), unknownJob, "L", orchestrator.Unclear)
			})
		})
	}
}

// A filter is trusted once it found a job that was started, and no longer when
// it fails to.
func TestTrustInTheFilter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newJobLookUps(t, 100)
		l.list = func() reply { return page(0) }
		l.submit(again(start()), unknownJob, "L", orchestrator.Unclear) // nothing was ever started
		l.proven()
		l.submit(again(start()), unknownJob, "L", orchestrator.Unclear) // it ought to show the proof
		proof := l.proven()
		proof.id = 1002
		l.list = func() reply { return page(0, proof) }
		l.submit(again(start()), deliveredJob, "LS", orchestrator.Absent)
		// In another folder, where nothing was started, the filter is the same.
		l.list = func() reply { return page(0) }
		hr := start()
		hr.Folder = "HR"
		l.submit(again(hr), deliveredJob, "LRS", orchestrator.Absent)
		// The proof has gone.
		l.submit(again(start()), unknownJob, "L", orchestrator.Unclear)
		l.submit(again(start()), unknownJob, "L", orchestrator.Unclear)
	})
}

// A job that was started a moment ago may be missing from the list: one waits
// for it, unless the filter was seen to work.
func TestAYoungProof(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newJobLookUps(t, 100)
		other := start()
		other.ID, other.Reference = "2", "inv-2"
		l.submit(orchestrator.Try{Request: other}, deliveredJob, "RS")
		time.Sleep(20 * time.Second)
		r := l.submit(again(start()), meant{job.Unavailable, job.Settling, orchestrator.Untold, ""}, "L", orchestrator.Unclear)
		if r.Wait != 40*time.Second-lookup.GatherTime {
			t.Errorf("wait %s", r.Wait)
		}
		l.c.jobs.Trust()
		l.submit(again(start()), deliveredJob, "LS", orchestrator.Absent)
	})
}

// A job that another request was answered with, or found, is not this one's.
func TestJobsOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newJobLookUps(t, 100)
		proof := l.proven()
		first, second := start(), start()
		second.ID = "2"
		l.submit(orchestrator.Try{Request: first}, deliveredJob, "S")
		theirs := aJob{1002, "inv-1", "PostInvoice", "", time.Now()}
		l.list = func() reply { return page(0, theirs, proof) }
		l.submit(again(second), deliveredJob, "LS", orchestrator.Absent)
		l.submit(again(first), duplicateJob, "L", orchestrator.Found) // its own

		third, fourth := start(), start()
		third.ID, fourth.ID = "3", "4"
		nobodys := aJob{7, "inv-1", "PostInvoice", "", time.Now()}
		l.list = func() reply { return page(0, nobodys, theirs, proof) }
		l.submit(again(third), duplicateJob, "L", orchestrator.Found)
		l.submit(again(fourth), deliveredJob, "LS", orchestrator.Absent)
	})
}

// The look-up, as it is sent: its address stays short.
func TestJobLookUpForm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newJobLookUps(t, 100)
		r := start()
		r.Reference = strings.Repeat("€", 128)
		l.submit(orchestrator.Try{Request: r}, deliveredJob, "RS") // too long to be a proof
		r = start()
		r.ID, r.Reference = "2", "Guns N' Roses"
		l.submit(orchestrator.Try{Request: r}, deliveredJob, "S")
		time.Sleep(2 * time.Minute)
		r = start()
		r.Reference = strings.Repeat("€", 128)
		l.c.Submit(t.Context(), again(r))
		got := l.api.requests[len(l.api.requests)-1]
		want := url.Values{
			"$filter":  {"Reference eq '" + r.Reference + "' or Reference eq 'Guns N'' Roses'"},
			"$select":  {"Id,Key,Reference,ReleaseName,CreationTime,InputArguments"},
			"$orderby": {"Id desc"}, "$top": {"100"},
		}
		if diff := cmp.Diff(want, got.URL.Query()); diff != "" {
			t.Error(diff)
		}
		if n := len(got.URL.RequestURI()); n > 2000 {
			t.Errorf("%d bytes: %s", n, got.URL)
		}
		name, _ := folderHeader(r.Folder)
		if h := got.Header[name]; len(h) != 1 || h[0] != r.Folder {
			t.Errorf("header %v", got.Header)
		}
	})
}
