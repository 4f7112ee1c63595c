package uipath

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

const someKey = "883749b2-5a9c-4c38-a6b5-3f1e6f5d3c2a"

func start() *job.Request {
	return &job.Request{ID: "1", Action: job.StartJob, Folder: "Finance/AP", Process: "PostInvoice", Reference: "inv-1"}
}

// The body, as it is sent.
func TestStartBody(t *testing.T) {
	t.Parallel()
	const head, count = `"ReleaseKey":"` + someKey + `","Reference":"inv-1"`, `,"Strategy":"ModernJobsCount","JobsCount":1`
	tests := map[string]struct {
		set  func(*job.Request)
		want string // beside what every start has
		jobs int
	}{
		"least":                     {func(*job.Request) {}, count, 1},
		"priority":                  {func(r *job.Request) { r.Priority = job.High }, count + `,"JobPriority":"High"`, 1},
		"arguments":                 {func(r *job.Request) { r.Arguments = fields("b", `12.50`, "a", `"x"`) }, count + `,"InputArguments":"{\"a\":\"x\",\"b\":12.50}"`, 1},
		"nested arguments":          {func(r *job.Request) { r.Arguments = fields("a", `{ "b": [1, null] }`) }, count + `,"InputArguments":"{\"a\":{\"b\":[1,null]}}"`, 1},
		"no arguments":              {func(r *job.Request) { r.Arguments = job.Fields{} }, count, 1},
		"a file":                    {func(r *job.Request) { r.Options = fields("InputFile", `"`+someKey+`"`) }, count + `,"InputFile":"` + someKey + `"`, 1},
		"null is not set":           {func(r *job.Request) { r.Options = fields("Strategy", "null", "RobotIds", "null", "JobsCount", "null") }, count, 1},
		"several":                   {func(r *job.Request) { r.Options = fields("JobsCount", "3") }, `,"Strategy":"ModernJobsCount","JobsCount":3`, 3},
		"several, as it was before": {func(r *job.Request) { r.Options = fields("Strategy", `"jobscount"`, "JobsCount", "3") }, `,"Strategy":"JobsCount","JobsCount":3`, 3},
		"a count of its own":        {func(r *job.Request) { r.Options = fields("Strategy", `"JobsCount"`) }, `,"Strategy":"JobsCount","JobsCount":1`, 1},
		"robots": {
			func(r *job.Request) {
				r.Options = fields("Strategy", `"Specific"`, "RobotIds", "[9007199254740993,2]", "JobsCount", "0", "NoOfRobots", "0")
			},
			`,"Strategy":"Specific","RobotIds":[9007199254740993,2]`, 2,
		},
		"counted robots": {func(r *job.Request) { r.Options = fields("Strategy", `"RobotCount"`, "NoOfRobots", "2") }, `,"Strategy":"RobotCount","NoOfRobots":2`, 2},
		"all robots":     {func(r *job.Request) { r.Options = fields("Strategy", `"All"`, "RobotIds", "[]") }, `,"Strategy":"All"`, 0},
		"objects": {
			func(r *job.Request) {
				r.Options = fields("MachineRobots", `[{"MachineId":1,"RobotUserName":null}]`, "VideoRecordingSettings", `{"VideoRecordingType":"All","MaxDurationSeconds":-1}`)
			},
			count + `,"MachineRobots":[{"MachineId":1}],"VideoRecordingSettings":{"VideoRecordingType":"All","MaxDurationSeconds":-1}`, 1,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start()
			tt.set(r)
			if o, ok := New(Settings{}).Check(r); !ok {
				t.Fatal(o.Detail)
			}
			s, _, wrong := newStart(r)
			b, err := s.body(someKey)
			if wrong != "" || err != nil {
				t.Fatal(wrong, err)
			}
			if diff := cmp.Diff(decoded(t, `{"startInfo":{`+head+tt.want+`}}`), decoded(t, string(b))); diff != "" {
				t.Error(diff)
			}
			if s.jobs != tt.jobs {
				t.Errorf("%d jobs, want %d", s.jobs, tt.jobs)
			}
		})
	}
}

