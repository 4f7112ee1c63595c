// Package integration proves the promises of the whole worker: a real JetStream
// server, a simulated orchestrator over real HTTP, and the worker as it runs.
package integration
