package request

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/queueferry/queueferry/internal/job"
)

const anything = "*" // an element of allow that opens it

// chooseAction settles what to do, which decides what else the request needs.
func (d *Decoder) chooseAction(req *job.Request) *job.Outcome {
	switch {
	case d.fixed.Action != "" && req.Action != "" && req.Action != d.fixed.Action:
		return notAllowed("action: the route fixes another value than %s", quote(req.Action))
	case d.fixed.Action != "":
		req.Action = d.fixed.Action
	case req.Action == "":
		req.Action = d.defaults.Action
	}
	if req.Action == "" {
		return missing("action")
	}
	if !req.Action.Valid() {
		return invalid("action: the route sets %s; expected add_queue_item or start_job", quote(req.Action))
	}
	if why, ok := d.unsupported[req.Action]; ok {
		out := job.Reject(job.UnsupportedAction, "action: "+why)
		return &out
	}
	return nil
}

func missing(field string) *job.Outcome {
	return invalid("%s: missing; set it in the request or under fixed or defaults of the route", field)
}

// fitsAction refuses what the message sets for the other action. What the route
// presets for it is passed over instead: a route may serve both.
func fitsAction(req *job.Request) *job.Outcome {
	stray := ""
	if req.Action == job.AddQueueItem {
		switch {
		case req.Process != "":
			stray = "process"
		case len(req.Arguments) > 0:
			stray = "arguments"
		}
		req.Arguments = nil
	} else {
		switch {
		case req.Queue != "":
			stray = "queue"
		case len(req.Content) > 0:
			stray = "content"
		case !req.DeferUntil.IsZero():
			stray = "defer_until"
		case !req.DueBy.IsZero():
			stray = "due_by"
		}
		req.Content = nil
	}
	if stray != "" {
		return invalid("%s: %s has none; remove it", stray, req.Action)
	}
	return nil
}

// bound completes the request with what the route sets and refuses what the
// route does not leave to the message.
func (d *Decoder) bound(req *job.Request) (stop *job.Outcome) {
	if d.noFolders && req.Folder != "" {
		return invalid("folder: the product has none; remove it")
	}
	req.Folder, req.FolderFromRoute, stop = d.name("folder", req.Folder, d.fixed.Folder, d.defaults.Folder, d.listed(d.allow.Folders))
	if stop != nil {
		return stop
	}
	if stop = d.boundPriority(req); stop != nil {
		return stop
	}
	if req.Action == job.StartJob {
		return d.boundJob(req)
	}
	return d.boundItem(req)
}

func (d *Decoder) boundItem(req *job.Request) (stop *job.Outcome) {
	var own bool
	req.Queue, own, stop = d.name("queue", req.Queue, d.fixed.Queue, d.defaults.Queue, d.listed(d.allow.Queues))
	if stop != nil {
		return stop
	}
	d.place(req, own)
	req.ReferenceColumn = d.column
	if req.Queue == "" {
		return missing("queue")
	}
	if req.Content, stop = merge("content", req.Content, d.fixed.Content, d.content); stop != nil {
		return stop
	}
	return d.boundOptions(req, nil)
}

func (d *Decoder) boundJob(req *job.Request) (stop *job.Outcome) {
	allowed := d.listed(d.allow.Processes)
	if d.plans {
		allowed = d.planned
	}
	var own bool
	req.Process, own, stop = d.name("process", req.Process, d.fixed.Process, d.defaults.Process, allowed)
	if stop != nil {
		return stop
	}
	d.place(req, own)
	if req.Process == "" {
		return missing("process")
	}
	if req.Arguments, stop = merge("arguments", req.Arguments, d.fixed.Arguments, d.arguments); stop != nil {
		return stop
	}
	if !d.plans {
		return d.boundOptions(req, nil)
	}
	return d.boundPlan(req, own)
}

func (d *Decoder) boundPriority(req *job.Request) *job.Outcome {
	switch fixed := d.fixed.Priority; {
	case fixed != "" && req.Priority != "" && req.Priority != fixed:
		return notAllowed("priority: the route fixes another value than %s", quote(req.Priority))
	case fixed != "":
		req.Priority = fixed
	case req.Priority == "":
		req.Priority = d.defaults.Priority
	}
	return nil
}

// listed tells whether a name is in a list of allow.
func (d *Decoder) listed(list []string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(list, func(e string) bool { return e == anything || d.same(e, name) })
	}
}

// name settles a name; own tells that it is the route's. A message that
// repeats the route's name gets it in the route's spelling.
func (d *Decoder) name(field, given, fixed, preset string, allowed func(string) bool) (name string, own bool, stop *job.Outcome) {
	switch {
	case fixed != "" && (given == "" || d.same(given, fixed)):
		return fixed, true, nil
	case fixed != "":
		return given, false, notAllowed("%s: the route fixes another value than %s", field, quote(given))
	case given == "":
		return preset, preset != "", nil
	case preset != "" && d.same(given, preset):
		return preset, true, nil
	case allowed(given):
		return given, false, nil
	}
	return given, false, notAllowed("%s: the route does not allow %s", field, quote(given))
}

// place notes whose the place is that a request goes to, where that is no folder.
func (d *Decoder) place(req *job.Request, own bool) {
	if d.noFolders {
		req.FolderFromRoute = own
	}
}

// boundOptions checks the options that the message sets, then adds the
// route's. judged passes over those that another rule has allowed already.
func (d *Decoder) boundOptions(req *job.Request, judged func(key string) bool) (stop *job.Outcome) {
	if key, ok := least(req.Options, func(key string, v json.RawMessage) bool {
		if slices.Contains(d.fixedOptions, key) {
			return !sameJSON(v, d.fixed.Options[key])
		}
		return (judged == nil || !judged(key)) && !d.optionAllowed(key, v)
	}); ok {
		return notAllowed("options.%s: the route does not allow it", shown(key, maxQuoted))
	}
	req.Options, stop = merge("options", req.Options, d.fixed.Options, d.options)
	return stop
}

// optionAllowed leaves a key that is fixed to merge.
func (d *Decoder) optionAllowed(key string, v json.RawMessage) bool {
	if _, ok := d.fixed.Options[key]; ok || slices.Contains(d.allow.Options, key) || slices.Contains(d.allow.Options, anything) {
		return true
	}
	preset, ok := d.defaults.Options[key]
	return ok && sameJSON(v, preset)
}

// merge adds the route's values to those of the message, key by key; a message
// that sets a fixed key to another value is refused. The message's map is ours.
func merge(field string, given, fixed, route job.Fields) (job.Fields, *job.Outcome) {
	if len(given) == 0 {
		return route, nil
	}
	if key, ok := least(fixed, func(key string, v json.RawMessage) bool {
		other, set := given[key]
		return set && !sameJSON(other, v)
	}); ok {
		return given, notAllowed("%s.%s: the route fixes another value", field, shown(key, maxQuoted))
	}
	for key, v := range route {
		if _, set := given[key]; !set {
			given[key] = v
		}
	}
	maps.Copy(given, fixed) // in the route's spelling
	return given, nil
}

// least is the first key in order that is bad, so that the same message always
// gets the same detail.
func least(fields job.Fields, bad func(string, json.RawMessage) bool) (key string, found bool) {
	for k, v := range fields {
		if (!found || k < key) && bad(k, v) {
			key, found = k, true
		}
	}
	return key, found
}

// overlay is base with top laid over it.
func overlay(base, top job.Fields) job.Fields {
	if len(base) == 0 {
		return top
	}
	all := maps.Clone(base)
	maps.Copy(all, top)
	return all
}
