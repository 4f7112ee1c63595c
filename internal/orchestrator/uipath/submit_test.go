package uipath

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

func answers(replies ...reply) func(int) reply {
	return func(n int) reply { return replies[min(n, len(replies))-1] }
}

func queueAnswers(bodies ...string) func(int) reply {
	return func(n int) reply { return reply{status: 200, body: bodies[min(n, len(bodies))-1]} }
}

var taken = reply{status: 409, body: `{"message":"` + canary + `","errorCode":1016}`}

// A request that may have been carried out is sent again only where that cannot
// do it twice.
func TestAgain(t *testing.T) {
	t.Parallel()
	unique, other := queueRow("Invoices", true), queueRow("Invoices", false)
	unknown := meant{job.Unknown, job.UnknownOutcome, orchestrator.Well, ""}
	delivered := meant{job.Delivered, "", orchestrator.Well, ""}
	tests := map[string]struct {
		queue  reply
		err    bool
		resend bool
		want   meant
		calls  string // see fakeAPI.order
		detail string
	}{
		"unique":               {queue: reply{status: 200, body: unique}, want: delivered, calls: "QP"},
		"unique, another case": {queue: reply{status: 200, body: queueRow("INVOICES", true)}, want: delivered, calls: "QP"},
		"unique, linked folders": {
			queue: reply{status: 200, body: `{"value":[{"Id":7,"Name":"Invoices","EnforceUniqueReference":true},{"Id":"7","Name":"Invoices","EnforceUniqueReference":true}]}`},
			want:  delivered, calls: "QP",
		},
		"unique, resend":     {queue: reply{status: 200, body: unique}, resend: true, want: delivered, calls: "QP"},
		"not unique":         {queue: reply{status: 200, body: other}, want: delivered, calls: "QIP"},
		"not unique, resend": {queue: reply{status: 200, body: other}, resend: true, want: delivered, calls: "QIP"},
		"no flag":            {queue: reply{status: 200, body: `{"value":[{"Id":7,"Name":"Invoices"}]}`}, want: delivered, calls: "QIP"},
		"no id":              {queue: reply{status: 200, body: `{"value":[{"Name":"Invoices"}]}`}, want: unknown, calls: "Q", detail: "no id"},
		"no id, resend":      {queue: reply{status: 200, body: `{"value":[{"Name":"Invoices"}]}`}, resend: true, want: delivered, calls: "QP"},
		"not there, resend":  {queue: reply{status: 200, body: notThere}, resend: true, want: delivered, calls: "QP"},
		"forbidden, resend":  {queue: reply{status: 403, body: `{"errorCode":1100}`}, resend: true, want: delivered, calls: "QP"},
		"down, resend":       {queue: reply{status: 503}, resend: true, want: meant{job.Unavailable, job.ServiceUnavailable, orchestrator.Ill, ""}, calls: "Q"},
		"not there":          {queue: reply{status: 200, body: notThere}, want: unknown, calls: "Q", detail: "could not be found"},
		"filter ignored":     {queue: reply{status: 200, body: queueRow("Another", true)}, want: unknown, calls: "Q", detail: "could not be found"},
		"two of that name": {
			queue: reply{status: 200, body: `{"value":[{"Id":7,"Name":"Invoices","EnforceUniqueReference":true},{"Id":8,"Name":"invoices ","EnforceUniqueReference":true}]}`},
			want:  unknown, calls: "Q", detail: "could not be found",
		},
		"refused":        {queue: reply{status: 400, body: `{"errorCode":1000}`}, want: meant{job.Unknown, job.UnknownOutcome, orchestrator.Well, "1000"}, calls: "Q", detail: "could not be found"},
		"forbidden":      {queue: reply{status: 403, body: `{"errorCode":1100}`}, want: meant{job.Deferred, job.Forbidden, orchestrator.Well, "1100"}, calls: "Q", detail: "an earlier try may have added the item"},
		"down":           {queue: reply{status: 503}, want: meant{job.Unavailable, job.ServiceUnavailable, orchestrator.Ill, ""}, calls: "Q"},
		"locked":         {queue: reply{status: 500, body: `{"errorCode":1010}`}, want: meant{job.Unavailable, job.ServiceUnavailable, orchestrator.Ill, "1010"}, calls: "Q"},
		"throttled":      {queue: reply{status: 429}, want: meant{job.Unavailable, job.Throttled, orchestrator.Throttled, ""}, calls: "Q"},
		"not signed in":  {queue: reply{status: 401}, want: meant{job.Unavailable, job.TokenRefused, orchestrator.Refused, ""}, calls: "Q"},
		"a proxy's page": {queue: reply{status: 404, body: "<html>"}, want: meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}, calls: "Q"},
		"html":           {queue: reply{status: 200, body: "<html>"}, want: meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}, calls: "Q"},
		"no list":        {queue: reply{status: 200, body: `{"Id":7}`}, want: meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}, calls: "Q"},
		"cut off":        {queue: reply{status: 200, body: unique, cut: true}, want: meant{job.Unavailable, job.ConnectionLost, orchestrator.Ill, ""}, calls: "Q"},
		"no answer":      {queue: reply{err: errBroken}, want: meant{job.Unavailable, job.ConnectionFailed, orchestrator.Ill, ""}, calls: "Q"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := &fakeAPI{add: answers(created()), queues: answers(tt.queue), items: answers(noItems)}
			r := api.connector().Submit(t.Context(), orchestrator.Try{Request: item(), Again: true, Resend: tt.resend})
			if got := meaningOf(r); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if calls := api.order(); calls != tt.calls || r.Called != strings.Contains(calls, "P") {
				t.Errorf("calls %s, called %t", calls, r.Called)
			}
			if !strings.Contains(r.Detail, tt.detail) {
				t.Errorf("detail %q", r.Detail)
			}
		})
	}
}

