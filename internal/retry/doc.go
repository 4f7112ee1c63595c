// Package retry holds the decisions about time: what becomes of a message after
// an outcome, how long to wait, what a Retry-After header asks for, and when a
// circuit opens. It never sleeps, and knows neither NATS nor HTTP.
package retry
