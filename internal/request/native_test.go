package request

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

func TestNative(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		want job.Request
	}{
		"item": {
			`{"itemData":{"Name":"Invoices","Priority":"High","SpecificContent":{"Vendor":"ACME","Note":null},"DeferDate":"2021-03-11T15:19:56.4407392Z",
			  "DueDate":"2021-03-12T01:00:00+01:00","RiskSlaDate":"2021-03-11T00:00:00Z","Reference":"r-1","Progress":"new","ParentOperationId":null,"Source":"Manual"}}`,
			job.Request{
				ID: "msg-1", Action: job.AddQueueItem, Queue: "Invoices", Reference: "r-1", Priority: job.High,
				DeferUntil: time.Date(2021, 3, 11, 15, 19, 56, 440_739_200, time.UTC), DueBy: time.Date(2021, 3, 12, 0, 0, 0, 0, time.UTC),
				Content: job.Fields{"Vendor": []byte(`"ACME"`), "Note": []byte("null")},
				Options: job.Fields{"RiskSlaDate": []byte(`"2021-03-11T00:00:00Z"`), "Progress": []byte(`"new"`)},
			},
		},
		"item with little": {
			`{"itemData":{"Name":"Q","Reference":null,"Priority":"nORMAL"}}`,
			job.Request{ID: "msg-1", Action: job.AddQueueItem, Queue: "Q", Reference: "msg-1", Priority: job.Normal},
		},
		"job by name": {
			`{"startInfo":{"ReleaseName":"Post","ReleaseKey":null,"Strategy":"ModernJobsCount","JobsCount":1,"RobotIds":[],"JobPriority":"Low",
			  "InputArguments":"{\"in_Id\":\"000123\",\"n\":1.50}","Reference":"r","Source":7}}`,
			job.Request{
				ID: "msg-1", Action: job.StartJob, Process: "Post", Reference: "r", Priority: job.Low,
				Arguments: job.Fields{"in_Id": []byte(`"000123"`), "n": []byte("1.50")},
				Options:   job.Fields{"Strategy": []byte(`"ModernJobsCount"`), "JobsCount": []byte("1"), "RobotIds": []byte("[]")},
			},
		},
		"job by key": {
			`{"startInfo":{"ReleaseKey":"3f2504e0-4f89-11d3-9a0c-0305e82c3301","InputArguments":""}}`,
			job.Request{ID: "msg-1", Action: job.StartJob, Process: "3f2504e0-4f89-11d3-9a0c-0305e82c3301", Reference: "msg-1"},
		},
		"job without arguments": {
			`{"startInfo":{"ReleaseName":"P","InputArguments":null},"itemData":null,"action":null}`,
			job.Request{ID: "msg-1", Action: job.StartJob, Process: "P", Reference: "msg-1"},
		},
		"job with arguments as an object": {
			`{"startInfo":{"ReleaseName":"P","InputArguments":{"n":1.50}}}`,
			job.Request{ID: "msg-1", Action: job.StartJob, Process: "P", Reference: "msg-1", Arguments: job.Fields{"n": []byte("1.50")}},
		},
		"job with every other field": {
			`{"startInfo":{"ReleaseName":"P","RuntimeType":"Unattended","RunAsMe":true,"SpecificPriorityValue":45,"InputFile":"3f2504e0-4f89-11d3-9a0c-0305e82c3301",
			  "MachineRobots":[{"RobotId":1}],"AutopilotForRobots":{"Enabled":true},"EntryPointPath":null}}`,
			job.Request{
				ID: "msg-1", Action: job.StartJob, Process: "P", Reference: "msg-1",
				Options: job.Fields{
					"RuntimeType": []byte(`"Unattended"`), "RunAsMe": []byte("true"), "SpecificPriorityValue": []byte("45"),
					"InputFile": []byte(`"3f2504e0-4f89-11d3-9a0c-0305e82c3301"`), "MachineRobots": []byte(`[{"RobotId":1}]`),
					"AutopilotForRobots": []byte(`{"Enabled":true}`),
				},
			},
		},
		"job with no argument in it": {
			`{"startInfo":{"ReleaseName":"P","InputArguments":"{}"}}`,
			job.Request{ID: "msg-1", Action: job.StartJob, Process: "P", Reference: "msg-1"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := accept(t, openRoute, message(tt.body, "Nats-Msg-Id", "msg-1"))
			if len(got.Arguments) == 0 {
				got.Arguments = nil
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNativeTakesWhatIsMissingFromTheRoute(t *testing.T) {
	t.Parallel()
	s := Settings{Fixed: Preset{Folder: "Finance"}, Defaults: Preset{Action: job.StartJob, Queue: "Invoices", Priority: job.High}}
	want := &job.Request{
		ID: "m", Action: job.AddQueueItem, Folder: "Finance", FolderFromRoute: true, Queue: "Invoices", Reference: "m",
		Priority: job.High, Content: job.Fields{"A": []byte("1")},
	}
	got := accept(t, s, message(`{"itemData":{"SpecificContent":{"A":1}}}`, "Nats-Msg-Id", "m"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNativeRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ body, detail string }{
		"beside an action":         {`{"itemData":{"Name":"Q"},"action":"add_queue_item"}`, `itemData: stands alone; remove "action"`},
		"beside an action, before": {`{"action":"start_job","startInfo":{"ReleaseName":"P"}}`, `startInfo: stands alone; remove "action"`},
		"beside an id":             {`{"itemData":{"Name":"Q"},"id":"x"}`, `itemData: stands alone; remove "id"`},
		"beside an unknown key":    {`{"itemData":{"Name":"Q"},"x":1}`, `itemData: stands alone; remove "x"`},
		"both":                     {`{"itemData":{"Name":"Q"},"startInfo":{"ReleaseName":"P"}}`, "itemData, startInfo: only one"},
		"not an object":            {`{"itemData":"Q"}`, "itemData: must be an object, found a string"},
		"job not an object":        {`{"startInfo":[]}`, "startInfo: must be an object, found an array"},
		"both null":                {`{"itemData":null,"startInfo":null}`, "action: missing"},
		"no queue":                 {`{"itemData":{}}`, "queue: missing"},
		"name of the wrong type":   {`{"itemData":{"Name":1}}`, "itemData.Name: must be a string, found a number"},
		"empty name":               {`{"itemData":{"Name":""}}`, "itemData.Name: empty"},
		"name in small letters":    {`{"itemData":{"name":"Q"}}`, `itemData: unknown key "name"; did you mean "Name"?`},
		"priority":                 {`{"itemData":{"Name":"Q","Priority":"Urgent"}}`, `itemData.Priority: "Urgent" is none; expected Low, Normal or High`},
		"date without zone":        {`{"itemData":{"Name":"Q","DueDate":"2021-03-11T15:19:56"}}`, "itemData.DueDate: "},
		"defer date":               {`{"itemData":{"Name":"Q","DeferDate":"tomorrow"}}`, "itemData.DeferDate: "},
		"reference":                {`{"itemData":{"Name":"Q","Reference":" r"}}`, "itemData.Reference: must be"},
		"content":                  {`{"itemData":{"Name":"Q","SpecificContent":"{}"}}`, "itemData.SpecificContent: must be an object"},
		"duplicate":                {`{"itemData":{"Name":"Q","Name":"R"}}`, "itemData.Name: duplicate key"},
		"name and key":             {`{"startInfo":{"ReleaseName":"P","ReleaseKey":"K"}}`, "ReleaseName and ReleaseKey are both set"},
		"no process":               {`{"startInfo":{"JobsCount":1}}`, "process: missing"},
		"job priority":             {`{"startInfo":{"ReleaseName":"P","JobPriority":"Critical"}}`, "startInfo.JobPriority: "},
		"arguments a number":       {`{"startInfo":{"ReleaseName":"P","InputArguments":1}}`, "startInfo.InputArguments: must be a string that holds a JSON object, found a number"},
		"arguments a list":         {`{"startInfo":{"ReleaseName":"P","InputArguments":[1]}}`, "startInfo.InputArguments: must be a string that holds a JSON object, found an array"},
		"arguments not JSON":       {`{"startInfo":{"ReleaseName":"P","InputArguments":"{a:1}"}}`, "startInfo.InputArguments: must hold a JSON object: not valid JSON"},
		"arguments an array":       {`{"startInfo":{"ReleaseName":"P","InputArguments":"[1]"}}`, "startInfo.InputArguments: must hold a JSON object: not a JSON object but an array"},
		"arguments twice":          {`{"startInfo":{"ReleaseName":"P","InputArguments":"{}{}"}}`, "startInfo.InputArguments: must hold a JSON object"},
		"arguments, duplicate key": {`{"startInfo":{"ReleaseName":"P","InputArguments":"{\"a\":1,\"a\":2}"}}`, "InputArguments: must hold a JSON object: a: duplicate key"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuse(t, openRoute, message(tt.body), job.InvalidRequest, tt.detail)
		})
	}
}

func TestNativePassesTheSameBounds(t *testing.T) {
	t.Parallel()
	s := Settings{Fixed: Preset{Queue: "Invoices"}, Allow: Allow{Processes: []string{"Post"}, Options: []string{"RiskSlaDate"}}}
	for name, tt := range map[string]struct{ body, detail string }{
		"queue":   {`{"itemData":{"Name":"Other"}}`, "queue: the route fixes another value"},
		"process": {`{"startInfo":{"ReleaseName":"Other"}}`, `process: the route does not allow "Other"`},
		"option":  {`{"itemData":{"Name":"Invoices","RiskSlaDate":"x","Progress":"p"}}`, "options.Progress: the route does not allow it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuse(t, s, message(tt.body), job.NotAllowed, tt.detail)
		})
	}
	accept(t, s, message(`{"itemData":{"Name":"Invoices","RiskSlaDate":"x","Source":"Manual"}}`))
}
