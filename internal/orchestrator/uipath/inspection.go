package uipath

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
	"github.com/queueferry/queueferry/internal/remedy"
)

// inspection asks for each thing once. It is for one goroutine.
type inspection struct {
	c       *Connector
	seen    map[thing]sight
	listed  int                 // lists of items and jobs asked for
	stopped bool                // nothing more is asked
	why     orchestrator.Result // that stopped it; zero: the bounds
	late    bool                // it was the time
	leftOut int
}

// thing is what one call can see: a queue, a process, the list of queues or
// processes where the name is empty, or whether items or jobs can be listed.
type thing struct {
	folder string
	action job.Action
	name   string
	rows   bool
}

func thingOf(w orchestrator.Wanted) thing {
	t := thing{folder: w.Folder, action: w.Action, name: strings.TrimSpace(w.Queue)}
	if w.Action == job.StartJob {
		t.name = strings.TrimSpace(w.Process)
	}
	return t
}

// check is what the thing is called in a report.
func (t thing) check() string {
	if t.action == job.StartJob {
		return "process"
	}
	return "queue"
}

// set is the list that it is looked for in.
func (t thing) set() string {
	if t.action == job.StartJob {
		return "processes"
	}
	return "queues"
}

// fold has the names as the product compares them.
func (t thing) fold() thing {
	t.folder, t.name = strings.ToLower(t.folder), strings.ToLower(t.name)
	return t
}

// state is what became of a look.
type state int

const (
	failed   state = iota // it could not be told
	present               // it is there
	missing               // it is not
	several               // there are several
	unseen                // it cannot be looked for by its name
	noFolder              // there is no such folder, or no access to it
	noRight               // a permission or a scope is missing
	refused               // the product refuses the question itself
	leftOut               // it was not asked for
)

// sight is what was seen of a thing.
type sight struct {
	state  state
	reason job.Reason
	detail string
	queue  queueDefinition
	key    string // of a process
}

// look asks for a thing, unless that was done before.
func (i *inspection) look(ctx context.Context, t thing) sight {
	if s, ok := i.seen[t.fold()]; ok {
		return s
	}
	s := sight{state: leftOut}
	switch {
	case i.stopped || len(i.seen) >= maxInspected:
		i.leftOut++
	case t.rows && i.listed >= maxListed:
		i.leftOut++
	default:
		s = i.ask(ctx, t)
	}
	i.seen[t.fold()] = s
	return s
}

func (i *inspection) ask(ctx context.Context, t thing) sight {
	switch {
	case t.rows:
		i.listed++
		return i.askRows(ctx, t)
	case t.action == job.StartJob && t.name != "":
		return i.askProcess(ctx, t)
	case t.name != "":
		return i.askQueue(ctx, t)
	}
	set := "QueueDefinitions"
	if t.action == job.StartJob {
		set = "Releases"
	}
	return i.askOne(ctx, t, set)
}

func (i *inspection) askQueue(ctx context.Context, t thing) sight {
	d, ok, none := i.c.queue(ctx, t.folder, t.name)
	switch {
	case ok:
		return sight{state: present, queue: d}
	case none.Health == orchestrator.Well && none.Reason == "":
		return sight{state: missing}
	}
	return i.judge(ctx, none)
}

// askProcess finds a process by its name. Of a key it only sees whether processes
// can be read.
func (i *inspection) askProcess(ctx context.Context, t thing) sight {
	if values.IsGUID(t.name) {
		s := i.askOne(ctx, t, "Releases")
		if s.state == present || s.state == noRight { // a job is started by its key without the right to read it
			s.state = unseen
		}
		return s
	}
	key, _, none := i.c.releaseKey(ctx, &job.Request{Action: job.StartJob, Folder: t.folder, Process: t.name})
	switch {
	case key != "":
		return sight{state: present, key: key}
	case none.Reason == job.NotFound && none.Status == 0:
		return sight{state: missing}
	case none.Reason == job.RejectedByTarget && none.Status == 0:
		return sight{state: several, detail: none.Detail}
	}
	return i.judge(ctx, none)
}

func (i *inspection) askRows(ctx context.Context, t thing) sight {
	set := "QueueItems"
	if t.action == job.StartJob {
		set = "Jobs"
	}
	return i.askOne(ctx, t, set)
}

// askOne asks for one row of a list, to see whether it can be read.
func (i *inspection) askOne(ctx context.Context, t thing, set string) sight {
	a := i.c.Client.Do(ctx, orchestrator.Call{
		Operation: "Inspect" + set, Method: http.MethodGet,
		Path:   "/odata/" + set + query("$top", "1", "$select", "Id"),
		Header: i.c.header(t.folder),
	})
	if _, ok := readList[struct{}](a); ok {
		return sight{state: present}
	}
	w := itemWords
	if t.action == job.StartJob {
		w = jobWords
	}
	return i.judge(ctx, w.refine(a, false))
}

// judge says what a call that gave no list means. What is not about the thing
// itself ends the inspection.
func (i *inspection) judge(ctx context.Context, r orchestrator.Result) sight {
	s := sight{state: failed, reason: r.Reason, detail: r.Detail}
	switch {
	case ctx.Err() != nil:
		s.detail = detailOf(ctx, r)
		i.stopped, i.late, i.why = true, true, r
	case r.ErrorCode == codeInvalidFolder, r.ErrorCode == codeFolderRequired:
		s.state = noFolder
	case r.Reason == job.Forbidden:
		s.state = noRight
	case r.Status != 0 && r.Verdict == job.Rejected:
		s.state = refused
	case r.Status == 0, r.Health == orchestrator.Refused, r.Health == orchestrator.Throttled:
		i.stopped, i.why = true, r
	}
	return s
}

// rest says what was not looked at.
func (i *inspection) rest() finding.Finding {
	what := fmt.Sprintf("%d of the folders, queues, processes and look-ups were not looked at: ", i.leftOut)
	switch {
	case i.late:
		return finding.Bad(finding.Unknown, "", "routes", what+"the time was over", "Check again, or with a file that has fewer routes.")
	case i.stopped:
		return finding.Bad(finding.Unknown, "", "routes", what+i.why.Detail, remedy.OfHold(i.why.Reason))
	}
	return finding.Bad(finding.Unknown, "", "routes", what+"a check asks for no more, to keep within the product's limits",
		"Check with a file that has fewer routes, or see to the rest in Orchestrator.")
}
