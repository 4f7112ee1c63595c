package veeam

import (
	"fmt"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// maxProcess bounds the name of a plan in UTF-16 units, for it stands in a URL;
// the API names no limit.
const maxProcess = 256

// NoQueues says why the product adds no queue items.
const NoQueues = "add_queue_item cannot be carried out: Veeam Recovery Orchestrator has no queues, only recovery plans; ask for start_job with a plan as its process"

// Check makes every check that needs no call. What the product does not have is
// refused: who sets it expects something of it.
func (c *Connector) Check(r *job.Request) (job.Outcome, bool) {
	if r.Action != job.StartJob {
		return job.Reject(job.UnsupportedAction, "action: "+NoQueues), false
	}
	if field := foreign(r); field != "" {
		return invalid(field, "Veeam Recovery Orchestrator has none; remove it")
	}
	if strings.TrimSpace(r.Process) == "" {
		return invalid("process", "missing; set it in the request, or under fixed or defaults of the route")
	}
	if values.Units(r.Process) > maxProcess {
		return invalid("process", fmt.Sprintf("longer than the %d characters of a plan's name", maxProcess))
	}
	if _, field, wrong := newAction(r.Options); wrong != "" {
		return invalid(field, wrong)
	}
	return job.Outcome{}, true
}

// foreign is a field that is set and that the product does not have. The
// reference is not among them, for every request has one; it is sent nowhere.
func foreign(r *job.Request) (field string) {
	switch {
	case r.Folder != "":
		return "folder"
	case r.Queue != "":
		return "queue"
	case r.Priority != "":
		return "priority"
	case !r.DeferUntil.IsZero():
		return "defer_until"
	case !r.DueBy.IsZero():
		return "due_by"
	case len(r.Content) > 0:
		return "content"
	case len(r.Arguments) > 0:
		return "arguments"
	}
	return ""
}

func invalid(field, wrong string) (job.Outcome, bool) {
	return job.Reject(job.InvalidRequest, field+": "+wrong), false
}
