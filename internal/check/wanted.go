package check

import (
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/setup"
)

// anything is an element of allow that opens it.
const anything = "*"

// wanted is what the routes to a connection name, and what cannot be looked at
// because each message chooses it.
func wanted(cfg *config.Config, connection string) (all []orchestrator.Wanted, open []finding.Finding) {
	for _, r := range cfg.Routes {
		if r.Connection != connection {
			continue
		}
		if hasPlans(cfg, connection) {
			all = append(all, plans(r)...)
			if f, ok := anyPlan(r); ok {
				open = append(open, f)
			}
			continue
		}
		for _, action := range actions(r) {
			named := namesOf(r, action)
			all = append(all, named.wanted(r.Name, action)...)
		}
		if f, ok := chosen(r); ok {
			open = append(open, f)
		}
	}
	return all, open
}

// actions are what a request of the route may do.
func actions(r config.Route) []job.Action {
	if r.Fixed.Action != "" {
		return []job.Action{r.Fixed.Action}
	}
	var all []job.Action
	for _, action := range []job.Action{job.AddQueueItem, job.StartJob} {
		if n := namesOf(r, action); action == r.Defaults.Action || n.names.any() {
			all = append(all, action)
		}
	}
	return all
}

// choice is what a route sets itself, and what a message may choose beside it.
type choice struct {
	own     string
	allowed []string
	open    bool
}

func choiceOf(fixed, preset string, allow []string) choice {
	if fixed != "" {
		return choice{own: fixed}
	}
	c := choice{own: preset, open: slices.Contains(allow, anything)}
	for _, name := range allow {
		if name != anything && !strings.EqualFold(name, preset) {
			c.allowed = append(c.allowed, name)
		}
	}
	return c
}

func (c choice) any() bool { return c.own != "" || c.open || len(c.allowed) > 0 }

// all are the names that are known.
func (c choice) all() []string {
	if c.own == "" {
		return c.allowed
	}
	return append([]string{c.own}, c.allowed...)
}

// places are the folders and the names of one action.
type places struct {
	folders, names choice
	column         string
	options        job.Fields // that the route sets itself
}

func namesOf(r config.Route, action job.Action) places {
	p := places{
		folders: choiceOf(r.Fixed.Folder, r.Defaults.Folder, r.Allow.Folders), column: r.ReferenceColumn,
		options: setup.Options(r),
	}
	if action == job.StartJob {
		p.names = choiceOf(r.Fixed.Process, r.Defaults.Process, r.Allow.Processes)
	} else {
		p.names = choiceOf(r.Fixed.Queue, r.Defaults.Queue, r.Allow.Queues)
	}
	return p
}

// folderNames are the folders that are known. There is one without a name where
// the product has none.
func (p places) folderNames() []string {
	if !p.folders.any() {
		return []string{""}
	}
	return p.folders.all()
}

// wanted pairs folders with names. A name that may be in a folder that only the
// message knows is looked for nowhere, but the folders are.
func (p places) wanted(route string, action job.Action) []orchestrator.Wanted {
	var all []orchestrator.Wanted
	add := func(folder, name string) {
		w := orchestrator.Wanted{
			Route: route, Action: action, Folder: folder, ReferenceColumn: p.column, Options: p.options,
			OwnFolder: folder == p.folders.own, OwnName: name == p.names.own && name != "",
		}
		if action == job.StartJob {
			w.Process = name
		} else {
			w.Queue = name
		}
		all = append(all, w)
	}
	names := p.names.all()
	if len(names) == 0 {
		names = []string{""}
	}
	for _, name := range names {
		for _, folder := range p.folderNames() {
			own := folder == p.folders.own && name == p.names.own
			if !own && p.folders.open && name != "" {
				continue
			}
			add(folder, name)
		}
	}
	for _, folder := range p.folders.all() {
		if p.folders.open && !slices.ContainsFunc(all, func(w orchestrator.Wanted) bool { return w.Folder == folder }) {
			add(folder, "")
		}
	}
	return all
}

// chosen says in one line what only a message knows.
func chosen(r config.Route) (finding.Finding, bool) {
	var what []string
	if choiceOf(r.Fixed.Folder, r.Defaults.Folder, r.Allow.Folders).open {
		what = append(what, "folder")
	}
	for _, action := range actions(r) {
		if action == job.StartJob && namesOf(r, action).names.open {
			what = append(what, "process")
		}
		if action == job.AddQueueItem && namesOf(r, action).names.open {
			what = append(what, "queue")
		}
	}
	if len(what) == 0 {
		return finding.Finding{}, false
	}
	return finding.Bad(finding.Unknown, "route "+r.Name, "allow", "any "+strings.Join(what, " and any ")+" that a message names is allowed, so it cannot be looked at",
		"List what publishers may name under the route's allow, if that is known."), true
}
