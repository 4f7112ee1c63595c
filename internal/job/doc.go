// Package job holds the one data type that flows through the worker: a
// [Request] goes to an orchestrator, an [Outcome] comes back. It imports
// nothing of the module and knows neither NATS nor HTTP.
package job
