package uipath

import (
	"fmt"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
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
		return invalid("content."+values.Clip(name), wrong)
	}
	if _, name, wrong := readItemOptions(r.Options); wrong != "" {
		return invalid("options."+values.Clip(name), wrong)
	}
	if c.ContentLimit > 0 && values.Size(r.Content, c.ContentLimit) > c.ContentLimit {
		return job.Reject(job.TooLarge, fmt.Sprintf("content: longer than the %d UTF-16 units that content_limit allows; put the data elsewhere and send its address", c.ContentLimit)), false
	}
	return job.Outcome{}, true
}

func checkJob(r *job.Request) (job.Outcome, bool) {
	if strings.TrimSpace(r.Process) == "" {
		return invalid("process", "missing; set it in the request, or under fixed or defaults of the route")
	}
	if values.Units(r.Process) > maxProcess {
		return invalid("process", fmt.Sprintf("longer than the %d characters of a process's name", maxProcess))
	}
	if _, field, wrong := newStart(r); wrong != "" {
		return invalid(field, wrong)
	}
	if values.Units(inputOf(r.Arguments)) > maxInput {
		return job.Reject(job.TooLarge, fmt.Sprintf("arguments: longer than the %d UTF-16 units that the API takes; store them in Orchestrator as a file and name its key in options.InputFile", maxInput)), false
	}
	return job.Outcome{}, true
}

func invalid(field, wrong string) (job.Outcome, bool) {
	return job.Reject(job.InvalidRequest, field+": "+wrong), false
}

func checkQueueName(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "missing; set it in the request, or under fixed or defaults of the route"
	case values.Units(name) > maxQueueName:
		return fmt.Sprintf("longer than the %d characters of a queue's name", maxQueueName)
	}
	return ""
}

// checkContent holds the rule for SpecificContent: names to plain values
// ("Property values must be simple (like numbers or text)").
func checkContent(content job.Fields) (name, wrong string) {
	for name, value := range content {
		if name == "" {
			return name, "a name is empty"
		}
		switch values.First(value) {
		case '{', '[', 0:
			return name, "a queue item's values are text, numbers, true, false or null; send what is nested as text"
		}
		if of, is := strings.CutSuffix(name, values.Annotation); is {
			if _, there := content[of]; !there || values.First(value) != '"' {
				return name, "would be taken as the type of another member; rename it"
			}
		} else if strings.Contains(name, "@odata.") {
			return name, "would be taken as an OData annotation; rename it"
		}
	}
	return "", ""
}
