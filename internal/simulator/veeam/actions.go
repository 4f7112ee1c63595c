package veeam

import (
	"slices"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// The actions of a plan; each is the last part of its path. Failing back, preparing
// it and switching over have the paths of the REST API reference of Availability
// Orchestrator 3 (Fail Back to Source VMs) and of the changelog of v5; their
// shorter titles are no paths. Clone and Schedule are not there: they run nothing.
const (
	ReadinessCheck         server.Operation = "ReadinessCheck"
	Failover               server.Operation = "Failover"
	Restore                server.Operation = "Restore"
	Enable                 server.Operation = "Enable"
	Disable                server.Operation = "Disable"
	Halt                   server.Operation = "Halt"
	Continue               server.Operation = "Continue"
	ResetState             server.Operation = "ResetState"
	Undo                   server.Operation = "Undo"
	PermanentFailover      server.Operation = "PermanentFailover"
	FailbackToProduction   server.Operation = "FailbackToProduction"
	PrepareToFailback      server.Operation = "PrepareToFailback"
	SwitchoverToProduction server.Operation = "SwitchoverToProduction"
	CommitFailback         server.Operation = "CommitFailback"
	MalwareScan            server.Operation = "MalwareScan" // from v13
)

// Actions are the operations that act on a plan, in the order of their names.
var Actions = func() []server.Operation {
	var all []server.Operation
	for name := range actions {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}()

// The types of plans. Restore is documented, the others are what the product's
// screens call them.
const (
	RestorePlan = "Restore"
	ReplicaPlan = "Replica"
	StoragePlan = "Storage"
	CloudPlan   = "Cloud"
)

// action is what is known of one.
type action struct {
	// members of the body, all of them needed. None: the call takes no body.
	members []member
	// types of plans that have it. None: all.
	types []string
	// from are the states it can be taken in. None: every state that is not active.
	// Only those of Undo are documented, the others follow from what the action does.
	from []State
	// during and after are the states while it runs and when it has. Without during
	// it is over at once.
	during, after State
}

var replicas = []string{ReplicaPlan}

// actions by the last part of their path (REST API reference, Plans). A plan that
// was restored or failed over can be run again: the server does nothing against
// the same request twice.
var actions = map[server.Operation]action{
	ReadinessCheck: {members: []member{{"generateReport", isBoolean}}, during: Checking, after: Verified},
	MalwareScan:    {types: []string{RestorePlan}, during: Scanning, after: Verified},
	Restore: {
		// restorepointDate: the reference writes it so here, and restorePointDate in Failover.
		members: []member{
			{"restoreLocationId", isID}, {"executeChainedPlans", isBoolean}, {"restorepointDate", isDateOrNull},
			{"protectStorageVolumes", isBoolean},
		},
		types: []string{RestorePlan, CloudPlan}, during: Restoring, after: RestoreComplete,
	},
	Failover: {
		members: []member{{"executeChainedPlans", isBoolean}, {"restorePointDate", isDateOrNull}, {"protectStorageVolumes", isBoolean}},
		types:   []string{ReplicaPlan, StoragePlan}, during: FailingOver, after: FailoverComplete,
	},
	PermanentFailover: {
		types: replicas, from: []State{FailoverComplete}, during: MakingPermanent, after: PermanentFailoverComplete,
	},
	PrepareToFailback: {
		types: replicas, from: []State{FailoverComplete}, during: PreparingFailback, after: PrepareToFailbackComplete,
	},
	FailbackToProduction: {
		members: []member{{"restoreLocationId", isID}, {"failbackRestoreVMTags", isBoolean}}, types: replicas,
		from: []State{FailoverComplete, PrepareToFailbackComplete}, during: FailingBack, after: FailbackComplete,
	},
	SwitchoverToProduction: {types: replicas, from: []State{FailbackComplete}, during: SwitchingOver, after: SwitchoverComplete},
	CommitFailback: {
		types: replicas, from: []State{FailbackComplete, SwitchoverComplete}, during: CommittingFailback, after: CommitFailbackComplete,
	},
	Undo: {
		types: []string{ReplicaPlan, StoragePlan}, from: []State{FailoverComplete, FailbackComplete, Halted},
		during: Undoing, after: UndoComplete,
	},
	Continue: {
		members: []member{{"executionContinueOptions", isOneOf(
			"ProceedToNextVm", "ProceedToNextStep", "ProceedToNextGroup", "RetryFailedStep", "RetryFailedVm", "RetryFailedGroup")}},
		from: []State{Halted},
	},
	Halt:       {members: []member{{"fullStop", isBoolean}}},
	ResetState: {members: []member{{"executeReadinessCheck", isBoolean}}},
	Enable:     {},
	Disable:    {},
}

// fits reports whether a plan of a type in a state can be acted upon so.
func (a *action) fits(planType string, state State) bool {
	return (len(a.types) == 0 || slices.Contains(a.types, planType)) && (len(a.from) == 0 || slices.Contains(a.from, state))
}

// of reports whether a version of the API has an action.
func of(version string, name server.Operation) bool {
	_, known := actions[name]
	return known && (name != MalwareScan || version == "v13" || version == "v13.1")
}
