package veeam

// State of a plan as the API names it. Of these names only RestoreComplete is
// documented; the others follow its form, and a client must not branch on them.
type State string

// The states a plan is in before it has run, after it was reset, and after a
// readiness check or a malware scan (User Guide, Plan States and Modes). The guide
// calls them default, not stable, and so isStableState is false with them: a
// client that waits for a stable plan waits for ever.
const (
	NeedsVerification State = "NeedsVerification"
	NotVerified       State = "NotVerified"
	Verified          State = "Verified"
)

// The states a run ends in, which the guide calls stable.
const (
	RestoreComplete           State = "RestoreComplete"
	FailoverComplete          State = "FailoverComplete"
	PermanentFailoverComplete State = "PermanentFailoverComplete"
	PrepareToFailbackComplete State = "PrepareToFailbackComplete"
	FailbackComplete          State = "FailbackComplete"
	SwitchoverComplete        State = "SwitchoverComplete"
	CommitFailbackComplete    State = "CommitFailbackComplete"
	UndoComplete              State = "UndoComplete"
	Halted                    State = "Halted"
)

// The active states of a run.
const (
	Checking           State = "Checking"
	Scanning           State = "Scanning"
	Restoring          State = "Restoring"
	FailingOver        State = "FailingOver"
	MakingPermanent    State = "PermanentFailover"
	PreparingFailback  State = "PrepareToFailback"
	FailingBack        State = "FailingBack"
	SwitchingOver      State = "SwitchingOver"
	CommittingFailback State = "CommittingFailback"
	Undoing            State = "Undoing"
)

// The active states without a run: somebody else has the plan. isRunningState is
// false with them, and no action is taken.
const (
	Editing  State = "Editing"
	Saving   State = "Saving"
	Creating State = "Creating"
	Deleting State = "Deleting"
)

// names are the display texts that differ from the state's own name.
var names = map[State]string{
	NeedsVerification: "Needs Verification", NotVerified: "Not Verified", RestoreComplete: "Restored",
	FailoverComplete: "Failover", PermanentFailoverComplete: "Permanent Failover", PrepareToFailbackComplete: "Prepare for Failback",
	FailbackComplete: "Failback", SwitchoverComplete: "Switchover", CommitFailbackComplete: "Commit Failback", UndoComplete: "Undo",
	Restoring: "Restore", FailingOver: "Failover", MakingPermanent: "Permanent Failover", PreparingFailback: "Prepare for Failback",
	FailingBack: "Failback", SwitchingOver: "Switchover", CommittingFailback: "Commit Failback", Undoing: "Undo", Scanning: "Scan",
}

// name is what the product's own screens show. It does not tell an active state
// from the one it ends in.
func (s State) name() string {
	if name, ok := names[s]; ok {
		return name
	}
	return string(s)
}

// initial reports whether the guide calls a state default.
func (s State) initial() bool { return s == NeedsVerification || s == NotVerified || s == Verified }

// taken reports whether somebody else has the plan.
func (s State) taken() bool { return s == Editing || s == Saving || s == Creating || s == Deleting }
