package remedy

import "github.com/queueferry/queueferry/internal/job"

// The reasons of a trouble that is not the orchestrator's: what /readyz says of
// NATS, of the routes' consumers, and of the worker itself.
const (
	Disconnected     job.Reason = "disconnected"      // no connection to NATS
	Starting         job.Reason = "starting"          // connected, and what must exist is not there yet
	ConsumerLost     job.Reason = "consumer_lost"     // a route's durable consumer is not there
	PermissionDenied job.Reason = "permission_denied" // the NATS user lacks a permission
	JetStreamTrouble job.Reason = "jetstream_trouble" // the ledger, the dead letters or the streams do not work
)

// OfNATS is what to do about a trouble with NATS. It is never empty: the worker
// keeps trying, and no message is lost while it lasts.
func OfNATS(r job.Reason) string {
	if text, ok := ofNATS[r]; ok {
		return text
	}
	return OfHold(r)
}

var ofNATS = map[job.Reason]string{
	Disconnected:     "See that the NATS server runs, that nats.url and the way there are right, and that it takes the worker's credentials: the log says under nats.error what it met. It connects again by itself.",
	Starting:         "The log says under nats.error what is in the way: see that JetStream is on, has a leader and free space, and that the worker may make its streams, bucket and consumers, or make them yourself.",
	ConsumerLost:     "See that the stream and the route's durable consumer exist and the worker may use them; with stream.manage: create it makes them anew by itself, with never they must be made.",
	PermissionDenied: "Permit it on the NATS server; docs/security.md lists what the worker's user needs. A new connection, or ten minutes without another refusal, ends this.",
	JetStreamTrouble: "See to JetStream: the bucket and streams, permissions, free space, a leader. What was asked for stays in the stream meanwhile.",
}
