package automationanywhere

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// An item goes as it was given, with its reference in the column for it, to the
// queue whose name is the same letter by letter.
func TestAnItem(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		e11  bool
		path string
	}{"e11": {true, "/v2/wlm/queues/7/workitems"}, "a360": {false, "/v3/wlm/queues/7/workitems"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := &room{e11: tt.e11}
			c := api.connector()
			for range 2 {
				if r := c.Submit(t.Context(), orchestrator.Try{Request: item("inv-1")}); r.Verdict != job.Delivered || r.Receipt.ID == "" || !r.Called {
					t.Errorf("%+v", r)
				}
			}
			path, body := api.last("A")
			if want := `{"workItems":[{"json":{"Amount":12.50,"Ref":"inv-1","Vendor":"ACME"}}]}`; path != tt.path || body != want {
				t.Errorf("%s %s", path, body)
			}
			if got := api.order(); got != "QAA" {
				t.Errorf("asked %s", got)
			}
		})
	}
}

// The answer to an add: a list or one object, ids as numbers or texts.
func TestAnswersToAnAdd(t *testing.T) {
	t.Parallel()
	unknown := job.Outcome{Verdict: job.Unknown, Reason: job.UnexpectedAnswer}
	for body, want := range map[string]job.Outcome{
		`{"list":[{"id":"31363","json":{},"status":"READY_TO_RUN"}]}`: {Verdict: job.Delivered, Receipt: job.Receipt{ID: "31363"}},
		`{"list":[{"id":31363}]}`:                                     {Verdict: job.Delivered, Receipt: job.Receipt{ID: "31363"}},
		`{"id":9007199254740993}`:                                     {Verdict: job.Delivered, Receipt: job.Receipt{ID: "9007199254740993"}},
		`[{"id":"4"}]`:                                                {Verdict: job.Delivered, Receipt: job.Receipt{ID: "4"}},
		`{"list":[]}`:                                                 unknown,
		`{"list":null}`:                                               unknown,
		`{"list":[{"id":1},{"id":2}]}`:                                unknown,
		`{}`:                                                          unknown,
		`null`:                                                        unknown,
		``:                                                            unknown,
		`{"id":"<b>"}`:                                                unknown,
		`{"id":{}}`:                                                   unknown,
		`<html>` + canary + `</html>`:                                 unknown,
		`{"id":1`:                                                     unknown,
		`{"code":"x","details":null}`:                                 unknown,
		`{"list":[{"id":1,"json":"no json"}]}`:                        {Verdict: job.Delivered, Receipt: job.Receipt{ID: "1"}},
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			api := &room{answer: once("A", reply{status: 200, body: body})}
			r := api.connector().Submit(t.Context(), orchestrator.Try{Request: item("inv-1")})
			got := job.Outcome{Verdict: r.Verdict, Reason: r.Reason, Receipt: r.Receipt}
			if diff := cmp.Diff(want, got); diff != "" || strings.Contains(r.Detail, canary) {
				t.Errorf("%s %s", r.Detail, diff)
			}
		})
	}
}

