package uipath

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// startFields are the fields of StartProcessDto that are set as options, with
// the limits of the v20 definition.
var startFields = startTable{
	"Strategy":                {kind: choiceKind, choices: []string{allRobots, specific, robotCount, jobsCount, modernJobsCount}},
	"JobsCount":               {kind: numberKind, least: 0},
	"NoOfRobots":              {kind: numberKind, least: 0},
	"RobotIds":                {kind: bigKind, many: true},
	"MachineSessionIds":       {kind: bigKind, many: true},
	"SpecificPriorityValue":   {kind: numberKind, least: 1, most: 100},
	"RuntimeType":             {kind: textKind, limit: 64},
	"InputFile":               {kind: keyKind},
	"EnvironmentVariables":    {kind: textKind, limit: 4000},
	"TargetFramework":         {kind: choiceKind, choices: []string{"Legacy", "Windows", "Portable"}},
	"ResumeOnSameContext":     {kind: flagKind},
	"BatchExecutionKey":       {kind: keyKind},
	"RequiresUserInteraction": {kind: flagKind},
	"StopProcessExpression":   {kind: textKind},
	"StopStrategy":            {kind: choiceKind, choices: []string{"SoftStop", "Kill"}},
	"KillProcessExpression":   {kind: textKind},
	"RemoteControlAccess":     {kind: choiceKind, choices: []string{"None", "ReadOnly", "Full"}},
	"AlertPendingExpression":  {kind: textKind},
	"AlertRunningExpression":  {kind: textKind},
	"RunAsMe":                 {kind: flagKind},
	"ParentOperationId":       {kind: textKind, limit: maxText},
	"ProfilingOptions":        {kind: textKind, limit: 4000},
	"FpsContext":              {kind: textKind, limit: 2048},
	"FpsProperties":           {kind: textKind, limit: 4000},
	"TraceId":                 {kind: textKind, limit: 255},
	"ParentSpanId":            {kind: textKind, limit: 255},
	"RootSpanId":              {kind: textKind, limit: 255},
	"EntryPointPath":          {kind: textKind},
	"AutopilotForRobots":      {kind: objectKind, members: startTable{"Enabled": {kind: flagKind}, "HealingEnabled": {kind: flagKind}}},
	"MachineRobots": {kind: objectKind, many: true, members: startTable{
		"MachineId": {kind: bigKind}, "MachineName": {kind: textKind}, "RobotId": {kind: bigKind}, "RobotUserName": {kind: textKind},
	}},
	"MachineInfraTarget": {kind: objectKind, members: startTable{
		"MachineTemplateName": {kind: textKind}, "HostMachineName": {kind: textKind}, "ServiceUserName": {kind: textKind},
	}},
	"VideoRecordingSettings": {kind: objectKind, members: startTable{
		"VideoRecordingType": {kind: textKind, limit: 64}, "QueueItemVideoRecordingType": {kind: textKind, limit: 64},
		"MaxDurationSeconds": {kind: numberKind, least: math.MinInt32},
	}},
	"Attachments": {kind: objectKind, many: true, must: "attachmentId", members: startTable{
		"attachmentId": {kind: keyKind}, "jobKey": {kind: keyKind}, "id": {kind: keyKind},
		"category": {kind: textKind, limit: 128}, "attachmentName": {kind: textKind, limit: 256},
		"creationTime": {kind: timeKind}, "lastModificationTime": {kind: timeKind},
		"creatorUserId": {kind: bigKind}, "lastModifierUserId": {kind: bigKind},
	}},
}

// fieldKind is the type of a field.
type fieldKind int

const (
	textKind   fieldKind = iota
	flagKind             // true or false
	numberKind           // a whole number of 32 bits
	bigKind              // a whole number of 64 bits
	keyKind              // a GUID
	choiceKind           // one of some words, in any case
	objectKind
	timeKind
)

