package request

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

func fields(pairs ...string) job.Fields {
	f := job.Fields{}
	for i := 0; i < len(pairs); i += 2 {
		f[pairs[i]] = []byte(pairs[i+1])
	}
	return f
}

func TestNames(t *testing.T) {
	t.Parallel()
	fixed := Settings{Fixed: Preset{Folder: "Finance/AP", Queue: "Invoices", Process: "Post"}, Defaults: Preset{Folder: "X", Queue: "X", Process: "X"}, Same: strings.EqualFold}
	defaults := Settings{Defaults: Preset{Folder: "Finance/AP", Queue: "Invoices", Process: "Post"}, Same: strings.EqualFold}
	listed := Settings{Allow: Allow{Folders: []string{"Finance/AP", "HR"}, Queues: []string{"Invoices"}, Processes: []string{"Post"}}, Same: strings.EqualFold}
	exact := Settings{Fixed: fixed.Fixed}
	both := defaults
	both.Allow = listed.Allow
	tests := map[string]struct {
		s       Settings
		body    string
		folder  string
		name    string // of the queue or the process
		route   bool
		refused string
	}{
		"fixed, not given":            {fixed, `{"action":"add_queue_item"}`, "Finance/AP", "Invoices", true, ""},
		"fixed, repeated":             {fixed, `{"action":"add_queue_item","folder":"Finance/AP","queue":"Invoices"}`, "Finance/AP", "Invoices", true, ""},
		"fixed, repeated as the same": {fixed, `{"action":"add_queue_item","folder":"FINANCE/ap","queue":"INVOICES"}`, "Finance/AP", "Invoices", true, ""},
		"fixed, exact compare":        {exact, `{"action":"add_queue_item","folder":"FINANCE/ap"}`, "", "", false, `folder: the route fixes another value than "FINANCE/ap"`},
		"fixed, other folder":         {fixed, `{"action":"add_queue_item","folder":"X"}`, "", "", false, "folder: the route fixes another value"},
		"fixed, other queue":          {fixed, `{"action":"add_queue_item","queue":"X"}`, "", "", false, "queue: the route fixes another value"},
		"fixed, other process":        {fixed, `{"action":"start_job","process":"X"}`, "", "", false, "process: the route fixes another value"},
		"fixed process":               {fixed, `{"action":"start_job","process":"post"}`, "Finance/AP", "Post", true, ""},
		"defaults, not given":         {defaults, `{"action":"start_job"}`, "Finance/AP", "Post", true, ""},
		"defaults, repeated":          {defaults, `{"action":"start_job","folder":"finance/ap","process":"POST"}`, "Finance/AP", "Post", true, ""},
		"defaults, other folder":      {defaults, `{"action":"start_job","folder":"HR"}`, "", "", false, `folder: the route does not allow "HR"`},
		"defaults, other process":     {defaults, `{"action":"start_job","process":"P"}`, "", "", false, `process: the route does not allow "P"`},
		"defaults, other but listed":  {both, `{"action":"start_job","folder":"hr"}`, "hr", "Post", false, ""},
		"listed":                      {listed, `{"action":"add_queue_item","folder":"finance/AP","queue":"invoices"}`, "finance/AP", "invoices", false, ""},
		"listed, no folder":           {listed, `{"action":"start_job","process":"Post"}`, "", "Post", false, ""},
		"not listed":                  {listed, `{"action":"add_queue_item","queue":"Other"}`, "", "", false, `queue: the route does not allow "Other"`},
		"nothing allowed":             {Settings{}, `{"action":"add_queue_item","queue":"Q"}`, "", "", false, `queue: the route does not allow "Q"`},
		"all allowed":                 {openRoute, `{"action":"add_queue_item","folder":"A","queue":"Q"}`, "A", "Q", false, ""},
		"a queue named *":             {listed, `{"action":"add_queue_item","queue":"*"}`, "", "", false, "queue: the route does not allow"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.refused != "" {
				refuse(t, tt.s, message(tt.body), job.NotAllowed, tt.refused)
				return
			}
			req := accept(t, tt.s, message(tt.body))
			got := []any{req.Folder, req.Queue + req.Process, req.FolderFromRoute}
			if diff := cmp.Diff([]any{tt.folder, tt.name, tt.route}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestActionAndPriority(t *testing.T) {
	t.Parallel()
	fixed := Settings{Fixed: Preset{Action: job.StartJob, Priority: job.Low, Process: "P"}}
	defaults := Settings{Defaults: Preset{Action: job.AddQueueItem, Priority: job.Low, Process: "P", Queue: "Q", Arguments: fields("a", "1"), Content: fields("c", "2")}}
	tests := map[string]struct {
		s    Settings
		body string
		want job.Request
	}{
		"fixed":             {fixed, `{"id":"i"}`, job.Request{Action: job.StartJob, Process: "P", Priority: job.Low}},
		"fixed, repeated":   {fixed, `{"id":"i","action":"start_job","priority":"low"}`, job.Request{Action: job.StartJob, Process: "P", Priority: job.Low}},
		"defaults":          {defaults, `{"id":"i"}`, job.Request{Action: job.AddQueueItem, Queue: "Q", Priority: job.Low, Content: fields("c", "2")}},
		"the message wins":  {defaults, `{"id":"i","action":"start_job","priority":"high"}`, job.Request{Action: job.StartJob, Process: "P", Priority: job.High, Arguments: fields("a", "1")}},
		"native gives both": {defaults, `{"startInfo":{"JobPriority":"High","Reference":"i"}}`, job.Request{ID: "JOBS-7-1700000000000000001", Action: job.StartJob, Process: "P", Priority: job.High, Arguments: fields("a", "1")}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.want.ID == "" {
				tt.want.ID = "i"
			}
			tt.want.Reference = "i"
			if diff := cmp.Diff(&tt.want, accept(t, tt.s, message(tt.body))); diff != "" {
				t.Error(diff)
			}
		})
	}
	refuse(t, fixed, message(`{"action":"add_queue_item"}`), job.NotAllowed, `action: the route fixes another value than "add_queue_item"`)
	refuse(t, fixed, message(`{"itemData":{}}`), job.NotAllowed, "action: the route fixes another value")
	refuse(t, fixed, message(`{"priority":"high"}`), job.NotAllowed, `priority: the route fixes another value than "high"`)
	refuse(t, Settings{Fixed: Preset{Action: "dance"}}, message(`{}`), job.InvalidRequest, `action: the route sets "dance"`)
}

func TestFields(t *testing.T) {
	t.Parallel()
	s := Settings{
		Fixed: Preset{Queue: "Q", Process: "P", Content: fields("Vendor", `{"a":1.0,"b":[true,null]}`), Arguments: fields("in", "7"), Options: fields("Progress", `"x"`)},
		Defaults: Preset{
			Content: fields("Currency", `"EUR"`, "Vendor", `"under fixed"`), Arguments: fields("lang", `"de"`), Options: fields("RiskSlaDate", `"later"`),
		},
		Allow: Allow{Options: []string{"Extra"}},
	}
	item := func(rest string) string { return `{"action":"add_queue_item"` + rest + `}` }
	routes := fields("Vendor", `{"a":1.0,"b":[true,null]}`, "Currency", `"EUR"`)
	options := fields("Progress", `"x"`, "RiskSlaDate", `"later"`)
	tests := map[string]struct {
		body             string
		content, options job.Fields
		refused          string
	}{
		"the route's":              {item(``), routes, options, ""},
		"empty ones":               {item(`,"content":{},"options":{}`), routes, options, ""},
		"the message adds":         {item(`,"content":{"More":1}`), overlay(routes, fields("More", "1")), options, ""},
		"the message wins":         {item(`,"content":{"Currency":"USD"}`), overlay(routes, fields("Currency", `"USD"`)), options, ""},
		"null wins too":            {item(`,"content":{"Currency":null}`), overlay(routes, fields("Currency", "null")), options, ""},
		"fixed repeated":           {item(`,"content":{"Vendor": {"b":[true, null],"a":1}}`), routes, options, ""},
		"fixed to another value":   {item(`,"content":{"Vendor":{"a":1}}`), nil, nil, "content.Vendor: the route fixes another value"},
		"fixed to null":            {item(`,"content":{"Vendor":null}`), nil, nil, "content.Vendor: the route fixes another value"},
		"listed option":            {item(`,"options":{"Extra":1}`), routes, overlay(options, fields("Extra", "1")), ""},
		"option not listed":        {item(`,"options":{"Other":1}`), nil, nil, "options.Other: the route does not allow it"},
		"option with a line end":   {item(`,"options":{"a\nb":1}`), nil, nil, "options.a b: the route does not allow it"},
		"option in another case":   {item(`,"options":{"extra":1}`), nil, nil, "options.extra: the route does not allow it"},
		"first of several":         {item(`,"options":{"c":1,"b":1,"Extra":1,"d":1}`), nil, nil, "options.b: the route does not allow it"},
		"default option repeated":  {item(`,"options":{"RiskSlaDate":"l\u0061ter"}`), routes, overlay(options, fields("RiskSlaDate", `"l\u0061ter"`)), ""},
		"default option changed":   {item(`,"options":{"RiskSlaDate":"now"}`), nil, nil, "options.RiskSlaDate: the route does not allow it"},
		"fixed option repeated":    {item(`,"options":{"Progress":"x"}`), routes, options, ""},
		"fixed option changed":     {item(`,"options":{"Progress":"y"}`), nil, nil, "options.Progress: the route fixes another value"},
		"fixed argument changed":   {`{"action":"start_job","arguments":{"in":8}}`, nil, nil, "arguments.in: the route fixes another value"},
		"fixed argument same size": {`{"action":"start_job","arguments":{"in":"7"}}`, nil, nil, "arguments.in: the route fixes another value"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.refused != "" {
				for range 5 {
					refuse(t, s, message(tt.body), job.NotAllowed, tt.refused)
				}
				return
			}
			req := accept(t, s, message(tt.body))
			if diff := cmp.Diff([]job.Fields{tt.content, tt.options}, []job.Fields{req.Content, req.Options}); diff != "" {
				t.Error(diff)
			}
		})
	}
	req := accept(t, s, message(`{"action":"start_job","arguments":{"in":7.0e0,"more":1}}`))
	if diff := cmp.Diff(fields("in", "7", "more", "1", "lang", `"de"`), req.Arguments); diff != "" {
		t.Error(diff)
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	const id = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
	listed := Settings{Same: strings.EqualFold, Allow: Allow{Processes: []string{"*"}, Plans: []Plan{
		{Plan: "Site A", Actions: []string{"ReadinessCheck", "Failover"}}, {Plan: "Site B"}, {Plan: "Site D", Actions: []string{"Failover"}},
	}}}
	exact := Settings{Allow: Allow{Plans: []Plan{{Plan: id, Actions: []string{"Restore"}}, {Plan: "Site A"},
		{Plan: "site-a-in-the-north-with-36-letters."}, {Plan: "a2345678-1234-1234-1234-12345678901g"}}}}
	star := Settings{Allow: Allow{Plans: []Plan{{Plan: "*", Actions: []string{"Failover"}}, {Plan: "Site A", Actions: []string{"Failover"}}}}}
	ours := listed
	ours.Fixed = Preset{Process: "Site C", Options: fields("action", `"Restore"`)}
	preset := listed
	preset.Defaults = Preset{Process: "Site C", Options: fields("action", `"Restore"`)}
	alone := Settings{Plans: true, Fixed: Preset{Process: "Site C"}, Allow: Allow{Options: []string{"*"}}}
	moved := alone
	moved.Fixed.Options = fields("action", `"Failover"`)
	byName := Settings{Plans: true, Allow: Allow{Plans: []Plan{{Plan: "*"}, {Plan: "Site A", Actions: []string{"Failover"}}}}}
	start := func(process, options string) string {
		return `{"action":"start_job","process":"` + process + `","options":` + options + `}`
	}
	tests := map[string]struct {
		s       Settings
		body    string
		reason  job.Reason
		refused string
	}{
		"check of a listed plan":           {listed, start("site a", `{}`), "", ""},
		"action of a listed plan":          {listed, start("Site A", `{"action":"Failover","scope":"all"}`), "", ""},
		"action not listed":                {listed, start("Site A", `{"action":"Restore"}`), job.NotAllowed, `options.action: the route does not allow "Restore" for this plan`},
		"action in another case":           {listed, start("Site A", `{"action":"failover"}`), job.NotAllowed, "options.action"},
		"no actions is the check":          {listed, start("Site B", `{"action":"ReadinessCheck"}`), "", ""},
		"no actions is the check alone":    {listed, start("Site B", `{"action":"Failover"}`), job.NotAllowed, "options.action"},
		"the check is not listed":          {listed, start("Site D", `{}`), job.NotAllowed, `options.action: the route does not allow "ReadinessCheck"`},
		"plan not listed":                  {listed, start("Site E", `{}`), job.NotAllowed, `process: the route does not allow "Site E"`},
		"action is no string":              {listed, start("Site A", `{"action":1}`), job.InvalidRequest, "options.action: must be a string"},
		"plan by id":                       {exact, start(strings.ToUpper(id), `{"action":"Restore"}`), "", ""},
		"36 letters are no id":             {exact, start("SITE-A-IN-THE-NORTH-WITH-36-LETTERS.", `{}`), job.NotAllowed, "process"},
		"dashes alone make no id":          {exact, start("A2345678-1234-1234-1234-12345678901G", `{}`), job.NotAllowed, "process"},
		"plan by name, exact":              {exact, start("site a", `{}`), job.NotAllowed, "process"},
		"any plan is for checks":           {star, start("Other", `{}`), "", ""},
		"any plan is not for failover":     {star, start("Other", `{"action":"Failover"}`), job.NotAllowed, "options.action"},
		"named beside any":                 {star, start("Site A", `{"action":"Failover"}`), "", ""},
		"the route's pair":                 {ours, `{"action":"start_job"}`, "", ""},
		"the route's pair, repeated":       {ours, start("Site C", `{"action":"Restore"}`), "", ""},
		"the route's pair, other action":   {ours, start("Site C", `{"action":"Failover"}`), job.NotAllowed, "options.action"},
		"the route's pair, other option":   {ours, start("Site C", `{"scope":"all"}`), job.NotAllowed, "options.scope"},
		"the default pair":                 {preset, `{"action":"start_job"}`, "", ""},
		"the default plan, a check":        {preset, start("Site C", `{"action":"ReadinessCheck"}`), "", ""},
		"the default plan, other action":   {preset, start("Site C", `{"action":"Failover"}`), job.NotAllowed, "options.action"},
		"other plan, the default's action": {preset, start("Site A", `{}`), job.NotAllowed, `options.action: the route does not allow "Restore"`},
		"no plan is listed":                {alone, start("Site C", `{"generateReport":true}`), "", ""},
		"options do not open actions":      {alone, start("Site C", `{"action":"Failover"}`), job.NotAllowed, "options.action"},
		"a fixed action":                   {moved, start("Site C", `{"executeChainedPlans":true}`), "", ""},
		"an id in place of a name":         {byName, start(id, `{"action":"Failover"}`), job.NotAllowed, "options.action"},
		"an id, checked":                   {byName, start(id, `{}`), "", ""},
		"other plan, own action":           {preset, start("Site A", `{"action":"Failover"}`), "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.refused != "" {
				refuse(t, tt.s, message(tt.body), tt.reason, tt.refused)
				return
			}
			accept(t, tt.s, message(tt.body))
		})
	}
}

// An action that the product does not have is refused as such, whatever else the
// message says.
func TestUnsupportedAction(t *testing.T) {
	t.Parallel()
	s := Settings{Plans: true, Allow: Allow{Plans: []Plan{{Plan: "*"}}}, Unsupported: map[job.Action]string{job.AddQueueItem: "there are no queues"}}
	for _, body := range []string{`{"action":"add_queue_item","queue":"Q","content":{"a":1}}`, `{"action":"add_queue_item"}`, `{"itemData":{"Name":"Q"}}`} {
		refuse(t, s, message(body), job.UnsupportedAction, "action: there are no queues")
	}
	accept(t, s, message(`{"action":"start_job","process":"P"}`))
}

func TestSameJSON(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		a, b string
		same bool
	}{
		"bytes":               {`"a"`, `"a"`, true},
		"escape":              {`"a"`, `"\u0061"`, true},
		"other text":          {`"a"`, `"A"`, false},
		"order of keys":       {`{"a":1,"b":2}`, `{"b":2, "a":1}`, true},
		"order of elements":   {`[1,2]`, `[2,1]`, false},
		"one key more":        {`{"a":1}`, `{"a":1,"b":2}`, false},
		"null and absent":     {`{"a":null}`, `{"b":null}`, false},
		"trailing zeros":      {`12.50`, `12.5`, true},
		"exponent":            {`1.25e1`, `12.5`, true},
		"large":               {`1000`, `1E+3`, true},
		"small":               {`0.001`, `1e-3`, true},
		"zero":                {`0`, `-0.00e7`, true},
		"sign":                {`1`, `-1`, false},
		"digit beyond floats": {`12345678901234567890`, `12345678901234567891`, false},
		"same digits":         {`0.12`, `1.2`, false},
		"number and text":     {`1`, `"1"`, false},
		"booleans":            {`true`, ` true`, true},
		"other boolean":       {`true`, `false`, false},
		"null":                {`null`, ` null`, true},
		"null and false":      {`null`, `false`, false},
		"not JSON":            {`{`, `{ `, false},
		"array and object":    {`[]`, `{}`, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if sameJSON([]byte(tt.a), []byte(tt.b)) != tt.same || sameJSON([]byte(tt.b), []byte(tt.a)) != tt.same {
				t.Errorf("%s and %s: want %v", tt.a, tt.b, tt.same)
			}
		})
	}
}
