package uipath

import (
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
)

// Lacking is what the scopes of a token do not allow and an action needs.
type Lacking struct {
	// Scopes of which one would do.
	Scopes []string
	// For is what it is needed for.
	For string
	// Only tells that requests are carried out without it, as long as no answer is
	// lost.
	Only bool
}

// scopeNeed is one right, and the scopes that hold it (UiPath Orchestrator's API
// definition v20.0).
type scopeNeed struct {
	scopes []string
	what   string
	only   bool
	reads  bool // queues or processes cannot be read without it
}

var scopeNeeds = map[job.Action][]scopeNeed{
	job.AddQueueItem: {
		{scopes: []string{"OR.Queues", "OR.Queues.Write"}, what: "to add queue items"},
		{scopes: []string{"OR.Queues", "OR.Queues.Read"}, reads: true, what: "to read queues and items: without it the first answer that is lost holds the route until the scope is there"},
	},
	job.StartJob: {
		{scopes: []string{"OR.Jobs", "OR.Jobs.Write"}, what: "to start jobs"},
		{scopes: []string{"OR.Execution", "OR.Execution.Read"}, reads: true, what: "to find processes"},
		{scopes: []string{"OR.Jobs", "OR.Jobs.Read"}, what: "to look jobs up after an answer was lost", only: true},
	},
}

// LackingScopes is what the granted scopes do not allow. OR.Default leaves it to
// the account's roles in the folders: nothing is lacking then.
func LackingScopes(granted []string, actions ...job.Action) []Lacking {
	var lacking []Lacking
	for _, action := range actions {
		for _, n := range scopeNeeds[action] {
			if !n.met(granted) {
				lacking = append(lacking, Lacking{Scopes: n.scopes, For: n.what, Only: n.only})
			}
		}
	}
	return lacking
}

// Reads reports whether the granted scopes let the queues, or processes, of an
// action be read.
func Reads(granted []string, action job.Action) bool {
	return !slices.ContainsFunc(scopeNeeds[action], func(n scopeNeed) bool { return n.reads && !n.met(granted) })
}

func (n scopeNeed) met(granted []string) bool {
	return slices.ContainsFunc(granted, func(scope string) bool {
		same := func(other string) bool { return strings.EqualFold(scope, other) }
		return same("OR.Default") || slices.ContainsFunc(n.scopes, same)
	})
}
