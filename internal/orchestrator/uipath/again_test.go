package uipath

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

const settle = time.Minute

var (
	inTime    = meant{job.Duplicate, "", orchestrator.Well, ""}
	parked    = meant{job.Unknown, job.UnknownOutcome, orchestrator.Well, ""}
	sent      = meant{job.Delivered, "", orchestrator.Well, ""}
	wait      = meant{job.Unavailable, job.Settling, orchestrator.Untold, ""}
	exhausted = meant{job.Unavailable, job.LookUpsLimited, orchestrator.Untold, ""}
	down      = meant{job.Unavailable, job.ServiceUnavailable, orchestrator.Ill, ""}
)

const vendor = `{"Vendor":"ACME"}`

// doubted is a request of which no answer came: the first try began a time ago,
// and was given up another time ago.
func doubted(first, unknown time.Duration) orchestrator.Try {
	r := item()
	r.Content = fields("Vendor", `"ACME"`)
	now := time.Now()
	return orchestrator.Try{Request: r, Again: true, FirstTry: now.Add(-first), UnknownSince: now.Add(-unknown)}
}

type lookUpCase struct {
	items  func() reply
	try    func(*orchestrator.Try)
	want   meant
	calls  string
	told   []orchestrator.LookUp
	detail string
	id     string        // of the receipt
	wait   time.Duration // at least
}

func (tt lookUpCase) run(t *testing.T, api *fakeAPI, spend int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		try := doubted(2*time.Hour, time.Hour)
		if tt.try != nil {
			tt.try(&try)
		}
		if tt.items != nil {
			answer := tt.items()
			api.items = answers(answer)
		}
		c := api.connector()
		c.Settle = settle
		var told []orchestrator.LookUp
		c.LookedUp = func(what orchestrator.LookUp) { told = append(told, what) }
		for range spend {
			c.budget.Take(time.Now())
		}
		r := c.Submit(t.Context(), try)
		if got := meaningOf(r); got != tt.want {
			t.Errorf("got %+v, want %+v", got, tt.want)
		}
		if calls := api.order(); calls != tt.calls || r.Called != strings.Contains(calls, "P") {
			t.Errorf("calls %s, called %t", calls, r.Called)
		}
		if diff := cmp.Diff(tt.told, told); diff != "" {
			t.Error(diff)
		}
		if !strings.Contains(r.Detail, tt.detail) || strings.Contains(r.Detail, canary) || (r.Detail == "") != (r.Settled()) {
			t.Errorf("detail %q", r.Detail)
		}
		if tt.id != "" && r.Receipt.ID != tt.id {
			t.Errorf("receipt %+v", r.Receipt)
		}
		if r.Wait < tt.wait || (r.Wait > 0) != (tt.wait > 0) {
			t.Errorf("wait %v", r.Wait)
		}
	})
}

func just(rows ...row) func() reply { return func() reply { return listed(rows...) } }

func of(a reply) func() reply { return func() reply { return a } }

func resend(t *orchestrator.Try) { t.Resend = true }

