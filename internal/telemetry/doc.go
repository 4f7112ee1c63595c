// Package telemetry is what an operator sees: the JSON log with its fixed
// events, the Prometheus metrics, and the version. It does not know who writes
// a line or counts a number, nor where they are shown.
package telemetry
