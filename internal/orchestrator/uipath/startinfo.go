package uipath

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// maxInput is the API's own limit of InputArguments, in UTF-16 units
// (StartProcessDto of the v20 definition).
const maxInput = 10_000

// The strategies say how many jobs a start makes, and on which robots.
const (
	modernJobsCount = "ModernJobsCount"
	jobsCount       = "JobsCount"
	robotCount      = "RobotCount"
	specific        = "Specific"
	allRobots       = "All"
)

// jobStart is what a request asks for: the fields of StartProcessDto but the
// process, and how many jobs they make.
type jobStart struct {
	fields job.Fields
	jobs   int // 0: as many as there are robots
}

// elsewhere are the fields that a request sets by a name of ours.
var elsewhere = map[string]string{
	"ReleaseKey": "set process instead", "ReleaseName": "set process instead", "Reference": "set reference instead",
	"JobPriority": "set priority instead", "InputArguments": "set arguments instead",
	"Source": "it is never sent; leave it out",
}

// newStart reads a request's options, of which null is one that is not set.
// field and wrong say what is not right.
func newStart(r *job.Request) (s jobStart, field, wrong string) {
	s.fields = job.Fields{}
	for _, name := range slices.Sorted(maps.Keys(r.Options)) {
		if hint := elsewhere[name]; hint != "" {
			return s, "options." + name, hint
		}
		written, wrong := readStartField(name, r.Options[name])
		if wrong != "" {
			return s, "options." + values.Clip(name), wrong
		}
		if written != nil {
			s.fields[name] = written
		}
	}
	if field, wrong := s.complete(r); wrong != "" {
		return s, field, wrong
	}
	if field, wrong := s.count(); wrong != "" {
		return s, "options." + field, wrong
	}
	return s, "", ""
}

// readStartField gives a field as it shall be sent: nil for null.
func readStartField(name string, given json.RawMessage) (written json.RawMessage, wrong string) {
	if _, known := startFields[name]; !known {
		return nil, "unknown for a job; there are the fields of StartJobs, as Strategy, JobsCount, RuntimeType, RunAsMe and InputFile"
	}
	return startFields.Read(name, given)
}

// complete adds what a request sets by names of ours.
func (s *jobStart) complete(r *job.Request) (field, wrong string) {
	s.text("Reference", r.Reference)
	if r.Priority != "" {
		if s.fields["SpecificPriorityValue"] != nil {
			return "options.SpecificPriorityValue", "not together with priority, be it the route's own; remove one of them"
		}
		s.text("JobPriority", priorities[r.Priority])
	}
	if input := inputOf(r.Arguments); input != "" {
		if s.fields["InputFile"] != nil {
			return "options.InputFile", "not together with arguments; remove one of them"
		}
		s.text("InputArguments", input)
	}
	return "", ""
}

// text sets a field. An empty one is left out.
func (s *jobStart) text(name, value string) {
	if value == "" {
		return
	}
	b, err := json.Marshal(value)
	_ = err // text always has a form in JSON
	s.fields[name] = b
}

// count settles how many jobs are asked for. A count of 0 says nothing: the
// API's own examples have it beside strategies that count something else.
func (s *jobStart) count() (field, wrong string) {
	strategy, named := s.word("Strategy")
	if !named {
		strategy = modernJobsCount
		s.text("Strategy", strategy)
	}
	jobs, robots, ids := s.number("JobsCount"), s.number("NoOfRobots"), s.list("RobotIds")
	counted := strategy == modernJobsCount || strategy == jobsCount
	switch {
	case counted && named && s.fields["JobsCount"] != nil && jobs == 0:
		return "JobsCount", "must be at least 1 with this Strategy"
	case !counted && jobs > 0:
		return "JobsCount", "only with the strategies ModernJobsCount and JobsCount"
	case strategy != robotCount && robots > 0:
		return "NoOfRobots", "only with the strategy RobotCount"
	case strategy == robotCount && robots == 0:
		return "NoOfRobots", "must be at least 1 with the strategy RobotCount"
	case strategy != specific && ids > 0:
		return "RobotIds", "only with the strategy Specific"
	case strategy == specific && ids == 0:
		return "RobotIds", "must name a robot with the strategy Specific"
	}
	for name, n := range map[string]int{"JobsCount": jobs, "NoOfRobots": robots, "RobotIds": ids} {
		if n == 0 {
			delete(s.fields, name)
		}
	}
	switch {
	case counted:
		s.jobs = max(jobs, 1)
		s.fields["JobsCount"] = json.RawMessage(strconv.Itoa(s.jobs))
	case strategy != allRobots:
		s.jobs = max(robots, ids)
	}
	return "", ""
}

// word, number and list read a field that was read before.
func (s *jobStart) word(name string) (text string, ok bool) {
	ok = json.Unmarshal(s.fields[name], &text) == nil
	return text, ok
}

func (s *jobStart) number(name string) (n int) {
	_ = json.Unmarshal(s.fields[name], &n) // 0 where there is none
	return n
}

func (s *jobStart) list(name string) int {
	var all []json.RawMessage
	_ = json.Unmarshal(s.fields[name], &all) // none where there is none
	return len(all)
}

// body is the request's JSON, for the process of that key.
func (s *jobStart) body(key string) ([]byte, error) {
	s.text("ReleaseKey", key)
	return json.Marshal(map[string]job.Fields{"startInfo": s.fields})
}

// inputOf is a job's input as JSON that escapes no more than it must; empty
// where there is none.
func inputOf(arguments job.Fields) string {
	if len(arguments) == 0 {
		return ""
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(arguments) != nil {
		return ""
	}
	short := jsontext.Value(slices.Clone(b.Bytes()))
	if short.Format(jsontext.AllowDuplicateNames(true)) == nil {
		return strings.TrimSpace(string(short))
	}
	return strings.TrimSpace(b.String())
}