// A queue that takes any number of items of one reference: the item is looked for
// before it is sent again.
func TestALostAnswerIsLookedUp(t *testing.T) {
	t.Parallel()
	ours := row{id: 42, content: vendor}
	found, absent, unclear, failed := []orchestrator.LookUp{orchestrator.Found}, []orchestrator.LookUp{orchestrator.Absent}, []orchestrator.LookUp{orchestrator.Unclear}, []orchestrator.LookUp{orchestrator.Failed}
	old := func() row { return row{id: 41, content: vendor, created: time.Now().Add(-2*time.Hour - 3*time.Second)} }
	tests := map[string]lookUpCase{
		"there":                    {items: just(ours), want: inTime, calls: "QI", told: found, id: "42"},
		"there, in another case":   {items: just(row{content: vendor, reference: "INV-1 "}), want: inTime, calls: "QI", told: found},
		"there, and deleted":       {items: just(row{content: vendor, status: "Deleted"}), want: inTime, calls: "QI", told: found},
		"there, and retried":       {items: just(row{id: 43, key: keyA, content: vendor}, row{id: 42, key: keyA, content: vendor, status: "Retried"}), want: inTime, calls: "QI", told: found, id: "42"},
		"there, beside others":     {items: just(row{id: 43, content: `{"Vendor":"B"}`}, ours), want: inTime, calls: "QI", told: found, id: "42"},
		"there, on a full page":    {items: func() reply { return full(ours) }, want: inTime, calls: "QI", told: found, id: "42"},
		"there, filter ignored":    {items: just(row{id: 43, reference: "x"}, ours), want: inTime, calls: "QI", told: found, id: "42"},
		"there, content as text":   {items: just(row{bare: `"SpecificData":"{\"DynamicProperties\":{\"Vendor\":\"ACME\"}}"`}), want: inTime, calls: "QI", told: found},
		"there, two folders' rows": {items: just(row{id: 42, key: keyA, content: vendor}, row{id: 42, key: keyA, content: vendor}), want: inTime, calls: "QI", told: found},
		"there, resend":            {items: just(ours), try: resend, want: inTime, calls: "QI", told: found, id: "42"},
		"not there":                {items: of(noItems), want: sent, calls: "QIP", told: absent},
		"not there, resend":        {items: of(noItems), try: resend, want: sent, calls: "QIP", told: absent},
		"other content":            {items: just(row{content: `{"Vendor":"B"}`}), want: parked, calls: "QI", told: unclear, detail: "other content"},
		"other content, resend":    {items: just(row{content: `{"Vendor":"B"}`}), try: resend, want: sent, calls: "QIP", told: unclear},
		"other content, no time":   {items: just(row{content: `{"Vendor":"B"}`, timeless: true}), want: parked, calls: "QI", told: unclear, detail: "when it was made"},
		"other content, before":    {items: func() reply { o := old(); o.content = `{"Vendor":"B"}`; return listed(o) }, want: sent, calls: "QIP", told: absent},
		"rewritten by the server":  {items: just(row{content: `{"Vendor":"acme"}`}), want: parked, calls: "QI", told: unclear, detail: "other content"},
		"other content as text":    {items: just(row{bare: `"SpecificContent":null,"SpecificData":"{\"DynamicProperties\":{}}"`}), want: parked, calls: "QI", told: unclear, detail: "other content"},
		"made before":              {items: func() reply { return listed(old()) }, want: sent, calls: "QIP", told: absent},
		"made before, retried now": {items: func() reply {
			o := old()
			o.key, o.status = keyA, "Retried"
			return listed(row{id: 43, key: keyA, content: vendor}, o)
		}, want: sent, calls: "QIP", told: absent},
		"several":                 {items: just(row{id: 43, content: vendor}, ours), want: parked, calls: "QI", told: unclear, detail: "several items"},
		"several, resend":         {items: just(row{id: 43, content: vendor}, ours), try: resend, want: sent, calls: "QIP", told: unclear},
		"full page":               {items: func() reply { return full() }, want: parked, calls: "QI", told: unclear, detail: "more items"},
		"full page, resend":       {items: func() reply { return full() }, try: resend, want: sent, calls: "QIP", told: unclear},
		"filter ignored":          {items: just(row{reference: "x"}), want: parked, calls: "QI", told: unclear, detail: "not asked for"},
		"queue ignored":           {items: just(row{queue: "8", content: vendor}), want: parked, calls: "QI", told: unclear, detail: "not asked for"},
		"content is hidden":       {items: just(row{}), want: parked, calls: "QI", told: unclear, detail: "does not show its content"},
		"content cannot be read":  {items: just(row{content: `[]`}), want: parked, calls: "QI", told: unclear, detail: "does not show its content"},
		"text cannot be read":     {items: just(row{bare: `"SpecificData":"<xml>"`}), want: parked, calls: "QI", told: unclear, detail: "does not show its content"},
		"hidden, and made before": {items: func() reply { o := old(); o.content = ""; return listed(o) }, want: sent, calls: "QIP", told: absent},
		"hidden, none was sent":   {items: just(row{}), try: func(t *orchestrator.Try) { t.Request.Content = fields("a", "null") }, want: inTime, calls: "QI", told: found},
		"no time":                 {items: just(row{content: vendor, timeless: true}), want: parked, calls: "QI", told: unclear, detail: "when it was made"},
		"still settling":          {try: func(t *orchestrator.Try) { t.UnknownSince = time.Now().Add(-10 * time.Second) }, want: wait, calls: "Q", detail: "looked up", wait: 50 * time.Second},
		"still settling, resend":  {try: func(t *orchestrator.Try) { t.UnknownSince, t.Resend = time.Now(), true }, want: wait, calls: "Q", detail: "looked up", wait: time.Minute},
		"settled, to the dot":     {items: of(noItems), try: func(t *orchestrator.Try) { t.UnknownSince = time.Now().Add(-settle) }, want: sent, calls: "QIP", told: absent},
		"forbidden":               {items: of(reply{status: 403, body: `{"errorCode":0,"message":"` + canary + `"}`}), want: parked, calls: "QI", told: unclear, detail: "status 403; it needs Queues.View and Transactions.View"},
		"forbidden, resend":       {items: of(reply{status: 403, body: `{"errorCode":0}`}), try: resend, want: sent, calls: "QIP", told: unclear},
		"refused":                 {items: of(reply{status: 400, body: `{"errorCode":1000}`}), want: parked, calls: "QI", told: unclear, detail: `status 400 and error code "1000"`},
		"down":                    {items: of(reply{status: 503}), want: down, calls: "QI", told: failed, detail: "503"},
		"down, resend":            {items: of(reply{status: 503}), try: resend, want: down, calls: "QI", told: failed, detail: "503"},
		"not signed in":           {items: of(reply{status: 401}), want: meant{job.Unavailable, job.TokenRefused, orchestrator.Refused, ""}, calls: "QI", told: failed, detail: "token"},
		"html":                    {items: of(reply{status: 200, body: "<html>"}), want: meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill, ""}, calls: "QI", told: failed, detail: "promises"},
		"cut off":                 {items: func() reply { a := listed(ours); a.cut = true; return a }, want: meant{job.Unavailable, job.ConnectionLost, orchestrator.Ill, ""}, calls: "QI", told: failed, detail: "cut off"},
		"too long":                {items: of(reply{status: 200, body: strings.Repeat(" ", orchestrator.MaxAnswer+1)}), want: parked, calls: "QI", told: unclear, detail: "more items"},
		"throttled":               {items: of(reply{status: 429, header: http.Header{"Retry-After": {"90"}}}), want: exhausted, calls: "QI", told: failed, detail: "no more look-ups", wait: 90 * time.Second},
		"throttled, for no time":  {items: of(reply{status: 429}), want: exhausted, calls: "QI", told: failed, detail: "no more look-ups", wait: 5 * time.Second / 2},
		"server's clock is ahead": {items: func() reply {
			o := old()
			o.created = o.created.Add(time.Hour)
			return listed(o).dated(time.Now().Add(time.Hour))
		}, want: sent, calls: "QIP", told: absent},
		"server's clock is behind": {items: func() reply {
			o := ours
			o.created = time.Now().Add(-5 * time.Hour)
			return listed(o).dated(time.Now().Add(-4 * time.Hour))
		}, want: inTime, calls: "QI", told: found},
		"just before the first try": {items: func() reply { o := old(); o.created = o.created.Add(time.Second); return listed(o) }, want: inTime, calls: "QI", told: found},
		"ours, but the other queue": {items: just(row{id: 9, queue: "8", content: vendor}, ours), want: inTime, calls: "QI", told: found, id: "42"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, &fakeAPI{add: answers(created()), queues: queueAnswers(queueRow("Invoices", false))}, 0)
		})
	}
	t.Run("no look-ups are left", func(t *testing.T) {
		t.Parallel()
		tt := lookUpCase{want: exhausted, calls: "Q", detail: "no more look-ups", wait: time.Second}
		tt.run(t, &fakeAPI{queues: queueAnswers(queueRow("Invoices", false))}, 10)
	})
}

