package automationanywhere

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
	"github.com/queueferry/queueferry/internal/remedy"
)

var _ orchestrator.Inspector = (*Connector)(nil)

// maxInspected bounds the queues, columns and bots that are asked for.
const maxInspected = 200

// Inspect looks at what the routes name, with lists alone: that the product
// answers, its clock, the queues and their columns for references, the bots, and
// the users, pools and devices that they run as and on. An answer that tells of more than the thing asked
// for, as a refused token does, ends it.
func (c *Connector) Inspect(ctx context.Context, wanted []orchestrator.Wanted) []finding.Finding {
	began := time.Now()
	r, a := c.probe(ctx)
	took := time.Since(began)
	if r.Health != orchestrator.Well {
		shared := []finding.Finding{finding.Bad(finding.Error, "", "orchestrator", detailOf(ctx, r), remedy.OfHold(r.Reason))}
		if len(wanted) > 0 {
			shared = append(shared, finding.Bad(finding.Unknown, "", "routes", "the queues and bots of the routes were not looked at", "Cure what is above, and check again."))
		}
		return shared
	}
	shared := []finding.Finding{
		finding.Good("", "orchestrator", fmt.Sprintf("the Control Room answers, after %d ms", took.Milliseconds())),
		lookup.InspectClock(a, began, began.Add(took)),
	}
	i := inspection{c: c, done: map[string]bool{}, lists: map[string]*runnerList{}}
	for _, w := range wanted {
		i.route(ctx, w)
	}
	if len(wanted) > 0 {
		shared = append(shared, finding.Bad(finding.Unknown, "", "permissions", "whether the account may add items and run bots shows only when it does",
			"See in the Control Room that its role has the permissions; a first request of your own proves it. Without them a route holds, and loses nothing."))
	}
	if i.leftOut > 0 {
		shared = append(shared, finding.Bad(finding.Unknown, "", "routes", fmt.Sprintf("%d of the things that routes name were not looked at: %s", i.leftOut, i.why),
			"Cure that, and check again; or look for them in the Control Room."))
	}
	return append(shared, i.found...)
}

// detailOf says why there is no answer to judge.
func detailOf(ctx context.Context, r orchestrator.Result) string {
	if ctx.Err() != nil {
		return "no answer in the time that a check has"
	}
	return r.Detail
}

// inspection asks for each thing of a route once. It is for one goroutine.
type inspection struct {
	c       *Connector
	found   []finding.Finding
	done    map[string]bool
	asked   int
	why     string // nothing more is asked; empty: it is
	leftOut int
	lists   map[string]*runnerList // by the option
}

func (i *inspection) add(f finding.Finding) { i.found = append(i.found, f) }

func (i *inspection) route(ctx context.Context, w orchestrator.Wanted) {
	subject := "route " + w.Route
	if w.Action == job.StartJob {
		i.once(subject+"\x00bot\x00"+w.Process, w.Process != "", func() { i.bot(ctx, subject, w) })
		i.once(subject+"\x00runners", true, func() { i.runAs(ctx, subject, w) })
		i.once(subject+"\x00lost", i.c.api.e11, func() {
			i.add(finding.Bad(finding.Warning, subject, "look-ups", "Enterprise 11 tells no deployment by its name: after a lost answer on_unknown decides",
				"See that on_unknown of the route is what you want: park sets the request aside, resend may start the bot twice."))
		})
		return
	}
	i.once(subject+"\x00queue\x00"+w.Queue, w.Queue != "", func() { i.queue(ctx, subject, w) })
	i.once(subject+"\x00column", w.ReferenceColumn == "", func() {
		i.add(finding.Bad(finding.Warning, subject, "look-ups", "the route has no reference_column: after a lost answer nobody can tell whether an item was added, and on_unknown decides",
			"Give the work item model a TEXT display column for references, and name it under reference_column."))
	})
}

// once does a thing if it applies, and was not done before.
func (i *inspection) once(name string, applies bool, do func()) {
	if !applies || i.done[name] {
		return
	}
	i.done[name] = true
	if i.asked >= maxInspected && i.why == "" {
		i.why = fmt.Sprintf("a check asks for %d at most", maxInspected)
	}
	if i.why != "" {
		i.leftOut++
		return
	}
	i.asked++
	do()
}

// stops ends the inspection if an answer tells of more than the thing asked for,
// and says of this one that it could not be told.
func (i *inspection) stops(ctx context.Context, subject, check, what string, r orchestrator.Result) bool {
	if r.Verdict != job.Unavailable {
		return false
	}
	i.why = detailOf(ctx, r)
	i.add(finding.Bad(finding.Unknown, subject, check, what+" could not be looked at: "+i.why, remedy.OfHold(r.Reason)))
	return true
}

