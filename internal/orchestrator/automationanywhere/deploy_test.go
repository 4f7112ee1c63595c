package automationanywhere

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

func fields(text string) (f job.Fields) {
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		panic(err)
	}
	return f
}

// What is sent to start a bot, of each kind of deployment.
func TestDeployments(t *testing.T) {
	t.Parallel()
	const input = `{"text":"x","n":12.50,"big":12345678901234567890,"yes":true,"list":["a",1],"dictionary":{"k":false,"a":{}}}`
	const typed = `"big":{"type":"NUMBER","number":12345678901234567890},` +
		`"dictionary":{"type":"DICTIONARY","dictionary":[{"key":"a","value":{"type":"DICTIONARY","dictionary":[]}},{"key":"k","value":{"type":"BOOLEAN","boolean":false}}]},` +
		`"list":{"type":"LIST","list":[{"type":"STRING","string":"a"},{"type":"NUMBER","number":1}]},` +
		`"n":{"type":"NUMBER","number":12.50},"text":{"type":"STRING","string":"x"},"yes":{"type":"BOOLEAN","boolean":true}`
	for name, tt := range map[string]struct {
		e11            bool
		options, input string
		priority       job.Priority
		path, body     string
	}{
		"e11": {true, `{"deviceIds":[5,"6"],"runWithRdp":true}`, `{"Country":"India","n":1}`, "", "/v2/automations/deploy",
			`{"botVariables":{"Country":{"string":"India"},"n":{"number":1}},"deviceIds":["5","6"],"fileId":"86","runWithRdp":true}`},
		"a360": {false, `{"runAsUserIds":[12,"13"],"poolIds":[],"overrideDefaultDevice":false,"numOfRunAsUsersToUse":2,"callbackInfo":{"url":"https://h","headers":{"X-Key":"k"}}}`, input, "", "/v3/automations/deploy",
			`{"automationName":"inv-1","botInput":{` + typed + `},"callbackInfo":{"headers":{"X-Key":"k"},"url":"https://h"},"fileId":"86","numOfRunAsUsersToUse":2,"overrideDefaultDevice":false,"poolIds":[],"runAsUserIds":["12","13"]}`},
		"a360, unattended": {false, `{"unattendedRequest":{"runAsUserIds":["12"],"poolIds":[3],"deviceUsageType":"run_on_pool_devices"},"runElevated":true,"botLabel":"PRODUCTION"}`, `{"in":""}`, job.Normal, "/v4/automations/deploy",
			`{"automationName":"inv-1","automationPriority":"PRIORITY_MEDIUM","botId":86,"botInput":{"in":{"type":"STRING","string":""}},"botLabel":"PRODUCTION","executionType":"RUN_NOW","runElevated":true,"unattendedRequest":{"deviceUsageType":"RUN_ON_POOL_DEVICES","poolIds":[3],"runAsUserIds":[12]}}`},
		"nothing but a user": {false, `{"runAsUserIds":[12],"callbackInfo":null}`, `{}`, "", "/v3/automations/deploy", `{"automationName":"inv-1","fileId":"86","runAsUserIds":["12"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := &room{e11: tt.e11}
			c, r := api.connector(), bot("inv-1")
			r.Options, r.Arguments, r.Priority = fields(tt.options), fields(tt.input), tt.priority
			if o, ok := c.Check(r); !ok {
				t.Fatalf("%+v", o)
			}
			got := c.Submit(t.Context(), orchestrator.Try{Request: r})
			if got.Verdict != job.Delivered || (got.Receipt == job.Receipt{}) || !got.Called {
				t.Errorf("%+v", got)
			}
			path, body := api.last("D")
			if diff := cmp.Diff(tt.path+" "+tt.body, path+" "+body); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What no call is made for.
func TestChecks(t *testing.T) {
	t.Parallel()
	jobs := func(options string) func(*job.Request) {
		return func(r *job.Request) { *r = *bot("inv-1"); r.Options = fields(options) }
	}
	for name, tt := range map[string]struct {
		e11    bool
		set    func(*job.Request)
		reason job.Reason
		detail string // its beginning
	}{
		"an item":                  {false, func(*job.Request) {}, "", ""},
		"a folder":                 {false, func(r *job.Request) { r.Folder = "F" }, job.InvalidRequest, "folder: "},
		"no queue":                 {false, func(r *job.Request) { r.Queue = " " }, job.InvalidRequest, "queue: "},
		"priority of an item":      {false, func(r *job.Request) { r.Priority = job.Low }, job.InvalidRequest, "priority: "},
		"a date":                   {false, func(r *job.Request) { r.DeferUntil = time.Now() }, job.InvalidRequest, "defer_until: "},
		"a due date":               {false, func(r *job.Request) { r.DueBy = time.Now() }, job.InvalidRequest, "due_by: "},
		"an option of an item":     {false, func(r *job.Request) { r.Options = fields(`{"b":1,"a":1}`) }, job.InvalidRequest, "options.a: "},
		"the same reference":       {false, func(r *job.Request) { r.Content = fields(`{"Ref":"inv-\u0031"}`) }, "", ""},
		"another reference":        {false, func(r *job.Request) { r.Content = fields(`{"Ref":"x"}`) }, job.InvalidRequest, "content.Ref: "},
		"a number as reference":    {false, func(r *job.Request) { r.Content, r.Reference = fields(`{"Ref":1}`), "1" }, job.InvalidRequest, "content.Ref: "},
		"too large":                {false, func(r *job.Request) { r.Content = fields(`{"a":"` + strings.Repeat("x", 2000) + `"}`) }, job.TooLarge, "content: "},
		"a bot":                    {false, jobs(`{"runAsUserIds":[12]}`), "", ""},
		"by path":                  {false, func(r *job.Request) { *r = *bot("a"); r.Process = `Bots\A` }, "", ""},
		"no process":               {false, func(r *job.Request) { *r = *bot("a"); r.Process = "" }, job.InvalidRequest, "process: "},
		"an id out of range":       {false, func(r *job.Request) { *r = *bot("a"); r.Process = "007" }, job.InvalidRequest, "process: "},
		"priority of a bot":        {false, func(r *job.Request) { *r = *bot("a"); r.Priority = job.Low }, job.InvalidRequest, "priority: "},
		"no users":                 {false, jobs(`{"overrideDefaultDevice":true}`), job.InvalidRequest, "options.runAsUserIds: missing"},
		"devices on a360":          {false, jobs(`{"runAsUserIds":[12],"deviceIds":[1]}`), job.InvalidRequest, "options.deviceIds: unknown"},
		"users on e11":             {true, jobs(`{"deviceIds":[12],"runAsUserIds":[1]}`), job.InvalidRequest, "options.runAsUserIds: unknown"},
		"unattended on e11":        {true, jobs(`{"deviceIds":[12],"unattendedRequest":{}}`), job.InvalidRequest, "options.unattendedRequest: unknown"},
		"no devices":               {true, jobs(`{"runWithRdp":true}`), job.InvalidRequest, "options.deviceIds: missing"},
		"an empty list of users":   {false, jobs(`{"runAsUserIds":[],"poolIds":[ ]}`), job.InvalidRequest, "options.runAsUserIds: missing"},
		"an empty list, a pool":    {false, jobs(`{"runAsUserIds":[],"poolIds":[1]}`), "", ""},
		"an empty list of devices": {true, jobs(`{"deviceIds":[]}`), job.InvalidRequest, "options.deviceIds: missing"},
		"an id of no kind":         {false, jobs(`{"runAsUserIds":["x"]}`), job.InvalidRequest, "options.runAsUserIds: element 1"},
		"no list":                  {false, jobs(`{"runAsUserIds":12}`), job.InvalidRequest, "options.runAsUserIds: must be a list"},
		"users beside unattended":  {false, jobs(`{"runAsUserIds":[12],"unattendedRequest":{}}`), job.InvalidRequest, "options.runAsUserIds: belongs into"},
		"an unknown member":        {false, jobs(`{"unattendedRequest":{"x":1}}`), job.InvalidRequest, "options.unattendedRequest: x: unknown"},
		"elsewhere":                {false, jobs(`{"fileId":1,"runAsUserIds":[12]}`), job.InvalidRequest, "options.fileId: set process"},
		"a call-back to nowhere":   {false, jobs(`{"runAsUserIds":[12],"callbackInfo":{"headers":{}}}`), job.InvalidRequest, "options.callbackInfo: url: missing"},
		"null as an input":         {false, func(r *job.Request) { *r = *bot("a"); r.Arguments = fields(`{"a":[1,null]}`) }, job.InvalidRequest, "arguments.a: null"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, r := (&room{e11: tt.e11}).connector(), item("inv-1")
			c.ContentLimit = 1000
			tt.set(r)
			o, ok := c.Check(r)
			if ok != (tt.reason == "") || o.Reason != tt.reason || !strings.HasPrefix(o.Detail, tt.detail) {
				t.Errorf("%t %+v", ok, o)
			}
		})
	}
}

// A bot is found by its path, letter by letter, and remembered until the API does
// not know it any more.
func TestBotsByPath(t *testing.T) {
	t.Parallel()
	post := fileJSON{"86", `Automation Anywhere\Bots\Finance\Post`, taskBot}
	elsewhere := fileJSON{87, `Automation Anywhere\Bots\HR\Post`, taskBot}
	for name, tt := range map[string]struct {
		e11     bool
		process string
		bots    []fileJSON
		want    job.Outcome
		asked   string
	}{
		"by its whole path":   {false, post.Path, []fileJSON{elsewhere, post}, job.Outcome{Verdict: job.Delivered}, "FDD"},
		"slashes in its path": {false, `Bots/Finance/Post`, []fileJSON{elsewhere, post}, job.Outcome{Verdict: job.Delivered}, "FDD"},
		"slashes in the list": {false, `Bots\Finance\Post`, []fileJSON{{86, "Automation Anywhere/Bots/Finance/Post", taskBot}}, job.Outcome{Verdict: job.Delivered}, "FDD"},
		"without the root":    {false, `Bots\Finance\Post`, []fileJSON{post, elsewhere}, job.Outcome{Verdict: job.Delivered}, "FDD"},
		"on e11":              {true, post.Path, []fileJSON{{"86", post.Path, "application/vnd.aa.task"}}, job.Outcome{Verdict: job.Delivered}, "FDD"},
		"by its id":           {false, "86", nil, job.Outcome{Verdict: job.Delivered}, "DD"},
		"in another case":     {false, `Bots\finance\Post`, []fileJSON{post}, job.Outcome{Verdict: job.Rejected, Reason: job.NotFound}, "FF"},
		"of another type":     {false, post.Path, []fileJSON{{"86", post.Path, "application/vnd.aa.directory"}}, job.Outcome{Verdict: job.Rejected, Reason: job.NotFound}, "FF"},
		"a folder on e11":     {true, post.Path, []fileJSON{{"86", post.Path, "application/vnd.aa.directory"}}, job.Outcome{Verdict: job.Rejected, Reason: job.NotFound}, "FF"},
		"several":             {false, post.Path, []fileJSON{post, {88, post.Path, taskBot}}, job.Outcome{Verdict: job.Rejected, Reason: job.RejectedByTarget}, "FF"},
		"with no such thing":  {false, post.Path, nil, job.Outcome{Verdict: job.Rejected, Reason: job.NotFound}, "FF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := &room{e11: tt.e11, bots: tt.bots}
			c, r := api.connector(), bot("inv-1")
			if r.Process = tt.process; tt.e11 {
				r.Options = fields(`{"deviceIds":[1]}`)
			}
			for range 2 {
				if got := c.Submit(t.Context(), orchestrator.Try{Request: r}); got.Verdict != tt.want.Verdict || got.Reason != tt.want.Reason {
					t.Errorf("%+v", got)
				}
			}
			if got := api.order(); got != tt.asked {
				t.Errorf("asked %s", got)
			}
		})
	}
}

func TestABotThatIsGone(t *testing.T) {
	t.Parallel()
	const path = `Automation Anywhere\Bots\Post`
	api := &room{before: true, bots: []fileJSON{{86, path, taskBot}}, answer: func(o string, n int) (reply, bool) {
		return reply{status: 404, body: envelope("gone")}, o == "D" && n > 1
	}}
	c, r := api.connector(), bot("inv-1")
	r.Process = path
	for i, want := range []job.Verdict{job.Delivered, job.Deferred, job.Rejected, job.Rejected} {
		if got := c.Submit(t.Context(), orchestrator.Try{Request: r}); got.Verdict != want {
			t.Errorf("%d: %+v", i, got)
		}
	}
	if got := api.order(); got != "FDDFDFD" {
		t.Errorf("asked %s", got)
	}
}

func TestAnswersToADeployment(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]job.Receipt{
		`{"deploymentId":"883749B2-5a9c-4c38-a6b5-3f1e6f5d3c2a","automationName":"x"}`: {Key: "883749b2-5a9c-4c38-a6b5-3f1e6f5d3c2a"},
		`{"automationId":"33"}`:                    {ID: "33"},
		`{"automationId":33,"deploymentId":"d-1"}`: {ID: "33", Key: "d-1"},
		`{"deploymentId":33}`:                      {Key: "33"},
		`{"deploymentId":"<b>"}`:                   {},
		`{"deploymentId":null}`:                    {},
		`null`:                                     {},
		``:                                         {},
		`<html>`:                                   {},
	} {
		api := &room{answer: once("D", reply{status: 201, body: body})}
		r := api.connector().Submit(t.Context(), orchestrator.Try{Request: bot("inv-1")})
		if r.Receipt != want || (r.Verdict == job.Delivered) != (want != job.Receipt{}) || r.Verdict != job.Delivered && r.Verdict != job.Unknown {
			t.Errorf("%s: %+v", body, r)
		}
	}
}

// A deployment whose answer was lost is looked up where that can tell.
func TestLookUpsOfDeployments(t *testing.T) {
	t.Parallel()
	proven := func(t *testing.T, c *Connector, at time.Duration) {
		c.Submit(t.Context(), orchestrator.Try{Request: bot("proof")})
		time.Sleep(at)
	}
	started := func(r *room, names ...string) {
		for _, name := range names {
			r.runs = append(r.runs, runJSON{100 + len(r.runs), name, time.Now()})
		}
	}
	for name, tt := range map[string]struct {
		room   *room
		proof  time.Duration // how long ago one was started; 0: none was
		set    func(*room)
		after  func(*room)
		try    func(*orchestrator.Try)
		want   job.Verdict
		reason job.Reason
		asked  string
		detail string
	}{
		"there":                       {after: func(r *room) { started(r, "inv-1") }, want: job.Duplicate, asked: "L"},
		"there, no times":             {room: &room{timeless: true}, after: func(r *room) { started(r, "inv-1") }, want: job.Duplicate, asked: "L"},
		"there, times without a zone": {room: &room{zoneless: true}, proof: time.Hour, after: func(r *room) { started(r, "inv-1") }, want: job.Duplicate, asked: "DL"},
		"not there, nothing proven":   {want: job.Unknown, reason: job.UnknownOutcome, asked: "L", detail: "yet"},
		"nothing proven, resend":      {try: func(t *orchestrator.Try) { t.Resend = true }, want: job.Delivered, asked: "LD"},
		"not there":                   {proof: time.Hour, want: job.Delivered, asked: "DLD"},
		"another's":                   {proof: time.Hour, set: func(r *room) { started(r, "inv-1") }, want: job.Delivered, asked: "DLD"},
		"another bot's":               {proof: time.Hour, after: func(r *room) { started(r, "inv-1") }, try: func(t *orchestrator.Try) { t.Request.Process = "87" }, want: job.Unknown, reason: job.UnknownOutcome, asked: "DL", detail: "another bot"},
		"several":                     {proof: time.Hour, after: func(r *room) { started(r, "inv-1", "inv-1") }, try: func(t *orchestrator.Try) { t.Resend = true }, want: job.Unknown, reason: job.UnknownOutcome, asked: "DL", detail: "2 deployments"},
		"too early":                   {try: func(t *orchestrator.Try) { t.UnknownSince = time.Now() }, want: job.Unavailable, reason: job.Settling},
		"a list that lags":            {room: &room{lag: 3 * time.Minute}, proof: time.Second, want: job.Unknown, reason: job.UnknownOutcome, asked: "DL", detail: "does not show one that was started"},
		"the filter is ignored":       {room: &room{deaf: true}, proof: time.Hour, set: func(r *room) { started(r, "x") }, want: job.Unknown, reason: job.UnknownOutcome, asked: "DL", detail: "does not filter"},
		"ignored, and there":          {room: &room{deaf: true}, proof: time.Hour, set: func(r *room) { started(r, "x") }, after: func(r *room) { started(r, "inv-1") }, want: job.Duplicate, asked: "DL"},
		"one operand alone":           {room: &room{first: true}, proof: time.Hour, want: job.Unknown, reason: job.UnknownOutcome, asked: "DL", detail: "does not show"},
		"the list is refused":         {room: &room{before: true, answer: once("L", reply{status: 400, body: envelope("no")})}, proof: time.Hour, want: job.Unknown, reason: job.UnknownOutcome, asked: "DL", detail: "refused"},
		"the list fails":              {room: &room{before: true, answer: once("L", reply{status: 500})}, want: job.Unavailable, reason: job.ServiceUnavailable, asked: "L"},
		"the list is throttled":       {room: &room{before: true, answer: once("L", reply{status: 429})}, want: job.Unavailable, reason: job.LookUpsLimited, asked: "L"},
		"Enterprise 11":               {room: &room{e11: true}, want: job.Unknown, reason: job.UnknownOutcome, detail: "Enterprise 11"},
		"Enterprise 11, resend":       {room: &room{e11: true}, try: func(t *orchestrator.Try) { t.Resend = true }, want: job.Delivered, asked: "D"},
		"started before by ourselves": {proof: time.Hour, try: func(t *orchestrator.Try) { t.Request.Reference = "proof"; t.FirstTry = time.Time{} }, want: job.Delivered, asked: "DLD"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := tt.room
				if api == nil {
					api = &room{}
				}
				c := api.connector()
				if tt.set != nil {
					tt.set(api)
				}
				if tt.proof > 0 {
					proven(t, c, tt.proof)
				}
				time.Sleep(time.Minute)
				began := time.Now()
				if tt.after != nil {
					tt.after(api)
				}
				time.Sleep(settle)
				try := doubted(bot("inv-1"), began)
				if api.e11 {
					try.Request.Options = fields(`{"deviceIds":[1]}`)
				}
				if tt.try != nil {
					tt.try(&try)
				}
				r := c.Submit(t.Context(), try)
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

// A proof that is too young to be shown makes a look-up wait, not end.
func TestAYoungProof(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &room{lag: 30 * time.Second}
		c := api.connector()
		began := time.Now()
		time.Sleep(2 * settle)
		c.Submit(t.Context(), orchestrator.Try{Request: bot("proof")})
		r := c.Submit(t.Context(), doubted(bot("inv-1"), began))
		if r.Verdict != job.Unavailable || r.Reason != job.Settling || r.Wait <= 0 || r.Wait > settle {
			t.Errorf("%+v", r)
		}
		time.Sleep(r.Wait)
		if r := c.Submit(t.Context(), doubted(bot("inv-1"), began)); r.Verdict != job.Delivered {
			t.Errorf("%+v", r)
		}
	})
}

// Several activities of one deployment are one start.
func TestADeploymentToSeveralUsers(t *testing.T) {
	t.Parallel()
	body := func() string {
		row := func(id int) string {
			return fmt.Sprintf(`{"id":%d,"deploymentId":"d-1","automationName":"inv-1","startDateTime":"2100-01-01T00:00:00Z"}`, id)
		}
		return `{"list":[` + row(1) + `,` + row(2) + `]}`
	}
	api := &room{answer: once("L", reply{status: 200, body: body()})}
	began := time.Now().Add(-time.Hour)
	r := api.connector().Submit(t.Context(), doubted(bot("inv-1"), began))
	if r.Verdict != job.Duplicate || r.Receipt.Key != "d-1" {
		t.Errorf("%+v", r)
	}
}
