// Package consumer owns the JetStream messages of a route: it pulls them, keeps
// them alive while they are in hand, has each one tried, and acks, naks or
// terminates it, in one place. It knows nothing of HTTP.
package consumer