// The verdicts of answers that are no success, to an item and to a bot.
func TestErrors(t *testing.T) {
	t.Parallel()
	type meant struct {
		verdict job.Verdict
		reason  job.Reason
		health  orchestrator.Health
	}
	for name, tt := range map[string]struct {
		reply reply
		want  meant
	}{
		"400":                 {reply{status: 400, body: envelope("wlm.bad")}, meant{job.Rejected, job.RejectedByTarget, orchestrator.Well}},
		"400, no envelope":    {reply{status: 400, body: "no"}, meant{job.Rejected, job.RejectedByTarget, orchestrator.Well}},
		"401":                 {reply{status: 401, body: envelope("UM1117")}, meant{job.Unavailable, job.TokenRefused, orchestrator.Refused}},
		"403":                 {reply{status: 403, body: envelope("UM1000")}, meant{job.Deferred, job.Forbidden, orchestrator.Well}},
		"403 of a proxy":      {reply{status: 403, body: "<html>"}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill}},
		"404 of a proxy":      {reply{status: 404, body: `{"message":"no route"}`}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill}},
		"409":                 {reply{status: 409, body: envelope("conflict")}, meant{job.Rejected, job.RejectedByTarget, orchestrator.Well}},
		"412":                 {reply{status: 412, body: envelope("no.licence")}, meant{job.Rejected, job.RejectedByTarget, orchestrator.Well}},
		"413":                 {reply{status: 413}, meant{job.Rejected, job.TooLarge, orchestrator.Well}},
		"429":                 {reply{status: 429, header: http.Header{"Retry-After": {"9"}}}, meant{job.Unavailable, job.Throttled, orchestrator.Throttled}},
		"500":                 {reply{status: 500, body: envelope("generic.server.exception")}, meant{job.Unknown, job.ServiceUnavailable, orchestrator.Ill}},
		"502, a page":         {reply{status: 502, body: "<html>" + canary}, meant{job.Unknown, job.ServiceUnavailable, orchestrator.Ill}},
		"503":                 {reply{status: 503}, meant{job.Unknown, job.ServiceUnavailable, orchestrator.Ill}},
		"302":                 {reply{status: 302}, meant{job.Unavailable, job.UnexpectedAnswer, orchestrator.Ill}},
		"200, a page":         {reply{status: 200, body: "<html>" + canary}, meant{job.Unknown, job.UnexpectedAnswer, orchestrator.Ill}},
		"the answer was lost": {lost, meant{job.Unknown, job.ConnectionLost, orchestrator.Ill}},
		"a code of no kind":   {reply{status: 400, body: envelope("<b>" + canary)}, meant{job.Rejected, job.RejectedByTarget, orchestrator.Well}},
	} {
		for kind, r := range map[string]*job.Request{"A": item("inv-1"), "D": bot("inv-1")} {
			t.Run(name+" to "+kind, func(t *testing.T) {
				t.Parallel()
				api := &room{answer: once(kind, tt.reply)}
				got := api.connector().Submit(t.Context(), orchestrator.Try{Request: r})
				if diff := cmp.Diff(tt.want, meant{got.Verdict, got.Reason, got.Health}, cmp.AllowUnexported(meant{})); diff != "" {
					t.Error(diff)
				}
				if strings.Contains(fmt.Sprint(got), canary) {
					t.Errorf("tells %+v", got)
				}
			})
		}
	}
}

// A 400 has a code that says nothing: the detail says where to look.
func TestABadRequestSaysWhereToLook(t *testing.T) {
	t.Parallel()
	refusal := reply{status: 400, body: envelope("generic.bad.request")}
	for kind, tt := range map[string]struct {
		request *job.Request
		want    string
	}{
		"A": {item("inv-1"), `status 400 and error code "generic.bad.request": a name in content may be no column`},
		"D": {bot("inv-1"), `status 400 and error code "generic.bad.request": an argument may be no input`},
	} {
		api := &room{answer: once(kind, refusal)}
		got := api.connector().Submit(t.Context(), orchestrator.Try{Request: tt.request})
		if !strings.Contains(got.Detail, tt.want) {
			t.Errorf("%s: %q", kind, got.Detail)
		}
	}
}