const keyA = "883749b2-5a9c-4c38-a6b5-aaaaaaaaaaaa"

// A queue that enforces unique references: that the reference is taken says that
// an item is there, and the item says whose it is.
func TestReferenceIsTaken(t *testing.T) {
	t.Parallel()
	const code = "1016"
	equal := meant{job.Duplicate, "", orchestrator.Well, code}
	clash := meant{job.Rejected, job.ReferenceConflict, orchestrator.Well, code}
	lost := meant{job.Unknown, job.UnknownOutcome, orchestrator.Well, code}
	early := meant{job.Unavailable, job.Settling, orchestrator.Well, ""}
	found, absent, unclear, failed := []orchestrator.LookUp{orchestrator.Found}, []orchestrator.LookUp{orchestrator.Absent}, []orchestrator.LookUp{orchestrator.Unclear}, []orchestrator.LookUp{orchestrator.Failed}
	first := func(t *orchestrator.Try) { *t = orchestrator.Try{Request: t.Request} }
	second := func(t *orchestrator.Try) { *t = orchestrator.Try{Request: t.Request, FirstTry: t.FirstTry} }
	ack := func(t *orchestrator.Try) { first(t); t.AcceptDuplicate = true }
	long := func() row { return row{id: 41, created: time.Now().Add(-3 * time.Hour)} }
	other := func() reply { o := long(); o.content = `{"Vendor":"B"}`; return listed(o) }
	gone := func() reply { o := long(); o.content, o.status = vendor, "Deleted"; return listed(o) }
	tests := map[string]lookUpCase{
		"equal, by somebody else":   {items: func() reply { o := long(); o.content = vendor; return listed(o) }, try: first, want: equal, calls: "PQI", told: found, id: "41"},
		"another, by somebody else": {items: other, try: first, want: clash, calls: "PQI", told: found, detail: "other content"},
		"another, resend":           {items: other, try: func(t *orchestrator.Try) { first(t); t.Resend = true }, want: clash, calls: "PQI", told: found, detail: "other content"},
		"another, and ours is deleted": {items: func() reply {
			o := gone()
			o.body = strings.Replace(o.body, `[`, `[`+row{id: 50, content: `{"Vendor":"B"}`, created: time.Now().Add(-3 * time.Hour)}.String()+`,`, 1)
			return o
		}, try: first, want: clash, calls: "PQI", told: found, detail: "other content"},
		"made just now, another":        {items: just(row{content: `{"Vendor":"B"}`}), try: first, want: clash, calls: "PQI", told: found, detail: "other content"},
		"not to be seen":                {items: of(noItems), try: first, want: early, calls: "PQI", told: absent, detail: "cannot be seen yet", wait: settle},
		"not to be seen for long":       {items: of(noItems), try: second, want: clash, calls: "PQI", told: absent, detail: "shows no item"},
		"deleted":                       {items: gone, try: second, want: clash, calls: "PQI", told: absent, detail: "shows no item"},
		"content is hidden":             {items: func() reply { return listed(long()) }, try: first, want: clash, calls: "PQI", told: unclear, detail: "could not be read"},
		"filter ignored":                {items: just(row{reference: "x"}), try: first, want: clash, calls: "PQI", told: unclear, detail: "not asked for"},
		"forbidden":                     {items: of(reply{status: 403, body: `{"errorCode":0}`}), try: first, want: clash, calls: "PQI", told: unclear, detail: "Transactions.View"},
		"down":                          {items: of(reply{status: 503}), try: first, want: down, calls: "PQI", told: failed, detail: "503"},
		"throttled":                     {items: of(reply{status: 429, header: http.Header{"Retry-After": {"90"}}}), try: first, want: exhausted, calls: "PQI", told: failed, detail: "no more look-ups", wait: 90 * time.Second},
		"duplicates are welcome":        {try: ack, want: equal, calls: "P"},
		"duplicates are welcome, again": {try: func(t *orchestrator.Try) { t.AcceptDuplicate = true }, want: equal, calls: "QP"},

		"again, equal":                 {items: func() reply { o := long(); o.content = vendor; return listed(o) }, want: equal, calls: "QPI", told: found, id: "41"},
		"again, another, made since":   {items: just(row{id: 42, content: `{"Vendor":"B"}`}), want: equal, calls: "QPI", told: found, id: "42"},
		"again, hidden, made since":    {items: just(row{id: 42}), want: equal, calls: "QPI", told: found, id: "42"},
		"again, deleted, made since":   {items: just(row{id: 42, status: "Deleted"}), want: equal, calls: "QPI", told: found, id: "42"},
		"again, resend":                {items: just(row{id: 42}), try: resend, want: equal, calls: "QPI", told: found, id: "42"},
		"again, another, made before":  {items: other, want: clash, calls: "QPI", told: found, detail: "other content"},
		"again, hidden, made before":   {items: func() reply { return listed(long()) }, want: lost, calls: "QPI", told: unclear, detail: "could not be read"},
		"again, another, no time":      {items: just(row{content: `{"Vendor":"B"}`, timeless: true}), want: lost, calls: "QPI", told: unclear, detail: "could not be read"},
		"again, forbidden":             {items: of(reply{status: 403, body: `{"errorCode":0}`}), want: lost, calls: "QPI", told: unclear, detail: "Transactions.View"},
		"again, not to be seen":        {items: of(noItems), want: clash, calls: "QPI", told: absent, detail: "shows no item"},
		"again, not to be seen yet":    {items: of(noItems), try: func(t *orchestrator.Try) { t.UnknownSince = time.Now() }, want: early, calls: "QPI", told: absent, detail: "cannot be seen yet", wait: settle - time.Second},
		"again, down":                  {items: of(reply{status: 503}), want: down, calls: "QPI", told: failed, detail: "503"},
		"again, unique, while settles": {items: just(row{id: 42, content: vendor}), try: func(t *orchestrator.Try) { t.UnknownSince = time.Now() }, want: equal, calls: "QPI", told: found, id: "42"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, always(taken), 0)
		})
	}
	t.Run("no look-ups are left", func(t *testing.T) {
		t.Parallel()
		tt := lookUpCase{try: first, want: exhausted, calls: "PQ", detail: "no more look-ups", wait: time.Second}
		tt.run(t, always(taken), 10)
	})
	for name, tt := range map[string]struct {
		queue reply
		lookUpCase
	}{
		"queue not found":       {noItems, lookUpCase{try: first, want: clash, calls: "PQ", detail: "definition could not be read"}},
		"definition is refused": {reply{status: 403, body: `{"errorCode":0}`}, lookUpCase{try: first, want: clash, calls: "PQ", detail: "definition could not be read"}},
		"definition, down":      {reply{status: 503}, lookUpCase{try: first, want: down, calls: "PQ", detail: "503"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, &fakeAPI{add: answers(taken), queues: answers(tt.queue)}, 0)
		})
	}
}

// A panic of a look-up is that of the try, which the consumer catches.
func TestAPanicOfALookUpIsTheTrys(t *testing.T) {
	t.Parallel()
	const boom = "boom"
	api := &fakeAPI{queues: queueAnswers(queueRow("Invoices", false)), items: func(int) reply { panic(boom) }}
	defer func() {
		if got := recover(); got != boom {
			t.Errorf("%v", got)
		}
	}()
	api.connector().Submit(t.Context(), doubted(time.Hour, time.Hour))
	t.Error("no panic")
}
