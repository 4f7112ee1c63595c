package uipath_test

import (
	"fmt"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func ExampleStart() {
	o, err := uipath.Start(uipath.Settings{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer o.Close()
	o.AddQueue("Finance/AP", "Invoices", uipath.Queue{UniqueReference: true})
	lost := o.AddFault(uipath.CommitThenDrop(uipath.AddQueueItem)) // the next answers are lost
	lost.Remove()
	fmt.Println(len(o.Items()), "items,", len(o.Violations()), "violations")
	// Output: 0 items, 0 violations
}
