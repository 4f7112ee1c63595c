package veeam

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// actionOption is the option that says what to do with a plan; the others are
// the body of the call.
const actionOption = "action"

// readinessCheck is the one action that moves nothing: the product does it by
// itself every day.
const readinessCheck = "ReadinessCheck"

// body says what is known of an action's body.
type body int

const (
	none   body = iota // it takes no body
	known              // its fields are known
	opaque             // nothing is known: what is given is sent on
)

// shape is what is known of an action.
type shape struct {
	body   body
	fields values.Table
}

// date is written in no documented form; null is the latest restore point.
var date = values.Field{Kind: values.Text}

// nullable are the fields in which null says something.
var nullable = map[string]bool{"restorePointDate": true, "restorepointDate": true}

var flag = values.Field{Kind: values.Flag}

// shapes are the actions by the last part of their path (Availability
// Orchestrator 3 REST API reference, Plans; Orchestrator 5 REST API changelog;
// MalwareScan: Recovery Orchestrator 13 REST API reference). Restore writes
// restorepointDate where Failover writes restorePointDate. Those under
// /Schedule are no actions: they are no POST.
var shapes = map[string]shape{
	readinessCheck: {known, values.Table{"generateReport": flag}},
	"Failover":     {known, values.Table{"executeChainedPlans": flag, "restorePointDate": date, "protectStorageVolumes": flag}},
	"Restore": {known, values.Table{
		"restoreLocationId": {Kind: values.Key}, "executeChainedPlans": flag, "restorepointDate": date, "protectStorageVolumes": flag,
	}},
	"Enable":     {none, nil},
	"Disable":    {none, nil},
	"Halt":       {known, values.Table{"fullStop": flag}},
	"ResetState": {known, values.Table{"executeReadinessCheck": flag}},
	"Continue": {known, values.Table{"executionContinueOptions": {Kind: values.Choice, Choices: []string{
		"ProceedToNextVm", "ProceedToNextStep", "ProceedToNextGroup", "RetryFailedStep", "RetryFailedVm", "RetryFailedGroup",
	}}}},
	"FailbackToProduction": {known, values.Table{"restoreLocationId": {Kind: values.Key}, "failbackRestoreVMTags": flag}},
	"Undo":                 {none, nil},
	// Some titles name what the path of another version may be.
	"Failback":           {opaque, nil},
	"PrepareForFailback": {opaque, nil},
	"Switchover":         {opaque, nil},

	"PermanentFailover":      {opaque, nil},
	"PrepareToFailback":      {opaque, nil},
	"SwitchoverToProduction": {opaque, nil},
	"CommitFailback":         {opaque, nil},
	"Clone":                  {opaque, nil},
	"MalwareScan":            {opaque, nil},
}

// Actions are the names of what a plan can do, in order.
func Actions() []string { return slices.Sorted(maps.Keys(shapes)) }

// action is one thing to do with a plan.
type action struct {
	name string
	body []byte // nil: none
}

// harmless reports whether doing it once more than asked for moves nothing.
func (a action) harmless() bool { return a.name == readinessCheck }

// newAction reads the options of a request. wrong says what is not right with the
// field.
func newAction(options job.Fields) (a action, field, wrong string) {
	a.name = readinessCheck
	if given, ok := options[actionOption]; ok {
		if json.Unmarshal(given, &a.name) != nil || values.First(given) != '"' {
			return a, "options.action", "must be text"
		}
	}
	s, ok := shapes[a.name]
	if !ok {
		return a, "options.action", "unknown; there are " + strings.Join(Actions(), ", ")
	}
	fields := maps.Clone(options)
	delete(fields, actionOption)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if wrong = s.check(name, fields[name]); wrong != "" {
			return a, "options." + values.Clip(name), a.name + ": " + wrong
		}
	}
	if a.name == readinessCheck && len(fields) == 0 {
		fields = job.Fields{"generateReport": []byte("false")}
	}
	if s.body == none || s.body == opaque && len(fields) == 0 {
		return a, "", ""
	}
	if a.body, ok = object(fields); !ok {
		return a, "options", "cannot be written as JSON"
	}
	return a, "", ""
}

// check says what is wrong with a field of the body.
func (s shape) check(name string, value json.RawMessage) (wrong string) {
	switch {
	case s.body == opaque:
		return ""
	case s.body == none:
		return "takes no options"
	case values.First(value) != 'n':
	case nullable[name]:
		return s.checked(name, json.RawMessage(`""`))
	default:
		return s.checked(name, json.RawMessage(`{}`)) // of no field's type
	}
	return s.checked(name, value)
}

func (s shape) checked(name string, value json.RawMessage) (wrong string) {
	_, wrong = s.fields.Read(name, value)
	return wrong
}

// object writes fields with their values as they were given.
func object(fields job.Fields) ([]byte, bool) {
	if fields == nil {
		return []byte("{}"), true
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(fields) != nil {
		return nil, false
	}
	return bytes.TrimSpace(b.Bytes()), true
}
