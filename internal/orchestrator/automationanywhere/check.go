package automationanywhere

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// The longest names of queues and bots that are looked for, in UTF-16 units; the
// API names no limit.
const (
	maxQueueName = 255
	maxPath      = 1000
)

const unset = "missing; set it in the request, or under fixed or defaults of the route"

// Check makes every check that needs no call.
func (c *Connector) Check(r *job.Request) (job.Outcome, bool) {
	if r.Folder != "" {
		return invalid("folder", "the product has none; name the bot by its path, and the queue by its name")
	}
	if r.Action == job.StartJob {
		return c.checkJob(r)
	}
	return c.checkItem(r)
}

func (c *Connector) checkItem(r *job.Request) (job.Outcome, bool) {
	if wrong := checkName(r.Queue, maxQueueName); wrong != "" {
		return invalid("queue", wrong)
	}
	switch {
	case r.Priority != "":
		return invalid("priority", "a work item has none; remove it")
	case !r.DeferUntil.IsZero():
		return invalid("defer_until", "a work item cannot wait; remove it")
	case !r.DueBy.IsZero():
		return invalid("due_by", "a work item has none; remove it")
	}
	if len(r.Options) > 0 {
		return invalid("options."+values.Clip(slices.Min(slices.Collect(maps.Keys(r.Options)))), "unknown; a work item has no options")
	}
	if _, empty := r.Content[""]; empty {
		return invalid("content", "a name is empty")
	}
	if given, set := r.Content[r.ReferenceColumn]; set {
		if held, is := text(given); !is || held != r.Reference {
			return invalid("content."+values.Clip(r.ReferenceColumn), "is the reference_column of the route, and must be the reference; remove it, or set reference to the same")
		}
	}
	if c.ContentLimit > 0 && values.Size(contentOf(r), c.ContentLimit) > c.ContentLimit {
		return job.Reject(job.TooLarge, fmt.Sprintf("content: longer than the %d UTF-16 units that content_limit allows; put the data elsewhere and send its address", c.ContentLimit)), false
	}
	return job.Outcome{}, true
}

func (c *Connector) checkJob(r *job.Request) (job.Outcome, bool) {
	if wrong := checkName(r.Process, maxPath); wrong != "" {
		return invalid("process", wrong)
	}
	if isDigits(r.Process) && !values.Code(r.Process).Positive() {
		return invalid("process", "digits are a bot's id, and this one is out of range")
	}
	if _, field, wrong := c.api.newDeployment(r); wrong != "" {
		return invalid(field, wrong)
	}
	return job.Outcome{}, true
}

func checkName(name string, longest int) (wrong string) {
	switch {
	case strings.TrimSpace(name) == "":
		return unset
	case values.Units(name) > longest:
		return fmt.Sprintf("longer than %d characters", longest)
	case strings.ContainsFunc(name, unicode.IsControl):
		return "has a control character"
	}
	return ""
}

func invalid(field, wrong string) (job.Outcome, bool) {
	return job.Reject(job.InvalidRequest, field+": "+wrong), false
}
