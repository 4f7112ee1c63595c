package uipath_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func TestStartedJobs(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	robot := r.AddRobot("Finance/AP")
	key := r.AddProcess("Finance/AP", "Other").Key
	tests := map[string]struct {
		info string
		jobs int
	}{
		"by name, no strategy":    {`"ReleaseName":"postinvoice"`, 1},
		"by key":                  {`"ReleaseKey":"` + strings.ToUpper(key) + `","Strategy":"ModernJobsCount","JobsCount":1`, 1},
		"several":                 {`"ReleaseName":"PostInvoice","Strategy":"JobsCount","JobsCount":3`, 3},
		"a robot of ours":         {fmt.Sprintf(`"ReleaseName":"PostInvoice","Strategy":"Specific","RobotIds":[%d]`, robot), 1},
		"all robots":              {`"ReleaseName":"PostInvoice","Strategy":"All"`, 1},
		"counted robots":          {`"ReleaseName":"PostInvoice","Strategy":"RobotCount","NoOfRobots":2`, 2},
		"arguments to the limit":  {`"ReleaseName":"PostInvoice","InputArguments":"{\"a\":\"` + strings.Repeat("x", 10000-8) + `\"}"`, 1},
		"everything that is null": {`"ReleaseName":"PostInvoice","Strategy":null,"JobsCount":null,"RobotIds":null,"JobPriority":null,"InputFile":null`, 1},
		"further members": {`"ReleaseName":"PostInvoice","SpecificPriorityValue":45,"RuntimeType":"Unattended","RunAsMe":true,
			"MachineRobots":[{"MachineId":1,"RobotId":2}],"BatchExecutionKey":"883749b2-0000-4000-8000-000000000000",
			"VideoRecordingSettings":{"VideoRecordingType":"All"},"EnvironmentVariables":"A=B"`, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := len(r.Jobs())
			got := r.call("POST", startPath, nil, `{"startInfo":{`+test.info+`}}`)
			if got.status != 201 || len(got.rows()) != test.jobs || len(r.Jobs())-before != test.jobs {
				t.Fatalf("got %d %s", got.status, got.text)
			}
			job := r.Jobs()[before]
			row := got.rows()[0]
			if row["Id"] != float64(job.ID) || row["Key"] != job.Key || row["State"] != "Pending" || row["ReleaseName"] != job.Process {
				t.Errorf("got %v, the books show %+v", row, job)
			}
		})
	}
}

func TestStartsThatAreRefused(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	process := `"ReleaseName":"PostInvoice",`
	const null = "startInfo must not be null"
	tests := map[string]struct {
		info    string
		status  int
		code    int
		message string
	}{
		"unknown member":           {process + `"Strategie":"All"`, 400, -1, "startInfo.Strategie"},
		"unknown member below":     {process + `"MachineRobots":[{"Machine":1}]`, 400, -1, "startInfo.MachineRobots.0.Machine"},
		"neither key nor name":     {`"JobsCount":1`, 400, 1014, "ReleaseKey"},
		"key that is none":         {`"ReleaseKey":"abc"`, 400, 1009, "ReleaseKey"},
		"unknown key":              {`"ReleaseKey":"883749b2-0000-4000-8000-000000000000"`, 404, 1002, "does not exist."},
		"unknown name":             {`"ReleaseName":"Nothing"`, 404, 1002, "Nothing does not exist."},
		"unknown strategy":         {process + `"Strategy":"Some"`, 400, 0, null},
		"no jobs":                  {process + `"Strategy":"ModernJobsCount"`, 400, 1009, "JobsCount"},
		"jobs below zero":          {process + `"JobsCount":-1`, 400, 1009, "JobsCount"},
		"jobs a text":              {process + `"JobsCount":"1"`, 400, 0, null},
		"jobs a fraction":          {process + `"JobsCount":1.5`, 400, 0, null},
		"jobs beyond 32 bits":      {process + `"JobsCount":4294967296`, 400, 0, null},
		"jobs of another strategy": {process + `"Strategy":"All","JobsCount":1`, 400, 1009, "JobsCount"},
		"robots without count":     {process + `"Strategy":"RobotCount"`, 400, 1009, "NoOfRobots"},
		"count without strategy":   {process + `"NoOfRobots":1`, 400, 1009, "NoOfRobots"},
		"specific without robots":  {process + `"Strategy":"Specific"`, 400, 1009, "RobotIds"},
		"robots without strategy":  {process + `"RobotIds":[1]`, 400, 1009, "RobotIds"},
		"unknown robot":            {process + `"Strategy":"Specific","RobotIds":[1]`, 409, 0, "Couldn't find the specified unattended user/robot in the current folder."},
		"no robots at all":         {process + `"Strategy":"All"`, 409, 0, "Couldn't find any user with unattended robot permissions in the current folder."},
		"arguments too long":       {process + `"InputArguments":"{\"a\":\"` + strings.Repeat("x", 10000-7) + `\"}"`, 400, 1009, "maximum length of 10000"},
		"arguments an object":      {process + `"InputArguments":{"a":1}`, 400, 0, null},
		"arguments no JSON":        {process + `"InputArguments":"a=1"`, 400, 1009, "InputArguments"},
		"arguments a list":         {process + `"InputArguments":"[1]"`, 400, 1009, "InputArguments"},
		"arguments and file":       {process + `"InputArguments":"{}","InputFile":"883749b2-0000-4000-8000-000000000000"`, 400, 1009, "InputFile"},
		"file that is no key":      {process + `"InputFile":"x"`, 400, 0, null},
		"reference of 129":         {process + `"Reference":"` + strings.Repeat("x", 129) + `"`, 400, 1009, "The field Reference must be a string with a maximum length of 128"},
		"priority unknown":         {process + `"JobPriority":"Urgent"`, 400, 0, null},
		"priority out of range":    {process + `"SpecificPriorityValue":101`, 400, 1009, "between 1 and 100"},
		"two priorities":           {process + `"SpecificPriorityValue":50,"JobPriority":"High"`, 400, 1009, "Cannot set a specific priority value when a standard job priority setting is selected."},
		"source unknown":           {process + `"Source":"Queueferry"`, 400, 0, null},
		"runtime unknown":          {process + `"RuntimeType":"Robot"`, 400, 0, null},
		"attachment without id":    {process + `"Attachments":[{"category":"x"}]`, 400, 1009, "attachmentId"},
		"environment too long":     {process + `"EnvironmentVariables":"` + strings.Repeat("x", 4001) + `"`, 400, 1009, "EnvironmentVariables"},
		"too many":                 {process + `"JobsCount":10001`, 400, 1009, "10000"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := r.call("POST", startPath, nil, `{"startInfo":{`+strings.TrimSuffix(test.info, ",")+`}}`)
			if got.status != test.status || !strings.Contains(got.text, test.message) || test.code >= 0 && got.code() != test.code {
				t.Errorf("got %d %s, want %d, %d and %q", got.status, got.text, test.status, test.code, test.message)
			}
		})
	}
	for _, body := range []string{"", "{}", `{"startInfo":null}`} {
		if got := r.call("POST", startPath, nil, body); got.status != 400 || got.message() != null {
			t.Errorf("%q: %d %s", body, got.status, got.text)
		}
	}
	if n := len(r.Jobs()); n != 0 {
		t.Errorf("%d jobs were started", n)
	}
}

