package request

import "github.com/queueferry/queueferry/internal/job"

// Preset is what a route sets of a request: under fixed it stands against
// everything, under defaults the message wins. Zero values set nothing.
type Preset struct {
	Action                 job.Action
	Folder, Queue, Process string
	Priority               job.Priority
	// Content, Arguments and Options are merged key by key.
	Content, Arguments, Options job.Fields
}

// Allow lists what a message may set by itself. The zero value allows nothing;
// an element "*" allows everything.
type Allow struct {
	Folders, Queues, Processes, Options []string
	Plans                               []Plan
}

// Plan is a Veeam Recovery Orchestrator plan that a message may name, and what
// may be done with it. No actions means ReadinessCheck only.
type Plan struct {
	Plan    string // name or UUID; "*" is any plan, for ReadinessCheck only
	Actions []string
}
