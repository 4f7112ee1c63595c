package uipath

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
	"github.com/queueferry/queueferry/internal/remedy"
)

// routes looks at all that is wanted and says how it is, route by route: the
// folders, then what is in them.
func (i *inspection) routes(ctx context.Context, wanted []orchestrator.Wanted) []finding.Finding {
	var all []finding.Finding
	for _, group := range alternatives(wanted) {
		all = append(all, i.folders(ctx, group)...)
		if f, ok := i.name(ctx, group, isOwn(wanted, group[0])); ok {
			all = append(all, f)
		}
	}
	return once(all)
}

// once leaves out what was said before: groups of a route share folders.
func once(all []finding.Finding) []finding.Finding {
	told := map[finding.Finding]bool{}
	return slices.DeleteFunc(all, func(f finding.Finding) bool {
		before := told[f]
		told[f] = true
		return before
	})
}

// alternatives puts together what one folder of several must have.
func alternatives(wanted []orchestrator.Wanted) [][]orchestrator.Wanted {
	var groups [][]orchestrator.Wanted
	type need struct {
		route          string
		action         job.Action
		queue, process string
		own, ownName   bool
	}
	at := map[need]int{}
	for _, w := range wanted {
		key := need{w.Route, w.Action, w.Queue, w.Process, w.Own(), w.OwnName}
		if n, ok := at[key]; ok && !w.Own() {
			groups[n] = append(groups[n], w)
			continue
		}
		at[key] = len(groups)
		groups = append(groups, []orchestrator.Wanted{w})
	}
	return groups
}

// isOwn reports whether the route itself sets that name somewhere: then it need
// not be in the other folders.
func isOwn(wanted []orchestrator.Wanted, w orchestrator.Wanted) bool {
	return !w.Own() && slices.ContainsFunc(wanted, func(o orchestrator.Wanted) bool {
		return o.Own() && o.Route == w.Route && o.Action == w.Action && o.Queue == w.Queue && o.Process == w.Process
	})
}

// folders says of each folder whether the account has access to it, and whether
// items and jobs can be looked up there.
func (i *inspection) folders(ctx context.Context, group []orchestrator.Wanted) []finding.Finding {
	var all []finding.Finding
	for _, w := range group {
		of := thingOf(w)
		s := i.look(ctx, of)
		subject := "route " + w.Route
		switch s.state {
		case leftOut:
			continue
		case noFolder:
			all = append(all, finding.Bad(badness(w.OwnFolder), subject, "folder", values.Quoted(w.Folder)+" does not exist, or the account has no access to it"+chosen(w.OwnFolder),
				"Correct the folder of the route, or assign the account to it in Orchestrator."))
			continue
		case noRight:
			all = append(all, unreadable(w, s))
			continue
		case refused:
			all = append(all, finding.Bad(finding.Error, subject, "folder", fmt.Sprintf("%s cannot be asked for in %s: %s", of.set(), values.Quoted(w.Folder), s.detail),
				"See that url of the connection names the tenant, or set tenant where it does not; the status and the code are in UiPath's list of error codes."))
			continue
		case failed:
			all = append(all, finding.Bad(finding.Unknown, subject, "folder", values.Quoted(w.Folder)+" could not be looked at: "+s.detail, remedy.OfHold(s.reason)))
			continue
		}
		if s.reason == "" {
			all = append(all, finding.Good(subject, "folder", values.Quoted(w.Folder)+" is there, and its "+of.set()+" can be read"))
		}
		if f, ok := i.lookUps(ctx, w); ok {
			all = append(all, f)
		}
	}
	return all
}

// badness is how bad it is that something is missing: what the route sets itself,
// each request needs; what only a message may choose, perhaps none.
func badness(own bool) finding.Status {
	if own {
		return finding.Error
	}
	return finding.Warning
}

func chosen(own bool) string {
	if own {
		return ""
	}
	return "; a message may name it (allow), and is set aside then"
}

// unreadable says what becomes of a route in whose folder queues or processes
// cannot be read. Items are added all the same, until one is in doubt: then the
// worker must know its queue, and holds the route.
func unreadable(w orchestrator.Wanted, s sight) finding.Finding {
	of := thingOf(w)
	detail := fmt.Sprintf("%s cannot be read in %s: %s", of.set(), values.Quoted(w.Folder), s.detail)
	switch {
	case of.action == job.StartJob:
		detail += "; no job can be started by the name of its process"
	case w.OwnFolder:
		detail += "; if items can be added all the same, the first answer that is lost holds the route until they can be read"
	default:
		detail += "; if items can be added all the same, one whose answer is lost is set aside in the end"
	}
	return finding.Bad(badness(w.OwnFolder), "route "+w.Route, "permission", detail, remedy.OfHold(job.Forbidden))
}