// badness is how bad it is that something is missing: what the route sets itself,
// each request needs; what only a message may choose, perhaps none.
func badness(w orchestrator.Wanted) finding.Status {
	if w.OwnName {
		return finding.Error
	}
	return finding.Warning
}

// missing is what a request for it would be refused with, without the field's
// name, which the check says already.
func missing(w orchestrator.Wanted, field string, none orchestrator.Result) string {
	detail := strings.TrimPrefix(none.Detail, field)
	if !w.OwnName {
		detail += "; a message may name it (allow), and is set aside then"
	}
	return detail
}

func (i *inspection) queue(ctx context.Context, subject string, w orchestrator.Wanted) {
	id, none := i.c.askForQueue(ctx, w.Queue)
	switch {
	case id != "":
		i.add(finding.Good(subject, "queue", values.Quoted(w.Queue)+" is there, with the id "+id))
		if w.ReferenceColumn != "" {
			i.column(ctx, subject, w, id)
		}
	case i.stops(ctx, subject, "queue", values.Quoted(w.Queue), none):
	case none.Reason == job.Forbidden:
		i.add(finding.Bad(badness(w), subject, "permission", none.Detail, remedy.OfHold(job.Forbidden)))
	default:
		i.add(finding.Bad(badness(w), subject, "queue", missing(w, "queue: ", none),
			"Correct the queue's name in the route, make the account its owner or participant, or leave one queue of the name: requests for it would be set aside."))
	}
}

// column says whether items can be found by their reference, as far as an item
// tells.
func (i *inspection) column(ctx context.Context, subject string, w orchestrator.Wanted, queue string) {
	const check = "reference column"
	name := values.Quoted(w.ReferenceColumn)
	page := i.c.askForItems(ctx, shelf{queue, w.ReferenceColumn}, query{Page: paging{Length: sample}})
	known, ok := learn(page.rows, w.ReferenceColumn)
	named := false
	for _, row := range page.rows {
		named = named || row.content[w.ReferenceColumn] != nil
	}
	switch {
	case page.stop != nil && i.stops(ctx, subject, check, name, *page.stop):
	case page.refused != "":
		i.add(finding.Bad(finding.Warning, subject, "look-ups", "items cannot be looked up in "+values.Quoted(w.Queue)+": "+page.refused,
			"Make the account a consumer of the queue: without it what is in doubt after a lost answer is set aside, unknown_outcome."))
	case ok:
		i.add(finding.Good(subject, check, name+" is the display column "+strings.Join(known.names(), " or ")+" of "+values.Quoted(w.Queue)))
	case len(page.rows) == 0:
		i.add(finding.Bad(finding.Unknown, subject, check, values.Quoted(w.Queue)+" has no item that would show whether "+name+" is a display column of it",
			"See in the Control Room that the work item model has it as a TEXT display column, and check again after the first item."))
	case !named:
		i.add(finding.Bad(finding.Warning, subject, check, fmt.Sprintf("none of %d items of %s has a value in %s", len(page.rows), values.Quoted(w.Queue), name),
			"See that the work item model has a TEXT column of that name, letter by letter, and shows it: items would be refused, or what is in doubt set aside."))
	default:
		i.add(finding.Bad(finding.Warning, subject, check, name+" of "+values.Quoted(w.Queue)+" is seen in no display column: what is in doubt after a lost answer is set aside, unknown_outcome",
			"Make it a TEXT display column of the work item model."))
	}
}

func (i *inspection) bot(ctx context.Context, subject string, w orchestrator.Wanted) {
	if isDigits(w.Process) {
		i.add(finding.Bad(finding.Unknown, subject, "bot", values.Quoted(w.Process)+" is an id, which is sent as it is and cannot be looked for",
			"See in the Control Room that the bot of this id is there; or name it by its path."))
		return
	}
	id, none := i.c.askForBot(ctx, w.Process)
	switch {
	case id != "":
		i.add(finding.Good(subject, "bot", values.Quoted(w.Process)+" is there, with the id "+id))
	case i.stops(ctx, subject, "bot", values.Quoted(w.Process), none):
	case none.Reason == job.Forbidden:
		i.add(finding.Bad(badness(w), subject, "permission", none.Detail, remedy.OfHold(job.Forbidden)))
	default:
		i.add(finding.Bad(badness(w), subject, "bot", missing(w, "process: ", none),
			`Correct the bot's path in the route, as Automation Anywhere\Bots\Folder\Name, or let the account see its folder: requests for it would be set aside.`))
	}
}