// decoded keeps numbers as they are written.
func decoded(t *testing.T, text string) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// sample is a value for every option, in the spelling of the API.
var sample = job.Fields{
	"Strategy": []byte(`"ModernJobsCount"`), "JobsCount": []byte("2"), "MachineSessionIds": []byte("[1,2]"), "SpecificPriorityValue": []byte("100"),
	"RuntimeType": []byte(`"Unattended"`), "InputFile": []byte(`"` + someKey + `"`), "EnvironmentVariables": []byte(`"A=B"`),
	"TargetFramework": []byte(`"Windows"`), "ResumeOnSameContext": []byte("true"), "BatchExecutionKey": []byte(`"` + someKey + `"`),
	"RequiresUserInteraction": []byte("false"), "StopProcessExpression": []byte(`"60"`), "StopStrategy": []byte(`"Kill"`),
	"KillProcessExpression": []byte(`"10"`), "RemoteControlAccess": []byte(`"Full"`), "AlertPendingExpression": []byte(`"1"`),
	"AlertRunningExpression": []byte(`"2"`), "RunAsMe": []byte("true"), "ParentOperationId": []byte(`"p"`), "ProfilingOptions": []byte(`"o"`),
	"FpsContext": []byte(`"c"`), "FpsProperties": []byte(`"f"`), "TraceId": []byte(`"t"`), "ParentSpanId": []byte(`"s"`), "RootSpanId": []byte(`"r"`),
	"EntryPointPath": []byte(`"Main.xaml"`), "AutopilotForRobots": []byte(`{"Enabled":true,"HealingEnabled":false}`),
	"MachineRobots":          []byte(`[{"MachineId":1,"MachineName":"m","RobotId":2,"RobotUserName":"u"}]`),
	"MachineInfraTarget":     []byte(`{"MachineTemplateName":"t","HostMachineName":"h","ServiceUserName":"u"}`),
	"VideoRecordingSettings": []byte(`{"VideoRecordingType":"All","QueueItemVideoRecordingType":"Failed","MaxDurationSeconds":5}`),
	"Attachments": []byte(`[{"attachmentId":"` + someKey + `","jobKey":"` + someKey + `","category":"c","attachmentName":"n","lastModificationTime":"2026-01-31T06:00:00Z",` +
		`"lastModifierUserId":1,"creationTime":"2026-01-31T06:00:00Z","creatorUserId":2,"id":"` + someKey + `"}]`),
}