// lookUps says whether what is in doubt can be found.
func (i *inspection) lookUps(ctx context.Context, w orchestrator.Wanted) (finding.Finding, bool) {
	rows, right := "items", "Transactions: View"
	if w.Action == job.StartJob {
		rows, right = "jobs", "Jobs: View"
	}
	s := i.look(ctx, thing{folder: w.Folder, action: w.Action, rows: true})
	subject, check := "route "+w.Route, "look-ups"
	switch s.state {
	case present:
		return finding.Good(subject, check, rows+" can be looked up in "+values.Quoted(w.Folder)), true
	case leftOut:
		return finding.Finding{}, false
	case noRight:
		return finding.Bad(finding.Warning, subject, check, rows+" cannot be looked up in "+values.Quoted(w.Folder)+
			": what is in doubt after a lost answer is set aside, unknown_outcome", "Give the account "+right+" in the folder, and the scope to read."), true
	}
	return finding.Bad(finding.Unknown, subject, check, "whether "+rows+" can be looked up in "+values.Quoted(w.Folder)+" could not be told: "+s.detail,
		remedy.OfHold(s.reason)), true
}

// name says whether the queue or process is there. It may be missing if optional.
// ok is false where there is nothing to say that the folder's line does not.
func (i *inspection) name(ctx context.Context, group []orchestrator.Wanted, optional bool) (f finding.Finding, ok bool) {
	var there, not []sight
	var folders []string
	for _, w := range group {
		switch s := i.look(ctx, thingOf(w)); s.state {
		case present:
			there, folders = append(there, s), append(folders, values.Quoted(w.Folder))
		case missing, several, unseen:
			not = append(not, s)
		} // all else is told by the folder's line
	}
	w := group[0]
	of := thingOf(w)
	if of.name == "" || len(there)+len(not) == 0 {
		return finding.Finding{}, false
	}
	subject := "route " + w.Route
	if len(there) > 0 {
		return isThere(subject, of, there, folders), true
	}
	if optional {
		return finding.Finding{}, false
	}
	where := values.Quoted(w.Folder)
	if len(group) > 1 {
		where = fmt.Sprintf("any of the %d folders that the route allows", len(group))
	}
	return isNot(subject, of, not[0], where, w.OwnName), true
}

func isThere(subject string, of thing, there []sight, folders []string) finding.Finding {
	where := "in " + strings.Join(folders, ", ")
	if of.action == job.StartJob {
		return finding.Good(subject, "process", fmt.Sprintf("%s is there, %s, with the key %s", values.Quoted(of.name), where, values.Quoted(there[0].key)))
	}
	var plain []string
	for n, s := range there {
		if !s.queue.EnforceUniqueReference {
			plain = append(plain, folders[n])
		}
	}
	if len(plain) == 0 {
		return finding.Good(subject, "queue", values.Quoted(of.name)+" is there, "+where+", with unique references")
	}
	return finding.Bad(finding.Warning, subject, "queue", values.Quoted(of.name)+" does not enforce unique references, in "+strings.Join(plain, ", ")+
		": after a lost answer the worker waits, looks, and sets aside what it cannot tell",
		"Make the queue anew with Enforce unique references, which can be chosen only then; see reliability.md for what remains without it.")
}

func isNot(subject string, of thing, s sight, where string, own bool) finding.Finding {
	switch s.state {
	case several:
		return finding.Bad(badness(own), subject, of.check(), s.detail+chosen(own), "Name it by its key, or give the others another name.")
	case unseen:
		return finding.Bad(finding.Unknown, subject, of.check(), values.Quoted(of.name)+" is a key, which is sent as it is and cannot be looked for",
			"See in Orchestrator that the process of this key is in the folder.")
	}
	cure := "Make it in the folder, or correct its name in the route: requests for it would be set aside."
	if !own {
		cure = "Make it in the folder, or take it out of the route's allow."
	}
	return finding.Bad(badness(own), subject, of.check(), "there is no "+of.check()+" "+values.Quoted(of.name)+" in "+where+chosen(own),
		cure)
}
