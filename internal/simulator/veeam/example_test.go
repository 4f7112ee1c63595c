package veeam_test

import (
	"fmt"

	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

func ExampleStart() {
	o, err := veeam.Start(veeam.Settings{RunFor: -1}) // plans run until Finish
	if err != nil {
		fmt.Println(err)
		return
	}
	defer o.Close()
	plan := o.AddPlan(veeam.Plan{Name: "Payroll"})
	lost := o.AddFault(server.CommitThenDrop(veeam.ReadinessCheck)) // the next answers are lost
	lost.Remove()
	o.Begin(plan.ID, veeam.Restore) // somebody else runs it
	fmt.Println(o.State(plan.ID), len(o.Runs(plan.ID)), "run,", o.Refused(veeam.Busy), "overlaps")
	// Output: Restoring 1 run, 0 overlaps
}