var errBroken = &url.Error{Op: "Get", URL: "https://example.com/?token=" + canary, Err: http.ErrServerClosed}

// A first try asks for no definition.
func TestFirstTryLooksNothingUp(t *testing.T) {
	t.Parallel()
	api := always(created())
	api.connector().Submit(t.Context(), orchestrator.Try{Request: item(), Resend: true, FirstTry: time.Now()})
	if n := api.count(http.MethodGet); n != 0 {
		t.Errorf("%d look-ups", n)
	}
}

// The look-up, as it is sent: quotes doubled, everything escaped.
func TestQueueLookUpForm(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"Invoices":        "%24filter=Name%20eq%20%27Invoices%27",
		"Guns N' Roses":   "%24filter=Name%20eq%20%27Guns%20N%27%27%20Roses%27",
		"'":               "%24filter=Name%20eq%20%27%27%27%27",
		"a+b&c=d#e?f/%25": "%24filter=Name%20eq%20%27a%2Bb%26c%3Dd%23e%3Ff%2F%2525%27",
		"Prüfung 😀":       "%24filter=Name%20eq%20%27Pr%C3%BCfung%20%F0%9F%98%80%27",
		" Invoices ":      "%24filter=Name%20eq%20%27Invoices%27",
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := always(created())
			r := item()
			r.Queue, r.Folder = name, "Rechnungsprüfung"
			api.connector().Submit(t.Context(), orchestrator.Try{Request: r, Again: true})
			got := api.requests[0]
			folder, _ := folderHeader(r.Folder)
			// The dollar sign of a name may stand as it is.
			query := strings.ReplaceAll(got.URL.RawQuery, "$", "%24")
			if want += "&%24select=Id%2CName%2CEnforceUniqueReference&%24top=10"; query != want {
				t.Errorf("query %s\nwant  %s", query, want)
			}
			values, err := url.ParseQuery(got.URL.RawQuery)
			if err != nil || values.Get("$filter") != "Name eq '"+strings.ReplaceAll(strings.TrimSpace(name), "'", "''")+"'" {
				t.Errorf("%v: %v", values, err)
			}
			if got.Method != http.MethodGet || got.URL.Path != "/org/tenant/orchestrator_/odata/QueueDefinitions" || got.Header[folder] == nil {
				t.Errorf("%s %s %v", got.Method, got.URL.Path, got.Header)
			}
		})
	}
}

// The definition is asked for once, for all spellings of a name, and again when
// it is old or when the queue turns out not to be there.
func TestQueueCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &fakeAPI{
			add: answers(created(), created(), created(), reply{status: 404, body: `{"errorCode":1002}`}, created()),
			queues: queueAnswers(
				queueRow("Invoices", true), queueRow("Invoices", true), queueRow("Invoices", false), queueRow("Invoices", true)),
			items: answers(noItems),
		}
		c := api.connector()
		again := func(folder, queue string) orchestrator.Result {
			r := item()
			r.Folder, r.Queue = folder, queue
			return c.Submit(t.Context(), orchestrator.Try{Request: r, Again: true})
		}
		look := func(want int) {
			t.Helper()
			if got := len(api.asked("/odata/QueueDefinitions")); got != want {
				t.Fatalf("asked %d times, want %d", got, want)
			}
		}
		again("Finance", "Invoices")
		again("FINANCE", "invoices ")
		look(1)
		time.Sleep(lookup.CacheLife + time.Second)
		again("Finance", "Invoices")
		look(2)
		if r := again("Finance", "Invoices"); r.Reason != job.NotFound { // the queue was deleted
			t.Errorf("%+v", r)
		}
		look(2)
		if r := again("Finance", "Invoices"); r.Verdict != job.Delivered { // and made anew, without the flag
			t.Errorf("%+v", r)
		}
		look(3)
		if got := len(api.asked("/odata/QueueItems")); got != 1 {
			t.Errorf("%d look-ups", got)
		}
		if r := again("HR", "Invoices"); r.Verdict != job.Delivered { // another folder's is another queue
			t.Errorf("%+v", r)
		}
		look(4)
	})
}

