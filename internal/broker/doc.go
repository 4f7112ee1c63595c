// Package broker reaches the NATS servers, or runs one inside the process, and
// sees to it that the streams, the bucket and the consumers are there and fit
// for the work. It knows neither messages nor what is done with them.
package broker