// startField is what is known of a field. Enumerations to which versions of the
// product add are not held here: they are text.
type startField struct {
	kind    fieldKind
	many    bool // a list of them
	limit   int  // of text, in UTF-16 units; 0: none
	least   int64
	most    int64 // 0: the type's
	choices []string
	members startTable
	must    string // of an object: the member that it cannot do without
}

// startTable has the fields of an object by the API's names.
type startTable map[string]startField

// read checks a value, and gives it as it shall be sent: nil for null.
func (t startTable) read(name string, value json.RawMessage) (written json.RawMessage, wrong string) {
	f, known := t[name]
	switch {
	case !known:
		return nil, t.unknown()
	case first(value) == 'n':
		return nil, ""
	case !f.many:
		return f.read(value)
	}
	var all []json.RawMessage
	if json.Unmarshal(value, &all) != nil {
		return nil, "must be a list"
	}
	for i, one := range all {
		if all[i], wrong = f.read(one); wrong != "" {
			return nil, fmt.Sprintf("element %d: %s", i+1, wrong)
		}
	}
	written, err := json.Marshal(all)
	if err != nil {
		return nil, "must be a list"
	}
	return written, ""
}

func (t startTable) unknown() string {
	if _, top := t["Strategy"]; top {
		return "unknown for a job; there are the fields of StartJobs, as Strategy, JobsCount, RuntimeType, RunAsMe and InputFile"
	}
	return "unknown; there are " + strings.Join(slices.Sorted(maps.Keys(t)), ", ")
}

// read checks one value. Of a choice it gives the API's own spelling.
func (f startField) read(value json.RawMessage) (written json.RawMessage, wrong string) {
	switch f.kind {
	case flagKind:
		if c := first(value); c != 't' && c != 'f' {
			return nil, "must be true or false"
		}
		return value, ""
	case numberKind, bigKind:
		return value, f.checkNumber(value)
	case objectKind:
		return f.object(value)
	}
	var text string
	if first(value) != '"' || json.Unmarshal(value, &text) != nil {
		return nil, "must be text"
	}
	if f.kind == choiceKind {
		return f.choose(text)
	}
	return value, f.checkText(text)
}

func (f startField) checkNumber(value json.RawMessage) (wrong string) {
	least, most := f.least, f.most
	switch {
	case f.kind == bigKind:
		least, most = math.MinInt64, math.MaxInt64
	case most == 0:
		most = math.MaxInt32
	}
	var n int64
	if json.Unmarshal(value, &n) != nil || n < least || n > most {
		return fmt.Sprintf("must be a whole number from %d to %d", least, most)
	}
	return ""
}

func (f startField) checkText(text string) (wrong string) {
	switch f.kind {
	case keyKind:
		if !guid.MatchString(text) {
			return "must be a GUID, as 883749b2-5a9c-4c38-a6b5-3f1e6f5d3c2a"
		}
	case timeKind:
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return "must be a date and time with its zone, as 2026-01-31T06:00:00Z"
		}
	default:
		if f.limit > 0 && units(text) > f.limit {
			return fmt.Sprintf("longer than %d characters", f.limit)
		}
	}
	return ""
}

func (f startField) choose(text string) (json.RawMessage, string) {
	for _, c := range f.choices {
		if strings.EqualFold(c, text) {
			return json.RawMessage(strconv.Quote(c)), ""
		}
	}
	return nil, "must be one of " + strings.Join(f.choices, ", ")
}

func (f startField) object(value json.RawMessage) (json.RawMessage, string) {
	var members map[string]json.RawMessage
	if first(value) != '{' || json.Unmarshal(value, &members) != nil {
		return nil, "must be an object"
	}
	written := make(map[string]json.RawMessage, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		v, wrong := f.members.read(name, members[name])
		if wrong != "" {
			return nil, clip(name) + ": " + wrong
		}
		if v != nil {
			written[name] = v
		}
	}
	if f.must != "" && written[f.must] == nil {
		return nil, f.must + ": missing"
	}
	b, err := json.Marshal(written)
	if err != nil {
		return nil, "must be an object"
	}
	return b, ""
}
