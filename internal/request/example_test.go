package request_test

import (
	"context"
	"fmt"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/request"
)

// A route that fixes the queue and turns any JSON into a request.
func ExampleDecoder_Decode() {
	decoder, err := request.NewDecoder(request.Settings{
		Fixed:     request.Preset{Action: job.AddQueueItem, Folder: "Finance/AP", Queue: "Invoices"},
		Transform: `select(.kind == "invoice") | {id: .nr, content: {Vendor: .vendor.name, Amount: .amount}}`,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, body := range []string{
		`{"kind":"invoice","nr":"inv-000123","vendor":{"name":"ACME"},"amount":12.50}`,
		`{"kind":"reminder"}`,
		`{"kind":"invoice","vendor":"ACME"}`,
	} {
		req, out, ok := decoder.Decode(context.Background(), request.Message{
			Subject: "jobs.invoices.eu", Data: []byte(body), Stream: "JOBS", Sequence: uint64(i + 1), Time: time.Unix(0, 0),
		})
		switch {
		case ok:
			fmt.Printf("%s: %s %s with %s\n", req.ID, req.Action, req.Queue, req.Content["Amount"])
		case out.Verdict == job.Dropped:
			fmt.Printf("%s: dropped\n", req.ID)
		default:
			fmt.Printf("%s: %s: %s\n", req.ID, out.Reason, out.Detail)
		}
	}
	// Output:
	// inv-000123: add_queue_item Invoices with 12.50
	// JOBS-2-0: dropped
	// JOBS-3-0: transform_failed: the transform failed: expected an object but got: string
}