// What is not there is not remembered: it may be there a moment later.
func TestQueueCacheForgetsNothing(t *testing.T) {
	t.Parallel()
	api := &fakeAPI{add: answers(created()), queues: queueAnswers(notThere, queueRow("Invoices", true))}
	c := api.connector()
	try := orchestrator.Try{Request: item(), Again: true}
	first, second := c.Submit(t.Context(), try), c.Submit(t.Context(), try)
	if first.Reason != job.UnknownOutcome || second.Verdict != job.Delivered {
		t.Errorf("%+v, then %+v", first, second)
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	alive := meant{job.Delivered, "", orchestrator.Well, ""}
	tests := map[string]struct {
		answer reply
		want   meant
	}{
		"a row":              {reply{status: 200, body: `{"value":[{"Id":7}]}`}, alive},
		"no row":             {reply{status: 200, body: notThere}, alive},
		"folder required":    {reply{status: 400, body: `{"message":"m","errorCode":1101}`}, meant{job.Rejected, job.RejectedByTarget, orchestrator.Well, "1101"}},
		"forbidden":          {reply{status: 403, body: `{"errorCode":0}`}, meant{job.Deferred, job.Forbidden, orchestrator.Well, ""}},
		"missing scope":      {reply{status: 403, body: `{"errorMessage":"m"}`}, meant{job.Deferred, job.Forbidden, orchestrator.Well, ""}},
		"not found":          {reply{status: 404, body: `{"errorCode":1002}`}, meant{job.Rejected, job.NotFound, orchestrator.Well, "1002"}},
		"html, 200":          {reply{status: 200, body: "<html>"}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}},
		"html, 400":          {reply{status: 400, body: "<html>"}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}},
		"html, 403":          {reply{status: 403, body: "<html>"}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}},
		"html, 404":          {reply{status: 404, body: "<html>"}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}},
		"text, 421":          {reply{status: 421, body: "misdirected"}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}},
		"redirect":           {reply{status: 302}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}},
		"401":                {reply{status: 401, body: `{"errorCode":0}`}, meant{job.Unavailable, job.TokenRefused, orchestrator.Refused, ""}},
		"429":                {reply{status: 429, header: http.Header{"Retry-After": {"9"}}}, meant{job.Unavailable, job.Throttled, orchestrator.Throttled, ""}},
		"500 in its form":    {reply{status: 500, body: `{"errorCode":0}`}, meant{job.Unavailable, job.ServiceUnavailable, orchestrator.Ill, ""}},
		"503":                {reply{status: 503}, meant{job.Unavailable, job.ServiceUnavailable, orchestrator.Ill, ""}},
		"no answer":          {reply{err: errBroken}, meant{job.Unavailable, job.ConnectionFailed, orchestrator.Ill, ""}},
		"the list is cut":    {reply{status: 200, body: `{"value":[]}`, cut: true}, meant{job.Unavailable, job.ConnectionLost, orchestrator.Ill, ""}},
		"an error in a list": {reply{status: 200, body: `{"errorCode":1101}`}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, "1101"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for action, set := range map[job.Action]string{job.AddQueueItem: "QueueDefinitions", job.StartJob: "Releases", "": "QueueDefinitions"} {
				api := &fakeAPI{other: func(*http.Request) reply { return tt.answer }}
				c := api.connector()
				c.Tenant = "Default"
				r := c.Probe(t.Context(), action)
				if got := meaningOf(r); got != tt.want || r.Called {
					t.Errorf("%s: got %+v, want %+v", action, r, tt.want)
				}
				if after := tt.answer.header.Get("Retry-After"); after != "" && r.RetryAfter != 9*time.Second {
					t.Errorf("retry after %s", r.RetryAfter)
				}
				got := api.requests[0]
				if len(api.requests) != 1 || got.Method != http.MethodGet || api.bodies[0] != "" ||
					got.URL.RequestURI() != "/org/tenant/orchestrator_/odata/"+set+"?$top=1&$select=Id" {
					t.Errorf("%s %s", got.Method, got.URL)
				}
				want := http.Header{"Accept": {"application/json"}, "User-Agent": {"queueferry"}, "X-UIPATH-TenantName": {"Default"}}
				if diff := cmp.Diff(want, got.Header); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}