func TestSameReferenceStartsTwice(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	for range 2 {
		if got := r.call("POST", startPath, nil, jobBody("once?")); got.status != 201 {
			t.Fatalf("got %d %s", got.status, got.text)
		}
	}
	rows := r.call("GET", "/odata/Jobs"+query("$filter", "Reference eq 'ONCE?'", "$orderby", "Id desc", "$select", "Id,Reference"), nil, "").rows()
	want := []map[string]any{
		{"Id": float64(r.Jobs()[1].ID), "Reference": "once?"}, {"Id": float64(r.Jobs()[0].ID), "Reference": "once?"},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

func TestProcessesOfOneName(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	namesake := r.AddNamesake("Finance/AP", "postinvoice")
	if got := r.call("POST", startPath, nil, jobBody("a")); got.status != 400 || got.code() != 1009 || len(r.Jobs()) != 0 {
		t.Errorf("by the name of two: %d %s", got.status, got.text)
	}
	if got := r.call("POST", startPath, nil, `{"startInfo":{"ReleaseKey":"`+namesake.Key+`"}}`); got.status != 201 || r.Jobs()[0].ProcessKey != namesake.Key {
		t.Errorf("by key: %d %s", got.status, got.text)
	}
	if r.AddProcess("Finance/AP", "PostInvoice"); len(r.call("GET", "/odata/Releases", nil, "").rows()) != 1 {
		t.Error("AddProcess left others of the name")
	}
}

// The books know what no list shows.
func TestJobsThatKeepNoReference(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{JobsKeepNoReference: true})
	got := r.call("POST", startPath, nil, jobBody("a"))
	if got.status != 201 || got.rows()[0]["Reference"] != nil || r.Jobs()[0].Reference != "a" {
		t.Errorf("started: %d %s", got.status, got.text)
	}
	if rows := r.call("GET", "/odata/Jobs"+query("$filter", "Reference eq 'a'"), nil, "").rows(); len(rows) != 0 {
		t.Errorf("found: %v", rows)
	}
}

func TestSingleJob(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.AddFolder("Elsewhere")
	job, ok := r.AddJob("Finance/AP", "PostInvoice", uipath.Job{Reference: "x"})
	if !ok || !r.SetJobState(job.ID, "Faulted") || r.SetJobState(job.ID, "Gone") {
		t.Fatal("the job could not be prepared")
	}
	path := "/odata/Jobs(" + strconv.FormatInt(job.ID, 10) + ")"
	if got := r.call("GET", path, nil, ""); got.status != 200 || got.body["State"] != "Faulted" || got.body["Reference"] != "x" {
		t.Errorf("got %d %s", got.status, got.text)
	}
	if got := r.call("GET", path, header{"X-UIPATH-FolderPath": "Elsewhere"}, ""); got.status != 404 || got.code() != 1002 {
		t.Errorf("from another folder: %d %s", got.status, got.text)
	}
	r.RemoveProcess("Finance/AP", "PostInvoice")
	if got := r.call("POST", startPath, nil, jobBody("y")); got.status != 404 || got.code() != 1002 {
		t.Errorf("removed process: %d %s", got.status, got.text)
	}
}

func TestPendingAndPartlyCreatedJobs(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.SetFault(uipath.PendingJobs())
	if got := r.call("POST", startPath, nil, jobBody("a")); got.status != 409 || got.code() != 1670 || len(r.Jobs()) != 0 {
		t.Errorf("pending: %d %s", got.status, got.text)
	}
	r.SetFault(uipath.Fault{Kind: uipath.PartialJobs})
	if got := r.call("POST", startPath, nil, `{"startInfo":{"ReleaseName":"PostInvoice","JobsCount":5}}`); got.status != 409 || len(r.Jobs()) != 2 {
		t.Errorf("partly created: %d %s, %d jobs", got.status, got.text, len(r.Jobs()))
	}
	if got := r.call("POST", startPath, nil, jobBody("a")); got.status != 201 {
		t.Errorf("a single one: %d %s", got.status, got.text)
	}
}
