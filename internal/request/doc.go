// Package request turns a message into a job request: it tells the three forms
// apart, runs the route's transform, fixes the request's identity and holds the
// publisher to the bounds that the route sets. It knows neither NATS nor HTTP,
// nor what a product makes of a folder or an option.
package request