// A queue that nobody knows by its id any more is asked for anew, once.
func TestAQueueThatIsGone(t *testing.T) {
	t.Parallel()
	gone := reply{status: 404, body: envelope("wlm.queue.not.found")}
	api := &room{before: true, answer: func(o string, n int) (reply, bool) { return gone, o == "A" && n > 1 }}
	c := api.connector()
	for i, want := range []job.Outcome{
		{Verdict: job.Delivered}, {Verdict: job.Deferred}, {Verdict: job.Rejected, Reason: job.NotFound}, {Verdict: job.Rejected, Reason: job.NotFound},
	} {
		r := c.Submit(t.Context(), orchestrator.Try{Request: item("inv-1")})
		if r.Verdict != want.Verdict || r.Reason != want.Reason {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if got := api.order(); got != "QAAQAQA" {
		t.Errorf("asked %s", got)
	}
}

func TestQueuesByName(t *testing.T) {
	t.Parallel()
	row := func(id, name string) string { return fmt.Sprintf(`{"id":%s,"name":%q}`, id, name) }
	for name, tt := range map[string]struct {
		body   string
		want   job.Outcome
		detail string
	}{
		"none":                {`{"list":[]}`, job.Outcome{Verdict: job.Rejected, Reason: job.NotFound}, `there are 0 queues named "Invoices"`},
		"near names alone":    {`{"list":[` + row("1", "invoices") + `,` + row("2", "Invoices 2") + `]}`, job.Outcome{Verdict: job.Rejected, Reason: job.NotFound}, `0 queues`},
		"several":             {`{"list":[` + row("1", "Invoices") + `,` + row("2", "Invoices") + `]}`, job.Outcome{Verdict: job.Rejected, Reason: job.RejectedByTarget}, `there are 2 queues named "Invoices"`},
		"one twice":           {`{"list":[` + row("1", "Invoices") + `,` + row(`"1"`, "Invoices") + `]}`, job.Outcome{Verdict: job.Delivered}, ""},
		"one, no page":        {`{"list":[` + row("1", "Invoices") + `,` + row("2", "x") + `]}`, job.Outcome{Verdict: job.Delivered}, ""},
		"an id of no kind":    {`{"list":[` + row(`"../1"`, "Invoices") + `]}`, job.Outcome{Verdict: job.Rejected, Reason: job.NotFound}, ""},
		"a page":              {`<html>`, job.Outcome{Verdict: job.Unavailable, Reason: job.UnexpectedAnswer}, ""},
		"always another page": {`{"page":{"total":"900","totalFilter":"900"},"list":[` + row("2", "x") + `]}`, job.Outcome{Verdict: job.Rejected, Reason: job.RejectedByTarget}, "among the many"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := &room{answer: func(o string, _ int) (reply, bool) { return reply{status: 200, body: tt.body}, o == "Q" }}
			r := api.connector().Submit(t.Context(), orchestrator.Try{Request: item("inv-1")})
			if r.Verdict != tt.want.Verdict || r.Reason != tt.want.Reason || !strings.Contains(r.Detail, tt.detail) {
				t.Errorf("%+v", r)
			}
		})
	}
}

func requests(n int) (tries []*orchestrator.Try) {
	for i := range n {
		tries = append(tries, &orchestrator.Try{Request: item(fmt.Sprint("inv-", i))})
	}
	return tries
}

// What the answer to a batch means for each of its items.
func TestBatches(t *testing.T) {
	t.Parallel()
	ok := func(body string) *reply { return &reply{status: 200, body: body} }
	for name, tt := range map[string]struct {
		reply  *reply
		want   string
		singly bool
	}{
		"all":             {nil, "delivered 1000, delivered 1001, delivered 1002", false},
		"too few rows":    {ok(`{"list":[{"id":1},{"id":2}]}`), "unknown , unknown , unknown ", false},
		"too many rows":   {ok(`{"list":[{"id":1},{"id":2},{"id":3},{"id":4}]}`), "unknown , unknown , unknown ", false},
		"one object":      {ok(`{"id":1}`), "unknown , unknown , unknown ", false},
		"another order":   {ok(`{"list":[{"id":3,"json":{"Ref":"inv-2"}},{"id":2,"json":{"Ref":"inv-1"}},{"id":1,"json":{"Ref":"inv-0"}}]}`), "delivered 1, delivered 2, delivered 3", false},
		"no contents":     {ok(`{"list":[{"id":3},{"id":2},{"id":1}]}`), "delivered , delivered , delivered ", false},
		"no answer":       {&lost, "unknown , unknown , unknown ", false},
		"an error":        {&reply{status: 500}, "unknown , unknown , unknown ", false},
		"a bad request":   {&reply{status: 400, body: envelope("bad")}, "unavailable , unavailable , unavailable ", true},
		"a missing queue": {&reply{status: 404, body: envelope("bad")}, "unavailable , unavailable , unavailable ", true},
		"forbidden":       {&reply{status: 403, body: envelope("bad")}, "deferred , deferred , deferred ", false},
		"throttled":       {&reply{status: 429}, "unavailable , unavailable , unavailable ", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := &room{}
			if tt.reply != nil {
				api.answer = once("A", *tt.reply)
			}
			var got []string
			for _, r := range api.connector().SubmitBatch(t.Context(), requests(3)) {
				got = append(got, fmt.Sprint(r.Verdict, " ", r.Receipt.ID))
				if r.Singly != tt.singly {
					t.Errorf("%+v", r)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An item that is not ours any more does not go with the others.
func TestABatchLeavesOutWhatWasLost(t *testing.T) {
	t.Parallel()
	api := &room{}
	tries := requests(3)
	tries[1].Still = func() bool { return false }
	got := api.connector().SubmitBatch(t.Context(), tries)
	if got[0].Verdict != job.Delivered || got[1].Reason != job.LeaseLost || got[2].Verdict != job.Delivered {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff(map[string]int{"inv-0": 1, "inv-2": 1}, api.stored()); diff != "" {
		t.Error(diff)
	}
}

func TestBatchKeys(t *testing.T) {
	t.Parallel()
	c := (&room{}).connector()
	if _, ok := c.BatchKey(bot("a")); ok {
		t.Error("bots go together")
	}
	a, _ := c.BatchKey(item("a"))
	b, _ := c.BatchKey(item("b"))
	other := item("b")
	other.Queue = "invoices"
	o, _ := c.BatchKey(other)
	if a.Group != b.Group || a.Name == b.Name || o.Group == a.Group || a.Size < 50 {
		t.Errorf("%+v %+v %+v", a, b, o)
	}
	if !c.Claims(item("a")) || !c.Claims(bot("a")) {
		t.Error("not claimed")
	}
}

// A look-up that finds, or certainly does not find, and one that cannot tell.
func TestLookUpsOfItems(t *testing.T) {
	t.Parallel()
	const ours = `{"Vendor":"ACME","Amount":12.50}`
	crowd := func(r *room, n int) {
		for i := range n {
			r.hold(fmt.Sprintf("other-%03d", i), `{}`)
		}
	}
	twins := map[string]string{"col1": "Twin", "col3": "Ref"}
	paired := func(r *room) {
		for i := range 90 {
			r.hold(fmt.Sprint("o", i), fmt.Sprintf(`{"Twin":"o%d"}`, i))
		}
	}
	for name, tt := range map[string]struct {
		room   *room
		set    func(*room) // before the first try
		after  func(*room)
		try    func(*orchestrator.Try)
		want   job.Verdict
		reason job.Reason
		asked  string
		detail string
	}{
		"an empty queue":          {want: job.Delivered, asked: "QIA"},
		"few items, not there":    {set: func(r *room) { crowd(r, 3) }, want: job.Delivered, asked: "QIA"},
		"few items, there":        {set: func(r *room) { crowd(r, 3) }, after: func(r *room) { r.hold("inv-1", ours) }, want: job.Duplicate, asked: "QI"},
		"many items, not there":   {set: func(r *room) { crowd(r, 90) }, want: job.Delivered, asked: "QIIA"},
		"many items, there":       {set: func(r *room) { crowd(r, 90) }, after: func(r *room) { r.hold("inv-1", ours) }, want: job.Duplicate, asked: "QII"},
		"many, there, e11":        {room: &room{e11: true}, set: func(r *room) { crowd(r, 90) }, after: func(r *room) { r.hold("inv-1", ours) }, want: job.Duplicate, asked: "QII"},
		"numbers as texts":        {after: func(r *room) { r.hold("inv-1", `{"Vendor":"ACME","Amount":"12.5"}`) }, want: job.Duplicate, asked: "QI"},
		"a longer reference":      {set: func(r *room) { crowd(r, 90) }, after: func(r *room) { r.hold("inv-12", ours) }, want: job.Delivered, asked: "QIIA"},
		"another case":            {set: func(r *room) { crowd(r, 90) }, after: func(r *room) { r.hold("INV-1", ours) }, want: job.Delivered, asked: "QIIA"},
		"made before":             {set: func(r *room) { crowd(r, 90); r.hold("inv-1", ours) }, want: job.Delivered, asked: "QIIA"},
		"no times":                {room: &room{timeless: true}, set: func(r *room) { crowd(r, 90) }, after: func(r *room) { r.hold("inv-1", ours) }, want: job.Duplicate, asked: "QII"},
		"times without a zone":    {room: &room{zoneless: true}, set: func(r *room) { crowd(r, 90) }, after: func(r *room) { r.hold("inv-1", ours) }, want: job.Duplicate, asked: "QII"},
		"other content":           {after: func(r *room) { r.hold("inv-1", `{"Vendor":"B"}`) }, want: job.Unknown, reason: job.UnknownOutcome, asked: "QI", detail: "other content"},
		"two of them":             {after: func(r *room) { r.hold("inv-1", ours); r.hold("inv-1", ours) }, want: job.Unknown, reason: job.UnknownOutcome, asked: "QI", detail: "several"},
		"too early":               {try: func(t *orchestrator.Try) { t.UnknownSince = time.Now() }, want: job.Unavailable, reason: job.Settling},
		"no column":               {try: func(t *orchestrator.Try) { t.Request.ReferenceColumn = "" }, want: job.Unknown, reason: job.UnknownOutcome, detail: "reference_column"},
		"no column, resend":       {try: func(t *orchestrator.Try) { t.Request.ReferenceColumn, t.Resend = "", true }, want: job.Delivered, asked: "QA"},
		"not displayed":           {room: &room{shown: map[string]string{"col1": "Vendor"}}, set: func(r *room) { crowd(r, 90) }, want: job.Unknown, reason: job.UnknownOutcome, asked: "QII", detail: "display column"},
		"not displayed, resend":   {room: &room{shown: map[string]string{"col1": "Vendor"}}, set: func(r *room) { crowd(r, 90) }, try: func(t *orchestrator.Try) { t.Resend = true }, want: job.Delivered, asked: "QIIA"},
		"not displayed, but seen": {room: &room{shown: map[string]string{"col1": "Vendor"}}, after: func(r *room) { r.hold("inv-1", ours); crowd(r, 90) }, want: job.Unknown, reason: job.UnknownOutcome, asked: "QII"},
		"no references at first": {set: func(r *room) {
			for range 90 {
				r.hold("", `{"Vendor":"old"}`)
			}
			crowd(r, 50)
		}, want: job.Delivered, asked: "QIIIA"},
		"another value everywhere": {room: &room{shown: map[string]string{"col1": "Twin"}}, set: func(r *room) {
			for i := range 90 {
				r.hold(fmt.Sprint("o", i), fmt.Sprintf(`{"Twin":"o%d"}`, i))
			}
		}, want: job.Unknown, reason: job.UnknownOutcome, asked: "QII"},
		"another column shows the same, not there": {room: &room{shown: twins}, set: paired, want: job.Delivered, asked: "QIIA"},
		"another column shows the same, there":     {room: &room{shown: twins}, set: paired, after: func(r *room) { r.hold("inv-1", ours) }, want: job.Duplicate, asked: "QII"},
		"one of them shows it alone": {room: &room{shown: twins}, set: func(r *room) {
			r.hold("alone", `{"Twin":"else"}`)
			paired(r)
		}, after: func(r *room) { r.hold("inv-1", ours) }, want: job.Duplicate, asked: "QII"},
		"a crowd of longer ones": {set: func(r *room) {
			for i := range 300 {
				r.hold(fmt.Sprintf("inv-1%03d", i), `{}`)
			}
		}, after: func(r *room) { r.hold("inv-1", ours) }, want: job.Unknown, reason: job.UnknownOutcome, asked: "QII", detail: "more items"},
		"the filter is ignored":       {room: &room{deaf: true}, set: func(r *room) { crowd(r, 90) }, want: job.Unknown, reason: job.UnknownOutcome, asked: "QII", detail: "not asked for"},
		"ignored, and cut":            {room: &room{deaf: true, most: 60, pageless: true}, set: func(r *room) { crowd(r, 90) }, after: func(r *room) { r.hold("inv-1", ours) }, want: job.Unknown, reason: job.UnknownOutcome, asked: "QII"},
		"one operand alone":           {room: &room{first: true}, set: func(r *room) { crowd(r, 90) }, want: job.Unknown, reason: job.UnknownOutcome, asked: "QII", detail: "does not show an item that was there"},
		"a queue that is gone":        {try: func(t *orchestrator.Try) { t.Request.Queue = "Gone" }, want: job.Unknown, reason: job.UnknownOutcome, asked: "Q"},
		"the list is refused":         {room: &room{before: true, answer: once("I", reply{status: 403, body: envelope("no")})}, want: job.Unknown, reason: job.UnknownOutcome, asked: "QI", detail: "consumer"},
		"the list fails":              {room: &room{before: true, answer: once("I", reply{status: 500})}, want: job.Unavailable, reason: job.ServiceUnavailable, asked: "QI"},
		"the list is throttled":       {room: &room{before: true, answer: once("I", reply{status: 429})}, want: job.Unavailable, reason: job.LookUpsLimited, asked: "QI"},
		"the queues cannot be listed": {room: &room{before: true, answer: once("Q", reply{status: 502})}, want: job.Unavailable, reason: job.ServiceUnavailable, asked: "Q"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := tt.room
				if api == nil {
					api = &room{}
				}
				if tt.set != nil {
					tt.set(api)
				}
				time.Sleep(time.Hour)
				began := time.Now()
				if tt.after != nil {
					tt.after(api)
				}
				time.Sleep(2 * settle)
				try := doubted(item("inv-1"), began)
				if tt.try != nil {
					tt.try(&try)
				}
				r := api.connector().Submit(t.Context(), try)
				if r.Verdict != tt.want || r.Reason != tt.reason || !strings.Contains(r.Detail, tt.detail) {
					t.Errorf("%+v", r)
				}
				if got := api.order(); got != tt.asked {
					t.Errorf("asked %s, want %s", got, tt.asked)
				}
			})
		})
	}
}

// Many that wait are looked up together, and an item is one request's alone.
func TestLookUpsTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &room{}
		for i := range 90 {
			api.hold(fmt.Sprintf("other-%03d", i), `{}`)
		}
		time.Sleep(time.Hour)
		began := time.Now()
		for i := 0; i < 10; i += 2 {
			api.hold(fmt.Sprint("inv-", i), `{"Vendor":"ACME","Amount":12.50}`)
		}
		time.Sleep(2 * settle)
		c := api.connector()
		results := make(chan job.Verdict, 11)
		for i := range 11 {
			go func() {
				r := item(fmt.Sprint("inv-", i%10))
				r.ID = fmt.Sprint(i) // the last has the reference of the first
				results <- c.Submit(t.Context(), doubted(r, began)).Verdict
			}()
		}
		got := map[job.Verdict]int{}
		for range 11 {
			got[<-results]++
		}
		if diff := cmp.Diff(map[job.Verdict]int{job.Duplicate: 5, job.Delivered: 6}, got); diff != "" {
			t.Error(diff)
		}
		if lists := strings.Count(api.order(), "I"); lists != 2 {
			t.Errorf("%d lists", lists)
		}
	})
}

// What the column was learnt from may be removed: it is learnt anew.
func TestAColumnIsLearntAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &room{}
		for i := range 90 {
			api.hold(fmt.Sprintf("other-%03d", i), `{}`)
		}
		time.Sleep(time.Hour)
		c := api.connector()
		began := time.Now()
		time.Sleep(2 * settle)
		if r := c.Submit(t.Context(), doubted(item("inv-1"), began)); r.Verdict != job.Delivered {
			t.Errorf("%+v", r)
		}
		api.items = api.items[60:]
		api.shown = map[string]string{"col5": "Ref"}
		for i := range 90 {
			api.hold(fmt.Sprintf("more-%03d", i), `{}`)
		}
		if r := c.Submit(t.Context(), doubted(item("inv-1"), began)); r.Verdict != job.Duplicate {
			t.Errorf("%+v", r)
		}
		if got := api.order(); got != "QIIAIII" {
			t.Errorf("asked %s", got)
		}
	})
}

// A reference with what servers take for patterns is found by a part of it.
func TestReferencesWithPatterns(t *testing.T) {
	t.Parallel()
	for _, reference := range []string{`a\b-long`, "100%", "x_1", "[a]b", `it's "q"`, "ü€𝄞"} {
		t.Run(reference, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := &room{}
				for i := range 90 {
					api.hold(fmt.Sprintf("other-%03d", i), `{}`)
				}
				time.Sleep(time.Hour)
				began := time.Now()
				api.hold(reference, `{"Vendor":"ACME","Amount":12.50}`)
				time.Sleep(2 * settle)
				if r := api.connector().Submit(t.Context(), doubted(item(reference), began)); r.Verdict != job.Duplicate {
					t.Errorf("%+v", r)
				}
				_, body := api.last("I")
				var q query
				if json.Unmarshal([]byte(body), &q) != nil || strings.ContainsAny(q.Filter.Operands[0].Value, wild) {
					t.Errorf("%s", body)
				}
			})
		})
	}
}
