package automationanywhere

import (
	"context"
	"fmt"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// fileRow is what is used of a file of the repository.
type fileRow struct {
	ID   values.Code `json:"id"`
	Path string      `json:"path"`
	Type string      `json:"type"`
}

// The beginning of every path, and what stands between its parts.
const (
	root      = `Automation Anywhere\`
	separator = `\`
)

// spelt is a path with the separators that the product's documents show: no name
// has either kind in it.
func spelt(path string) string { return strings.ReplaceAll(path, "/", separator) }

// taskBot is the type of what can be deployed on Automation 360.
const taskBot = "application/vnd.aa.taskbot"

// isBot reports whether the row is a bot. What type Enterprise 11 gives one is not
// told: there everything but a folder may be one.
func (f fileRow) isBot(e11 bool) bool {
	if e11 {
		return !strings.HasSuffix(f.Type, "directory")
	}
	return f.Type == taskBot
}

// isDigits tells an id from a path.
func isDigits(process string) bool {
	return process != "" && strings.Trim(process, "0123456789") == ""
}

// bot finds the file id of the request's bot. remembered tells that it was not
// asked for just now. Where there is no id the result says why.
func (c *Connector) bot(ctx context.Context, r *job.Request) (id string, remembered bool, none orchestrator.Result) {
	if id := c.knownBot(r); id != "" {
		return id, !isDigits(r.Process), orchestrator.Result{}
	}
	id, none = c.askForBot(ctx, r.Process)
	if id != "" {
		c.bots.Put(r.Process, id)
	}
	return id, false, none
}

// knownBot is the file id where no call is needed to know it; empty if one is.
func (c *Connector) knownBot(r *job.Request) string {
	if isDigits(r.Process) {
		return r.Process
	}
	id, _ := c.bots.Get(r.Process)
	return id
}

func (c *Connector) askForBot(ctx context.Context, path string) (id string, none orchestrator.Result) {
	wanted := spelt(path)
	named := equal("name", wanted[strings.LastIndex(wanted, separator)+1:])
	found, whole, a, ok := find[fileRow](ctx, c, "ListFiles", c.api.files, &named)
	if !ok {
		none = refine(a, false, ofBot)
		if none.Verdict == job.Rejected {
			none.Reason = job.RejectedByTarget
		}
		none.Detail = "the bot's id could not be asked for: " + none.Detail
		return "", none
	}
	none = orchestrator.Result{Health: orchestrator.Well}
	var matches []string
	for _, row := range found {
		at := spelt(row.Path)
		here := at == wanted || at == root+wanted
		if here && row.isBot(c.api.e11) && row.ID.Positive() {
			matches = appendNew(matches, string(row.ID))
		}
	}
	switch {
	case len(matches) == 1 && whole:
		return matches[0], none
	case len(matches) > 1:
		none.Outcome = job.Reject(job.RejectedByTarget, fmt.Sprintf("process: there are %d bots at %s; name one by its id", len(matches), values.Quoted(path)))
	case !whole:
		none.Outcome = job.Reject(job.RejectedByTarget, "process: the API does not find "+values.Quoted(path)+" among the many files that it lists; name the bot by its id")
	default:
		none.Outcome = job.Reject(job.NotFound, "process: there is no bot at "+values.Quoted(path)+" that the account sees; paths count letter by letter")
	}
	none.Status = a.Status
	return "", none
}
