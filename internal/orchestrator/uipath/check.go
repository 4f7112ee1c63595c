package uipath

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/queueferry/queueferry/internal/job"
)

// maxQueueName and maxText are the API's own limits, in UTF-16 units
// (QueueDefinitionDto.Name and QueueItemDataDto.ParentOperationId of the v20
// definition).
const (
	maxQueueName = 50
	maxText      = 128
)

// maxProcess bounds the name of a process in UTF-16 units, for it stands in a
// URL; the API names no limit.
const maxProcess = 256

// Check makes every check that needs no call.
func (c *Connector) Check(r *job.Request) (job.Outcome, bool) {
	if wrong := CheckFolder(r.Folder); wrong != "" {
		return invalid("folder", wrong)
	}
	if r.Action == job.StartJob {
		return checkJob(r)
	}
	return c.checkItem(r)
}

func (c *Connector) checkItem(r *job.Request) (job.Outcome, bool) {
	if wrong := checkQueueName(r.Queue); wrong != "" {
		return invalid("queue", wrong)
	}
	if name, wrong := checkContent(r.Content); wrong != "" {
		return invalid("content."+clip(name), wrong)
	}
	if _, name, wrong := readItemOptions(r.Options); wrong != "" {
		return invalid("options."+clip(name), wrong)
	}
	if c.ContentLimit > 0 && contentSize(r.Content, c.ContentLimit) > c.ContentLimit {
		return job.Reject(job.TooLarge, fmt.Sprintf("content: longer than the %d UTF-16 units that content_limit allows; put the data elsewhere and send its address", c.ContentLimit)), false
	}
	return job.Outcome{}, true
}

func checkJob(r *job.Request) (job.Outcome, bool) {
	if strings.TrimSpace(r.Process) == "" {
		return invalid("process", "missing; set it in the request, or under fixed or defaults of the route")
	}
	if units(r.Process) > maxProcess {
		return invalid("process", fmt.Sprintf("longer than the %d characters of a process's name", maxProcess))
	}
	if _, field, wrong := newStart(r); wrong != "" {
		return invalid(field, wrong)
	}
	if units(inputOf(r.Arguments)) > maxInput {
		return job.Reject(job.TooLarge, fmt.Sprintf("arguments: longer than the %d UTF-16 units that the API takes; store them in Orchestrator as a file and name its key in options.InputFile", maxInput)), false
	}
	return job.Outcome{}, true
}

func invalid(field, wrong string) (job.Outcome, bool) {
	return job.Reject(job.InvalidRequest, field+": "+wrong), false
}

// clip makes a name that a publisher chose fit for a line of text.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
	if len(s) <= 64 {
		return s
	}
	return strings.ToValidUTF8(s[:64], "") + "…"
}

func checkQueueName(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "missing; set it in the request, or under fixed or defaults of the route"
	case units(name) > maxQueueName:
		return fmt.Sprintf("longer than the %d characters of a queue's name", maxQueueName)
	}
	return ""
}

// annotation is the end of a member that tells the type of another one.
const annotation = "@odata.type"

// checkContent holds the rule for SpecificContent: names to plain values
// ("Property values must be simple (like numbers or text)").
func checkContent(content job.Fields) (name, wrong string) {
	for name, value := range content {
		if name == "" {
			return name, "a name is empty"
		}
		switch first(value) {
		case '{', '[', 0:
			return name, "a queue item's values are text, numbers, true, false or null; send what is nested as text"
		}
		if of, is := strings.CutSuffix(name, annotation); is {
			if _, there := content[of]; !there || first(value) != '"' {
				return name, "would be taken as the type of another member; rename it"
			}
		} else if strings.Contains(name, "@odata.") {
			return name, "would be taken as an OData annotation; rename it"
		}
	}
	return "", ""
}

// first is the byte that tells a value's type; 0 where there is none.
func first(value json.RawMessage) byte {
	value = bytes.TrimSpace(value)
	if len(value) == 0 {
		return 0
	}
	return value[0]
}

// contentSize counts UTF-16 units of the content as JSON that escapes no more
// than it must. It counts bytes first: they are never fewer, and nearly always
// few enough.
func contentSize(content job.Fields, limit int) int {
	size := 2
	for name, value := range content {
		size += 6*len(name) + len(value) + 4
	}
	if size <= limit {
		return size
	}
	size = 2 + max(len(content)-1, 0) // braces and commas
	for name, value := range content {
		size += quotedUnits(name) + 1 + valueUnits(value)
	}
	return size
}

func valueUnits(value json.RawMessage) int {
	var text string
	if first(value) == '"' && json.Unmarshal(value, &text) == nil {
		return quotedUnits(text)
	}
	return units(string(value))
}

// quotedUnits counts text as a JSON string.
func quotedUnits(s string) int {
	n := 2
	for _, r := range s {
		switch {
		case r == '"', r == '\\', r == '\b', r == '\f', r == '\n', r == '\r', r == '\t':
			n += 2
		case r < ' ':
			n += 6
		default:
			n += max(utf16.RuneLen(r), 1)
		}
	}
	return n
}

func units(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}