// Every option goes out as it came in.
func TestEveryOptionIsSent(t *testing.T) {
	t.Parallel()
	r := start()
	r.Options = maps.Clone(sample)
	s, field, wrong := newStart(r)
	if wrong != "" {
		t.Fatal(field, wrong)
	}
	for name, want := range sample {
		if diff := cmp.Diff(decoded(t, string(want)), decoded(t, string(s.fields[name]))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name := range startFields {
		if _, ok := sample[name]; !ok && !slices.Contains([]string{"RobotIds", "NoOfRobots"}, name) {
			t.Errorf("%s is not tested", name)
		}
	}
}

// What no start can have is refused before a call, and names the option.
func TestStartRefused(t *testing.T) {
	t.Parallel()
	option := func(name, value string) func(*job.Request) {
		return func(r *job.Request) { r.Options = fields(name, value) }
	}
	long := func(n int) string { return `"` + strings.Repeat("ü", n) + `"` }
	tests := map[string]struct {
		set    func(*job.Request)
		reason job.Reason
		detail string
	}{
		"no folder":                {func(r *job.Request) { r.Folder = "" }, job.InvalidRequest, "folder: missing"},
		"no process":               {func(r *job.Request) { r.Process = " " }, job.InvalidRequest, "process: missing"},
		"a long process":           {func(r *job.Request) { r.Process = strings.Repeat("x", 257) }, job.InvalidRequest, "process: longer than the 256"},
		"unknown":                  {option("Jobs", "1"), job.InvalidRequest, "options.Jobs: unknown for a job; there are"},
		"in another case":          {option("jobscount", "1"), job.InvalidRequest, "options.jobscount: unknown"},
		"unknown below":            {option("MachineRobots", `[{},{"Machine":1}]`), job.InvalidRequest, "options.MachineRobots: element 2: Machine: unknown; there are MachineId, MachineName, RobotId, RobotUserName"},
		"the source":               {option("Source", `"Manual"`), job.InvalidRequest, "options.Source: it is never sent"},
		"the key":                  {option("ReleaseKey", `"`+someKey+`"`), job.InvalidRequest, "options.ReleaseKey: set process instead"},
		"the name":                 {option("ReleaseName", `"x"`), job.InvalidRequest, "options.ReleaseName: set process instead"},
		"the reference":            {option("Reference", `"x"`), job.InvalidRequest, "options.Reference: set reference instead"},
		"the priority":             {option("JobPriority", `"Low"`), job.InvalidRequest, "options.JobPriority: set priority instead"},
		"the input":                {option("InputArguments", `"{}"`), job.InvalidRequest, "options.InputArguments: set arguments instead"},
		"two priorities":           {func(r *job.Request) { r.Priority, r.Options = job.Low, fields("SpecificPriorityValue", "45") }, job.InvalidRequest, "options.SpecificPriorityValue: not together with priority"},
		"two inputs":               {func(r *job.Request) { r.Arguments, r.Options = fields("a", "1"), fields("InputFile", `"`+someKey+`"`) }, job.InvalidRequest, "options.InputFile: not together with arguments"},
		"a strategy that is none":  {option("Strategy", `"Any"`), job.InvalidRequest, "options.Strategy: must be one of All, Specific, RobotCount, JobsCount, ModernJobsCount"},
		"no text":                  {option("RuntimeType", "1"), job.InvalidRequest, "options.RuntimeType: must be text"},
		"no truth":                 {option("RunAsMe", `"true"`), job.InvalidRequest, "options.RunAsMe: must be true or false"},
		"no number":                {option("JobsCount", `"1"`), job.InvalidRequest, "options.JobsCount: must be a whole number from 0 to 2147483647"},
		"a fraction":               {option("JobsCount", `1.5`), job.InvalidRequest, "options.JobsCount: must be a whole number"},
		"a number below":           {option("JobsCount", `-1`), job.InvalidRequest, "options.JobsCount: must be a whole number"},
		"a number too big":         {option("JobsCount", `2147483648`), job.InvalidRequest, "options.JobsCount: must be a whole number"},
		"a priority of 0":          {option("SpecificPriorityValue", "0"), job.InvalidRequest, "options.SpecificPriorityValue: must be a whole number from 1 to 100"},
		"a priority of 101":        {option("SpecificPriorityValue", "101"), job.InvalidRequest, "options.SpecificPriorityValue: must be a whole number from 1 to 100"},
		"no list":                  {option("MachineSessionIds", "1"), job.InvalidRequest, "options.MachineSessionIds: must be a list"},
		"a list of text":           {option("MachineSessionIds", `[1,"2"]`), job.InvalidRequest, "options.MachineSessionIds: element 2: must be a whole number"},
		"an id too big":            {option("MachineSessionIds", `[9223372036854775808]`), job.InvalidRequest, "options.MachineSessionIds: element 1: must be a whole number"},
		"no key":                   {option("InputFile", `"file"`), job.InvalidRequest, "options.InputFile: must be a GUID"},
		"no object":                {option("AutopilotForRobots", "true"), job.InvalidRequest, "options.AutopilotForRobots: must be an object"},
		"nothing in a list":        {option("MachineRobots", "[null]"), job.InvalidRequest, "options.MachineRobots: element 1: must be an object"},
		"an attachment of no id":   {option("Attachments", `[{"category":"c"}]`), job.InvalidRequest, "options.Attachments: element 1: attachmentId: missing"},
		"a time of no zone":        {option("Attachments", `[{"attachmentId":"`+someKey+`","creationTime":"2026-01-31T06:00:00"}]`), job.InvalidRequest, "options.Attachments: element 1: creationTime: must be a date"},
		"too many variables":       {option("EnvironmentVariables", long(4001)), job.InvalidRequest, "options.EnvironmentVariables: longer than 4000 characters"},
		"as many as there can be":  {option("EnvironmentVariables", long(4000)), "", ""},
		"no job":                   {func(r *job.Request) { r.Options = fields("Strategy", `"ModernJobsCount"`, "JobsCount", "0") }, job.InvalidRequest, "options.JobsCount: must be at least 1"},
		"a count of robots":        {func(r *job.Request) { r.Options = fields("Strategy", `"All"`, "JobsCount", "2") }, job.InvalidRequest, "options.JobsCount: only with"},
		"robots of no strategy":    {option("RobotIds", "[1]"), job.InvalidRequest, "options.RobotIds: only with the strategy Specific"},
		"a number of no strategy":  {option("NoOfRobots", "1"), job.InvalidRequest, "options.NoOfRobots: only with the strategy RobotCount"},
		"no robots":                {option("Strategy", `"Specific"`), job.InvalidRequest, "options.RobotIds: must name a robot"},
		"no number of robots":      {option("Strategy", `"RobotCount"`), job.InvalidRequest, "options.NoOfRobots: must be at least 1"},
		"arguments to the limit":   {func(r *job.Request) { r.Arguments = fields("a", long(maxInput-len(`{"a":""}`))) }, "", ""},
		"arguments beyond it":      {func(r *job.Request) { r.Arguments = fields("a", long(maxInput-len(`{"a":""}`)+1)) }, job.TooLarge, "arguments: longer than the 10000 UTF-16 units"},
		"arguments of big letters": {func(r *job.Request) { r.Arguments = fields("a", `"`+strings.Repeat("😀", 4997)+`"`) }, job.TooLarge, "arguments: longer"},
		"arguments of escapes":     {func(r *job.Request) { r.Arguments = fields("a", `"`+strings.Repeat(`\u00fc`, 9992)+`"`) }, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start()
			tt.set(r)
			o, ok := New(Settings{}).Check(r)
			if ok != (tt.reason == "") || o.Reason != tt.reason || !strings.HasPrefix(o.Detail, tt.detail) {
				t.Errorf("ok %t, %+v", ok, o)
			}
		})
	}
}

// Whatever stands in the options: what is let through can be written, names
// nothing that is set elsewhere, and asks for the number of jobs that it says.
func FuzzStartOptions(f *testing.F) {
	for name, value := range sample {
		f.Add(name, string(value), "JobsCount", "2")
	}
	f.Add("Strategy", `"Specific"`, "RobotIds", "[1,2]")
	f.Add("Strategy", `"RobotCount"`, "NoOfRobots", "0")
	f.Add("Attachments", `[{"attachmentId":[]}]`, "", `{`)
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		r := start()
		r.Options = fields(name1, value1, name2, value2)
		if !json.Valid([]byte(value1)) || !json.Valid([]byte(value2)) {
			return // the decoder lets no such value through
		}
		s, field, wrong := newStart(r)
		if wrong != "" {
			if field == "" || len(field)+len(wrong) > 1024 {
				t.Errorf("%s: %s", field, wrong)
			}
			return
		}
		b, err := s.body(someKey)
		if err != nil {
			t.Fatal(err)
		}
		var back struct {
			StartInfo struct {
				ReleaseKey, Reference, Strategy, Source string
				JobsCount, NoOfRobots                   int
				RobotIDs                                []int64 `json:"RobotIds"`
			} `json:"startInfo"`
		}
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		i := back.StartInfo
		if i.ReleaseKey != someKey || i.Reference != r.Reference || i.Strategy == "" || i.Source != "" {
			t.Errorf("%s", b)
		}
		if got := i.JobsCount + i.NoOfRobots + len(i.RobotIDs); got != s.jobs || got == 0 && i.Strategy != allRobots {
			t.Errorf("%d jobs: %s", s.jobs, b)
		}
	})
}
