package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
)

// foreign lists what a route to each product cannot have, and why.
var foreign = map[Product]map[string]string{
	UiPath: {
		"allow.plans":      "plans are for veeam; list processes under allow.processes",
		"reference_column": "it is for automation_anywhere",
	},
	AutomationAnywhere: {
		"fixed.folder": noFolders, "defaults.folder": noFolders, "allow.folders": noFolders,
		"allow.plans": "plans are for veeam; list bots under allow.processes",
	},
	Veeam: {
		"fixed.folder": noFolders, "defaults.folder": noFolders, "allow.folders": noFolders,
		"fixed.queue": noQueues, "defaults.queue": noQueues, "allow.queues": noQueues,
		"fixed.action": noQueues, "defaults.action": noQueues,
		"allow.processes":  "list plans under allow.plans, with their actions",
		"reference_column": "it is for automation_anywhere",
	},
}

const (
	noFolders = "this product has no folders"
	noQueues  = "this product has no queues, only start_job with a plan as its process"
)

// validateRoute checks a route against the product that it leads to.
func (r *reader) validateRoute(route Route, product Product, path string) {
	for key, set := range settings(route) {
		if why := foreign[product][key]; set && why != "" {
			r.problem(path+"."+key, "is not for a connection to %s: %s; remove it", product, why)
		}
	}
	if product == "" || r.faulty(path+".fixed") || r.faulty(path+".defaults") || r.faulty(path+".allow") {
		return
	}
	if gaps := gaps(route, product); len(gaps) > 0 {
		r.problem(path, "no request could be valid on this route: %s; set what is missing under fixed or defaults, or list it under allow",
			strings.Join(gaps, ", "))
	}
}

// settings tells which of the keys in foreign the route has. An action is
// among them only if it needs a queue.
func settings(route Route) map[string]bool {
	fixed, defaults, allow := route.Fixed, route.Defaults, route.Allow
	return map[string]bool{
		"fixed.folder":     fixed.Folder != "",
		"fixed.queue":      fixed.Queue != "",
		"fixed.action":     fixed.Action == job.AddQueueItem,
		"defaults.folder":  defaults.Folder != "",
		"defaults.queue":   defaults.Queue != "",
		"defaults.action":  defaults.Action == job.AddQueueItem,
		"allow.folders":    len(allow.Folders) > 0,
		"allow.queues":     len(allow.Queues) > 0,
		"allow.processes":  len(allow.Processes) > 0,
		"allow.plans":      len(allow.Plans) > 0,
		"reference_column": route.ReferenceColumn != "",
	}
}

// faulty reports whether something at path or below it is wrong.
func (r *reader) faulty(path string) bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool { return strings.HasPrefix(p.Key, path) })
}

// needs is what a request of each action must name on each product.
var needs = map[Product]map[job.Action][]string{
	UiPath:             {job.AddQueueItem: {"folder", "queue"}, job.StartJob: {"folder", "process"}},
	AutomationAnywhere: {job.AddQueueItem: {"queue"}, job.StartJob: {"process"}},
	Veeam:              {job.StartJob: {"plan"}},
}

// gaps says for every action what the route lacks. It is empty if one action
// lacks nothing.
func gaps(route Route, product Product) []string {
	fixed, defaults, allow := route.Fixed, route.Defaults, route.Allow
	process := fixed.Process != "" || defaults.Process != ""
	named := map[string]bool{
		"folder":  fixed.Folder != "" || defaults.Folder != "" || len(allow.Folders) > 0,
		"queue":   fixed.Queue != "" || defaults.Queue != "" || len(allow.Queues) > 0,
		"process": process || len(allow.Processes) > 0,
		"plan":    process || len(allow.Plans) > 0,
	}
	var out []string
	for _, action := range []job.Action{job.AddQueueItem, job.StartJob} {
		needed, offered := needs[product][action]
		if !offered || fixed.Action != "" && fixed.Action != action {
			continue
		}
		var lacking []string
		for _, what := range needed {
			if !named[what] {
				lacking = append(lacking, "no "+what)
			}
		}
		if len(lacking) == 0 {
			return nil
		}
		out = append(out, fmt.Sprintf("%s has %s", action, strings.Join(lacking, " and ")))
	}
	return out
}
